"""The operations port as HTTP clients meet it."""

import httpx
import pytest

from infra.ops import ops_app


async def _check() -> None:
    return None


async def _asked(method: str, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(ops_app({"redis": _check}))
    async with httpx.AsyncClient(transport=transport, base_url="http://ops.test") as client:
        return await client.request(method, path)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_what_can_be_read_answers_head_and_names_its_methods(path: str) -> None:
    assert (await _asked("GET", path)).status_code == 200
    assert (await _asked("HEAD", path)).status_code == 200
    told = await _asked("OPTIONS", path)
    assert (told.status_code, told.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/healthz/", 404), ("GET", "/nowhere", 404), ("POST", "/readyz", 405)],
)
async def test_what_is_not_there_is_a_problem_and_leads_nowhere_else(
    method: str, path: str, status: int
) -> None:
    answer = await _asked(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert "location" not in answer.headers
