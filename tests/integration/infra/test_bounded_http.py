"""What never ends is ended by the server, and keeps no memory meanwhile."""

import asyncio
import json

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from infra.bounded_http import MAX_HEAD_BYTES
from infra.process import http_server
from infra.web import EdgeMiddleware

WAIT_SECONDS = 30
LINE = b"X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
# Far more than is read before the connection is closed.
ENDLESS = 200 * MAX_HEAD_BYTES


async def read_body(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


APP = EdgeMiddleware(Starlette(routes=[Route("/", read_body, methods=["GET", "POST"])]))


async def answers_to(*sent: bytes) -> bytes:
    """Everything the server says until it closes the connection, which it must."""
    async with http_server(APP, "127.0.0.1", 0, drain_seconds=1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        said = asyncio.create_task(read_all(reader))
        try:
            for part in sent:
                writer.write(part)
                await writer.drain()
        except ConnectionError:
            # It listens no longer.
            pass
        async with asyncio.timeout(WAIT_SECONDS):
            everything = await said
        writer.close()
        return everything


async def read_all(reader: asyncio.StreamReader) -> bytes:
    said = b""
    try:
        while part := await reader.read(65_536):
            said += part
    except ConnectionError:
        # Closed while there was more to come from us: the system resets such a connection.
        pass
    return said


@pytest.mark.parametrize(
    "endless",
    [b"GET /?" + b"a" * ENDLESS, b"GET / HTTP/1.1\r\nX-A: " + b"a" * ENDLESS],
    ids=["header", "URL"],
)
async def test_head_without_end_is_refused(endless: bytes) -> None:
    said = await answers_to(endless)
    # The answer may be lost where the connection is reset.
    assert not said or said.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


async def test_refusal_is_a_problem() -> None:
    # No byte more than it takes: nothing is left unread, and the answer is not lost.
    start = b"GET / HTTP/1.1\r\nX-A: "
    said = await answers_to(start + b"a" * (MAX_HEAD_BYTES + 1 - len(start)))
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["type"] == "/problems/request-header-fields-too-large"


async def test_what_is_no_http_is_refused_with_a_problem() -> None:
    said = await answers_to(b"one chicken bowl, please\r\n\r\n")
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["type"] == "/problems/malformed-http"


async def test_head_of_endless_lines_is_refused() -> None:
    await answers_to(b"GET / HTTP/1.1\r\nHost: x\r\n" + LINE * (ENDLESS // len(LINE)))


async def test_trailers_without_end_end_the_connection() -> None:
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
    await answers_to(chunked + LINE * (ENDLESS // len(LINE)))


async def test_body_and_many_requests_of_one_connection_may_be_long() -> None:
    body = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n"
    small = b"GET / HTTP/1.1\r\nHost: x\r\n" + LINE * 20 + b"\r\n"
    last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    said = await answers_to(body, *[b"a" * 30_000] * 10, small * 200, last)
    assert said.count(b"HTTP/1.1 200 OK") == 202
    assert b"300000" in said
