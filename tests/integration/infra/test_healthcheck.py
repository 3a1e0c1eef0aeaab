import asyncio

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from infra.grpc_runtime import Boundary, grpc_server
from infra.healthcheck import ask
from infra.identity import Guard
from infra.process import http_server
from tests.conftest import free_port


async def test_serving_grpc_server_is_well() -> None:
    boundary = Boundary(Guard(None, {}), {})
    async with grpc_server("127.0.0.1:0", lambda _: (), boundary, drain_seconds=1) as port:
        assert await asyncio.to_thread(ask, f"grpc://127.0.0.1:{port}") is None


@pytest.mark.parametrize("scheme", ["grpc", "http"])
async def test_server_that_is_away_is_not_well(scheme: str) -> None:
    assert await asyncio.to_thread(ask, f"{scheme}://127.0.0.1:{free_port()}")


@pytest.mark.parametrize(
    "url", ["nonsense", "127.0.0.1:50051", "grpc://", "grpc://127.0.0.1:99999", "http://[::1"]
)
async def test_address_that_is_none_is_told_as_such(url: str) -> None:
    assert "grpc://HOST:PORT" in (await asyncio.to_thread(ask, url) or "")


async def test_certificates_that_can_not_serve_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("CERT", "KEY", "CA"):
        monkeypatch.setenv(f"ORDER_TLS_{part}", "/nowhere.pem")
    said = await asyncio.to_thread(ask, f"grpc://127.0.0.1:{free_port()}")
    assert "can't serve for TLS" in (said or "")


async def test_http_server_is_well_unless_it_answers_with_an_error() -> None:
    app = Starlette(
        routes=[
            Route("/well", lambda _: PlainTextResponse("ok")),
            Route("/ill", lambda _: PlainTextResponse("redis", status_code=503)),
        ]
    )
    async with http_server(app, "127.0.0.1", 0, drain_seconds=1) as port:
        assert await asyncio.to_thread(ask, f"http://127.0.0.1:{port}/well") is None
        said = await asyncio.to_thread(ask, f"http://127.0.0.1:{port}/ill") or ""
        # It says what is ill, too.
        assert ("503" in said, "redis" in said) == (True, True)
