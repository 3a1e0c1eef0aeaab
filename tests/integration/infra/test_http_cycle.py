"""Answers that leave in one piece are those that ASGI's messages would have made."""

import asyncio
import gc

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from infra.http_cycle import render_head
from infra.process import http_server
from infra.resources import PathRouter, resources
from infra.web import (
    EXCEPTION_HANDLERS,
    EdgeMiddleware,
    ErrorsMiddleware,
    JsonResponse,
    WholeResponse,
    read_body,
)

WAIT_SECONDS = 30
CLOSE = "Connection: close"


async def whole(request: Request) -> Response:
    return JsonResponse({"id": request.path_params["id"]}, headers={"ETag": '"1"'})


async def by_parts(request: Request) -> Response:
    # Starlette's own goes by ASGI's messages.
    body = JsonResponse({"id": request.path_params["id"]}).body
    return Response(body, headers={"ETag": '"1"', "Content-Type": "application/json"})


async def own_policy(_: Request) -> Response:
    return JsonResponse({}, headers={"Cache-Control": "no-store"})


async def unchanged(_: Request) -> Response:
    return WholeResponse(status_code=304, headers={"ETag": '"1"'})


async def smuggle(_: Request) -> Response:
    return JsonResponse({}, headers={"ETag": '"1"\r\nX-Evil: 1'})


async def count(request: Request) -> Response:
    return JsonResponse(len(await read_body(request)))


ROUTER = PathRouter(
    resources(
        [
            Route("/whole/{id}", whole, methods=["GET"]),
            Route("/parts/{id}", by_parts, methods=["GET"]),
            Route("/own", own_policy, methods=["GET"]),
            Route("/unchanged", unchanged, methods=["GET"]),
            Route("/smuggle", smuggle, methods=["GET"]),
            Route("/count", count, methods=["POST"]),
        ]
    )
)
APP = EdgeMiddleware(ErrorsMiddleware(ROUTER, EXCEPTION_HANDLERS))


def a_request(path: str, *lines: str, method: str = "GET") -> bytes:
    head = (f"{method} {path} HTTP/1.1", "Host: here", "X-Request-ID: table-4", *lines)
    return "\r\n".join((*head, "", "")).encode()


