"""Scripts of other origins: who is let in, what they may send, and what they can read."""

import httpx
import pytest

from infra.web import MAX_HEADER_BYTES, MAX_URI_BYTES
from tests.integration.gateway.house import House

ORIGIN = "https://app.example"
THEIRS = {"Origin": ORIGIN}
LET_IN = {"cors_origins": (ORIGIN,)}
# Readable by scripts in any case (https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name).
ALWAYS_READABLE = {"cache-control", "content-length", "content-type", "expires", "last-modified"}
# For browsers and caches, not for scripts.
NOT_FOR_SCRIPTS = {
    "access-control-allow-origin",
    "access-control-expose-headers",
    "content-security-policy",
    "cross-origin-resource-policy",
    "date",
    "referrer-policy",
    "set-cookie",
    "vary",
    "x-content-type-options",
}


def _preflight(method: str = "POST", *headers: str, origin: str = ORIGIN) -> dict[str, str]:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return asked | ({"Access-Control-Request-Headers": ",".join(headers)} if headers else {})


def _names(value: str) -> set[str]:
    return {name.strip().lower() for name in value.split(",")}


def _assert_readable(answer: httpx.Response) -> None:
    """Fails unless a script of ``ORIGIN`` can read the answer, and each header that means
    something to it."""
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "origin" in _names(answer.headers["vary"])
    exposed = _names(answer.headers["access-control-expose-headers"])
    assert set(answer.headers) <= exposed | ALWAYS_READABLE | NOT_FOR_SCRIPTS


async def test_other_origins_are_let_in_only_where_they_are_named() -> None:
    async with House().open() as house:
        answer = await house.http.options("/order", headers=_preflight())
        assert "access-control-allow-origin" not in answer.headers
    async with House().open(**LET_IN) as house:
        preflight = await house.http.options("/order", headers=_preflight())
        assert preflight.is_success
        assert preflight.headers["access-control-allow-origin"] == ORIGIN
        assert "access-control-allow-credentials" not in preflight.headers
        assert "origin" in _names(preflight.headers["vary"])
        assert int(preflight.headers["access-control-max-age"]) > 0
        assert preflight.headers["x-request-id"]
        evil = "https://evil.example"
        refused = await house.http.options("/order", headers=_preflight(origin=evil))
        assert "access-control-allow-origin" not in refused.headers
        read = await house.http.get("/menu", headers={"Origin": evil})
        assert "access-control-allow-origin" not in read.headers
        assert "origin" in _names(read.headers["vary"])


async def test_answers_of_the_edge_can_be_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    async with House().open(**LET_IN) as house:
        monkeypatch.setattr("gateway.routes.menu.is_known", fail)
        for path, headers, status in (
            ("/menu?" + "x" * MAX_URI_BYTES, {}, 414),
            ("/menu", {"X-Long": "x" * MAX_HEADER_BYTES}, 431),
            ("/menu", {}, 500),
            ("/nowhere", {}, 404),
            ("/order", {}, 401),
        ):
            answer = await house.http.get(path, headers=THEIRS | headers)
            assert answer.status_code == status
            assert answer.json()["type"]
            _assert_readable(answer)


async def test_every_header_that_means_something_can_be_read() -> None:
    order = {"items": [{"sku": "bowl", "quantity": 1, "options": ["rice"]}]}
    async with House().open(**LET_IN) as house:
        told = (await house.http.get("/openapi.json")).json()
        documented = {
            name.lower()
            for methods in told["paths"].values()
            for operation in methods.values()
            for response in operation["responses"].values()
            for name in response.get("headers", {})
        }
        placed = await house.call("POST", "/order", json=order, origin=ORIGIN, idempotency_key="k")
        exposed = _names(placed.headers["access-control-expose-headers"])
        assert documented - NOT_FOR_SCRIPTS <= exposed
        assert {"allow", "idempotent-replayed", "x-request-id", "ratelimit"} <= exposed
        assert exposed.isdisjoint(NOT_FOR_SCRIPTS)
        for answer in (
            placed,
            await house.http.options("/order", headers=THEIRS),
            await house.http.patch("/order", headers=THEIRS),
            await house.http.get("/menu", headers=THEIRS),
        ):
            _assert_readable(answer)


async def test_event_stream_can_be_read() -> None:
    async with House().open(**LET_IN) as house:
        answer = await house.http.head("/board/stream", headers=THEIRS)
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        async with house.http.stream("GET", "/board/stream", headers=THEIRS) as stream:
            assert stream.headers["access-control-allow-origin"] == ORIGIN
            assert (await anext(stream.aiter_lines())).startswith("retry")


async def test_every_header_and_method_that_is_documented_may_be_sent() -> None:
    async with House().open(**LET_IN) as house:
        told = (await house.http.get("/openapi.json")).json()
        operations = [each for path in told["paths"].values() for each in path.values()]
        documented = {
            parameter["name"]
            for operation in operations
            for parameter in operation["parameters"]
            if parameter["in"] == "header"
        }
        methods = {method.upper() for path in told["paths"].values() for method in path}
        for method in sorted({*methods, "HEAD"}):
            answer = await house.http.options("/order", headers=_preflight(method))
            assert answer.is_success, method
        more = {"authorization", "content-type", "traceparent", "tracestate", "x-request-id"}
        for name in sorted(documented | more):
            answer = await house.http.options("/order", headers=_preflight("POST", name))
            assert answer.is_success, name
            assert name.lower() in _names(answer.headers["access-control-allow-headers"])


@pytest.mark.parametrize(
    ("asked", "at_fault"),
    [
        (_preflight(origin="https://evil.example"), "origin"),
        (_preflight("PROPFIND"), "method"),
        (_preflight("POST", "content-type", "x-evil"), "headers"),
    ],
)
async def test_refused_preflight_is_a_problem(asked: dict[str, str], at_fault: str) -> None:
    async with House().open(**LET_IN) as house:
        answer = await house.http.options("/order", headers=asked)
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["type"] == "/problems/preflight-refused"
        assert problem["detail"] == f"not let in: {at_fault}"
        assert answer.headers["x-request-id"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert (await house.http.get(problem["type"])).json()["status"] == 403
