"""Paths with all their methods, and what they can answer."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from infra.openapi import Reply, operation
from infra.resources import Endpoint, PathRouter, resources
from infra.web import (
    EXCEPTION_HANDLERS,
    MAX_HEADER_BYTES,
    MAX_URI_BYTES,
    EdgeMiddleware,
    ErrorsMiddleware,
)


@operation("Reads it", Reply("It.", schema={}))
async def _read(request: Request) -> Response:
    return JSONResponse(request.path_params)


@operation("Shows it", Reply("A page.", media_type="text/html", schema={}))
async def _show(_: Request) -> Response:
    return HTMLResponse("<!doctype html>")


@operation("Deletes it", Reply("It is gone.", status=204))
async def _delete(_: Request) -> Response:
    return Response(status_code=204)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    routes = [
        Route("/dishes/special", _read, methods=["GET"]),
        Route("/dishes/{sku}", _read, methods=["GET"]),
        Route("/dishes/{sku}", _delete, methods=["DELETE"]),
        Route("/board", _read, methods=["GET"]),
        Route("/board", _show, methods=["GET"]),
        Route("/page", _show, methods=["GET"]),
    ]
    app = ErrorsMiddleware(PathRouter(resources(routes)), EXCEPTION_HANDLERS)
    transport = httpx.ASGITransport(EdgeMiddleware(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.mark.parametrize("method", ["PATCH", "PROPFIND", "TRACE"])
async def test_method_that_a_path_has_not_is_told_of_those_it_has(
    client: httpx.AsyncClient, method: str
) -> None:
    answer = await client.request(method, "/dishes/soup")
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"DELETE", "GET", "HEAD", "OPTIONS"}
    assert answer.json()["type"] == "/problems/method-not-allowed"


async def test_options_names_the_methods(client: httpx.AsyncClient) -> None:
    answer = await client.options("/dishes/soup")
    assert answer.status_code == 204
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS"


async def test_head_is_answered_as_get_is(client: httpx.AsyncClient) -> None:
    assert (await client.head("/dishes/soup")).status_code == 200


async def test_path_is_not_taken_for_the_parameter_of_another(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/dishes/special")).status_code == 405


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("text/html, */*;q=0.1", 200),
        ("APPLICATION/*", 200),
        ("text/html", 406),
        ("application/json;q=0, */*", 406),
        ("nonsense", 406),
    ],
)
async def test_what_is_not_acceptable_is_not_sent(
    client: httpx.AsyncClient, accept: str, status: int
) -> None:
    answer = await client.get("/dishes/soup", headers={"Accept": accept})
    assert answer.status_code == status


async def test_answer_without_a_body_is_acceptable_to_all(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/dishes/soup", headers={"Accept": "text/html"})
    assert answer.status_code == 204


async def test_lines_of_accept_count_together(client: httpx.AsyncClient) -> None:
    lines = [("Accept", "text/html"), ("Accept", "application/json;q=0.5")]
    assert (await client.get("/dishes/soup", headers=lines)).status_code == 200


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("*/*", "application/json"),
        ("", "application/json"),
        ("text/html;q=0, */*", "application/json"),
        ("text/html;q=0.5, application/json;q=0.4", "text/html; charset=utf-8"),
    ],
)
async def test_path_with_two_media_types_answers_with_the_one_asked_for(
    client: httpx.AsyncClient, accept: str, media_type: str
) -> None:
    for method in ("GET", "HEAD"):
        answer = await client.request(method, "/board", headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)


async def test_what_is_there_is_named_where_none_of_it_is_acceptable(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/board", headers={"Accept": "image/png"})
    assert answer.status_code == 406
    assert answer.json()["detail"] == "there is application/json and text/html"


@pytest.mark.parametrize("path", ["/dishes/soup/", "/dishes/special/", "/page/", "/"])
@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
async def test_slash_at_the_end_makes_another_path(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    assert "location" not in answer.headers
    assert ("slash" in answer.json().get("detail", "")) is (path != "/")


async def test_options_of_the_whole_server_names_what_it_can() -> None:
    """RFC 9110, section 9.3.7."""
    routes = resources(
        [Route("/order", _read, methods=["GET"]), Route("/order", _delete, methods=["DELETE"])]
    )
    router = PathRouter([*routes, Mount("/api/v1", app=PathRouter(routes))])

    async def as_a_whole(scope: Scope, receive: Receive, send: Send) -> None:
        await router({**scope, "path": "*"}, receive, send)

    transport = httpx.ASGITransport(ExceptionMiddleware(as_a_whole))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.options("/")
        assert answer.status_code == 204
        assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS"
        assert (await client.get("/")).status_code == 404


async def test_head_of_a_request_may_be_long_but_not_endless(client: httpx.AsyncClient) -> None:
    long = await client.get("/dishes/soup", headers={"X-Long": "x" * MAX_HEADER_BYTES})
    assert long.status_code == 431
    assert long.json()["type"] == "/problems/request-header-fields-too-large"
    far = await client.get("/dishes/" + "s" * MAX_URI_BYTES)
    assert far.status_code == 414
    assert far.headers["x-request-id"]


async def test_every_answer_has_security_headers(client: httpx.AsyncClient) -> None:
    for path in ("/dishes/soup", "/nowhere"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "strict-transport-security" not in headers
    secure = await client.get("https://test/dishes/soup")
    assert secure.headers["strict-transport-security"]


async def _said(router: PathRouter, path: str, method: str = "GET") -> tuple[int, str]:
    transport = httpx.ASGITransport(ExceptionMiddleware(router))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.request(method, path)
    return answer.status_code, answer.text


def _telling(name: str) -> Endpoint:
    async def tell(request: Request) -> Response:
        return Response(f"{name} {request.path_params.get('id', '')}".strip())

    return tell


async def test_fixed_path_goes_before_a_pattern_wherever_they_stand() -> None:
    routes = [
        Route("/order/{id}", _telling("one"), methods=["GET"]),
        Route("/order/stream", _telling("stream"), methods=["GET"]),
    ]
    inner = PathRouter(resources(routes))
    router = PathRouter([*resources(routes), Mount("/api/v1", app=inner)])
    for prefix in ("", "/api/v1"):
        assert await _said(router, f"{prefix}/order/stream") == (200, "stream")
        assert await _said(router, f"{prefix}/order/17") == (200, "one 17")
        assert (await _said(router, f"{prefix}/order/stream", "PUT"))[0] == 405
        assert (await _said(router, f"{prefix}/nothing"))[0] == 404
        assert (await _said(router, f"{prefix}/"))[0] == 404
    assert (await _said(router, "/api/v1"))[0] == 404