async def said_to(*requests: bytes, app: ASGIApp = APP) -> bytes:
    """All that is answered on one connection, the last request of which closes it."""
    async with http_server(app, "127.0.0.1", 0, drain_seconds=1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.writelines(requests)
        async with asyncio.timeout(WAIT_SECONDS):
            said = await reader.read()
        writer.close()
        return said


def split(answer: bytes) -> tuple[str, set[str], bytes]:
    """Status line, header lines but the date's, body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *headers = head.decode().split("\r\n")
    return status, {line for line in headers if not line.startswith("date: ")}, body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("lines", [["Connection: close"], ["Connection: close", "X-A: b"]])
async def test_it_is_what_it_would_have_been_by_parts(method: str, lines: list[str]) -> None:
    one = split(await said_to(a_request("/whole/7", *lines, method=method)))
    other = split(await said_to(a_request("/parts/7", *lines, method=method)))
    assert one == other
    assert one[0] == "HTTP/1.1 200 OK"
    assert {"x-request-id: table-4", 'etag: "1"', "x-content-type-options: nosniff"} <= one[1]
    assert one[2] == (b'{"id":"7"}' if method == "GET" else b"")


async def test_connection_is_kept_and_answers_come_in_order() -> None:
    said = await said_to(
        a_request("/whole/1"),
        a_request("/parts/2"),
        a_request("/whole/3", method="HEAD"),
        a_request("/unchanged"),
        a_request("/whole/4", "Connection: close"),
    )
    assert said.count(b"HTTP/1.1 ") == 5
    assert said.count(b"connection: close\r\n") == 1
    bodies = [part.partition(b"\r\n\r\n")[2] for part in said.split(b"HTTP/1.1 ")[1:]]
    assert bodies == [b'{"id":"1"}', b'{"id":"2"}', b"", b"", b'{"id":"4"}']


@pytest.mark.parametrize("path", ["/whole/7", "/parts/7"])
async def test_old_client_gets_it_and_its_end(path: str) -> None:
    said = await said_to(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    assert b"content-length: 10\r\n" in said
    assert said.endswith(b'connection: close\r\n\r\n{"id":"7"}')


async def test_old_client_gets_parts_without_a_length_as_they_are() -> None:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in (b"one", b"", b" and another"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})

    head, _, body = (await said_to(b"GET / HTTP/1.0\r\n\r\n", app=app)).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert body == b"one and another"


async def test_old_client_is_not_told_to_continue() -> None:
    lines = ("Expect: 100-continue", "Content-Length: 5")
    sent = a_request("/count", *lines, method="POST").replace(b"HTTP/1.1", b"HTTP/1.0")
    said = await said_to(sent + b"hello")
    assert said.startswith(b"HTTP/1.1 200 ")


async def test_header_of_its_own_goes_before_that_of_the_edge() -> None:
    said = await said_to(a_request("/own", "Connection: close"))
    lines = [line for line in said.lower().split(b"\r\n") if line.startswith(b"cache-control")]
    assert lines == [b"cache-control: no-store"]


async def test_no_header_ends_its_line() -> None:
    said = await said_to(a_request("/smuggle", "Connection: close"))
    assert b"X-Evil" not in said
    assert not said.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("value", [b"a\nb", b"a\rb", b"a\r\nb"])
def test_end_of_a_line_in_a_value_is_refused(value: bytes) -> None:
    with pytest.raises(RuntimeError):
        render_head([(b"x-a", b"fine"), (b"x-b", value)])


async def test_body_that_is_asked_for_and_comes_later_is_read() -> None:
    async with http_server(APP, "127.0.0.1", 0, drain_seconds=1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        lines = ("Expect: 100-continue", "Content-Length: 5", "Connection: close")
        writer.write(a_request("/count", *lines, method="POST"))
        async with asyncio.timeout(WAIT_SECONDS):
            assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
            writer.write(b"hello")
            assert (await reader.read()).endswith(b"\r\n\r\n5")
        writer.close()


async def test_layer_outside_the_edge_sees_every_head() -> None:
    seen: list[int] = []

    def watching(app: ASGIApp) -> ASGIApp:
        async def watch(scope: Scope, receive: Receive, send: Send) -> None:
            async def note(message: Message) -> None:
                seen.append(message.get("status", 0))
                await send(message)

            await app(scope, receive, note)

        return watch

    await said_to(a_request("/whole/7", "Connection: close"), app=watching(APP))
    assert seen[0] == 200


async def test_layer_inside_the_edge_can_change_every_head() -> None:
    async def marked(scope: Scope, receive: Receive, send: Send) -> None:
        async def mark(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-marked", b"1")]
            await send(message)

        await ROUTER(scope, receive, mark)

    said = await said_to(a_request("/whole/7", "Connection: close"), app=EdgeMiddleware(marked))
    assert b"x-marked: 1\r\n" in said
    assert b"x-request-id: table-4\r\n" in said


@pytest.mark.parametrize("path", ["/whole/7", "/unchanged"])
async def test_method_a_path_has_not_is_a_problem_that_names_those_it_has(path: str) -> None:
    said = await said_to(a_request(path, "Connection: close", method="DELETE"))
    status, headers, body = split(said)
    assert status.startswith("HTTP/1.1 405 ")
    assert {"allow: GET, HEAD, OPTIONS", "content-type: application/problem+json"} <= headers
    assert b'"/problems/method-not-allowed"' in body


async def test_error_in_the_middle_of_an_answer_breaks_it_off() -> None:
    async def answer(_: Request, __: Exception) -> Response:
        return JsonResponse({"late": True})

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise KeyError("the rest")

    app = EdgeMiddleware(ErrorsMiddleware(broken, {KeyError: answer}))
    said = await said_to(a_request("/", "Connection: close"), app=app)
    assert said.startswith(b"HTTP/1.1 200 ")
    assert b"late" not in said
    # Without the chunk that ends it.
    assert not said.endswith(b"0\r\n\r\n")


async def test_request_is_forgotten_when_it_is_answered() -> None:
    """Without the garbage collector, whose look at thousands of them all others would wait for."""
    gc.collect()
    gc.disable()
    try:
        await said_to(*[a_request(f"/whole/{n}") for n in range(20)], a_request("/own", CLOSE))
        left = [it for it in gc.get_objects() if isinstance(it, RequestResponseCycle)]
    finally:
        gc.enable()
    # A connection keeps its last one.
    assert len(left) <= 1
