"""HTTP as every service speaks it: bodies, problems, request ids."""

from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, field_validator
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from infra.errors import Violation
from infra.problems import ProblemType
from infra.web import (
    EXCEPTION_HANDLERS,
    MAX_BODY_BYTES,
    EdgeMiddleware,
    ProblemError,
    json_pointer,
    read_json,
)


class Dish(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    prices: list[int] = []

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        if not name:
            raise ValueError("a dish has a name")
        return name


async def _echo(request: Request) -> Response:
    return JSONResponse((await read_json(request, Dish)).model_dump())


async def _burn(_: Request) -> Response:
    raise RuntimeError("the secret recipe")


async def _refuse(_: Request) -> Response:
    raise ProblemError(
        ProblemType("sold-out", 409, "Sold out"),
        "no soup today",
        errors=[Violation("/items/0", "sold out")],
        headers={"Retry-After": "60"},
        sku="soup",
    )


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(
        routes=[
            Route("/echo", _echo, methods=["POST"]),
            Route("/burn", _burn),
            Route("/refuse", _refuse),
        ],
        middleware=[Middleware(EdgeMiddleware)],
        exception_handlers=EXCEPTION_HANDLERS,
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def _assert_problem(response: httpx.Response, status: int, slug: str) -> dict[str, object]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = response.json()
    assert body["status"] == status
    assert body["type"] == f"/problems/{slug}"
    return body


async def test_body_becomes_the_model(client: httpx.AsyncClient) -> None:
    response = await client.post("/echo", json={"name": "soup", "prices": [450]})
    assert response.json() == {"name": "soup", "prices": [450]}


async def test_body_of_another_type_is_415(client: httpx.AsyncClient) -> None:
    response = await client.post("/echo", content=b"name=soup")
    _assert_problem(response, 415, "unsupported-media-type")


async def test_body_past_the_cap_is_413(client: httpx.AsyncClient) -> None:
    body = b'{"name": "%s"}' % (b"x" * MAX_BODY_BYTES)
    response = await client.post(
        "/echo", content=body, headers={"Content-Type": "application/json"}
    )
    _assert_problem(response, 413, "body-too-large")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"name": "\\ud800"}', b"[" * 5000])
async def test_body_that_is_no_json_is_400(client: httpx.AsyncClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    _assert_problem(
        await client.post("/echo", content=body, headers=headers), 400, "malformed-json"
    )


async def test_fields_at_fault_are_named_by_pointer(client: httpx.AsyncClient) -> None:
    response = await client.post("/echo", json={"name": "", "prices": [1, "x"], "a/b~c": 1})
    body = _assert_problem(response, 422, "invalid-request")
    errors = {error["pointer"]: error["detail"] for error in body["errors"]}  # type: ignore[attr-defined]
    assert set(errors) == {"/name", "/prices/1", "/a~1b~0c"}
    assert errors["/name"] == "a dish has a name"


async def test_document_of_another_shape_is_named_by_the_empty_pointer(
    client: httpx.AsyncClient,
) -> None:
    body = _assert_problem(await client.post("/echo", json=[]), 422, "invalid-request")
    assert [error["pointer"] for error in body["errors"]] == [""]  # type: ignore[attr-defined]


async def test_problem_carries_its_facts_errors_and_headers(client: httpx.AsyncClient) -> None:
    response = await client.get("/refuse")
    body = _assert_problem(response, 409, "sold-out")
    assert body["detail"] == "no soup today"
    assert body["sku"] == "soup"
    assert body["errors"] == [{"pointer": "/items/0", "detail": "sold out"}]
    assert response.headers["retry-after"] == "60"


async def test_unknown_path_and_method_are_problems(client: httpx.AsyncClient) -> None:
    _assert_problem(await client.get("/nowhere"), 404, "not-found")
    response = await client.get("/echo")
    _assert_problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "POST"


async def test_unexpected_error_is_logged_and_reveals_nothing(client: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        response = await client.get("/burn", headers={"X-Request-ID": "abc"})
    _assert_problem(response, 500, "internal")
    assert "recipe" not in response.text
    assert response.headers["x-request-id"] == "abc"
    assert [line["event"] for line in logs] == ["request_failed", "request_served"]
    assert logs[0]["exc_info"]
    assert logs[1]["status"] == 500


async def test_request_id_is_echoed(client: httpx.AsyncClient) -> None:
    response = await client.get("/refuse", headers={"X-Request-ID": "Table-4"})
    assert response.headers["x-request-id"] == "Table-4"


@pytest.mark.parametrize("asked", ["", "two words", "x" * 129, "caf\xe9"])
async def test_request_id_that_would_spoil_logs_is_replaced(
    client: httpx.AsyncClient, asked: str
) -> None:
    headers = {"X-Request-ID": asked.encode("latin-1")}
    response = await client.get("/refuse", headers=headers)  # type: ignore[arg-type]
    assert response.headers["x-request-id"] not in {"", asked}


def test_pointer_escapes_what_rfc_6901_reserves() -> None:
    assert json_pointer(["a/b", "~", 0]) == "/a~1b/~0/0"
