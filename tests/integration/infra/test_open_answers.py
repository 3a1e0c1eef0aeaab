"""Answers that go on past ASGI, byte by byte over real sockets."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from starlette.types import Receive, Scope, Send

from infra.connections import EXTENSION, Connection, OpenAnswer, open_answer
from infra.process import http_server

WAIT_SECONDS = 30
# So little that the other side soon has to keep what it sends.
RECEIVE_BUFFER_BYTES = 4096

Told = Callable[[OpenAnswer, Receive], Awaitable[None]]


@dataclass
class App:
    """Begins each answer ASGI's way, lets it be told, and waits until it is over."""

    tell: Told
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    errors: list[Exception] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        try:
            answer = open_answer(scope)
        except ValueError as error:
            self.errors.append(error)
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await self.tell(answer, receive)
        while (await receive())["type"] != "http.disconnect":
            pass
        self.over.set()


@asynccontextmanager
async def asked(
    app: App, *requests: bytes
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which ``app`` was asked so much at once."""
    async with http_server(app, "127.0.0.1", 0, drain_seconds=1) as port:
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            connection.setblocking(False)
            await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
            reader, writer = await asyncio.open_connection(
                sock=connection, limit=RECEIVE_BUFFER_BYTES
            )
            async with asyncio.timeout(WAIT_SECONDS):
                writer.write(b"".join(requests))
                yield reader, writer
            writer.close()


def request(version: str = "1.1", method: str = "GET") -> bytes:
    return f"{method} / HTTP/{version}\r\nHost: house\r\n\r\n".encode()


async def tell_for_ever(answer: OpenAnswer, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    # It may have been about to: that is lost.
    answer.write(b"late")
    await answer.end()


async def tell_two(answer: OpenAnswer, _: Receive) -> None:
    answer.write(b"second, of more than sixteen bytes")
    answer.write(b"")
    answer.write(b"third")
    await answer.end()


CHUNKS = b"5\r\nfirst\r\n22\r\nsecond, of more than sixteen bytes\r\n5\r\nthird\r\n0\r\n\r\n"


async def test_what_is_written_comes_in_chunks_and_the_connection_goes_on() -> None:
    async with asked(App(tell_two), request()) as (reader, writer):
        for _ in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"transfer-encoding: chunked" in head
            assert await reader.readexactly(len(CHUNKS)) == CHUNKS
            writer.write(request())


async def test_requests_that_came_at_once_are_answered_one_after_the_other() -> None:
    async with asked(App(tell_two), request(), request()) as (reader, _):
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(len(CHUNKS)) == CHUNKS


async def test_answer_whose_reader_left_before_it_began_goes_nowhere() -> None:
    class Late(App):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            await super().__call__(scope, receive, send)

    app = Late(tell_two)
    async with asked(app, request()) as (_, writer):
        # Reset, not shut: a client that only shuts its sending side still gets its answer.
        reset = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        writer.transport.abort()
        async with asyncio.timeout(WAIT_SECONDS):
            await app.over.wait()
    assert app.errors == []


async def test_open_answer_keeps_nothing_of_its_request() -> None:
    kept: list[tuple[Scope, Connection]] = []

    class Noting(App):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            kept.append((scope, scope["extensions"][EXTENSION]["connection"]))
            await super().__call__(scope, receive, send)

    async def tell(answer: OpenAnswer, receive: Receive) -> None:
        [(scope, connection)] = kept
        assert scope == {"method": "GET"}
        assert connection.headers == []
        await tell_two(answer, receive)

    async with asked(Noting(tell), request()) as (reader, _):
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(len(CHUNKS)) == CHUNKS


@pytest.mark.parametrize("come_at_first", [0, 20, len(request())])
async def test_request_is_forgotten_but_not_the_next_one(come_at_first: int) -> None:
    asked_with: list[list[tuple[bytes, bytes]]] = []

    class Noting(App):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            asked_with.append(list(scope["headers"]))
            await super().__call__(scope, receive, send)

    first = request() + request()[:come_at_first]
    async with asked(Noting(tell_two), first) as (reader, writer):
        for rest in (request()[come_at_first:], b""):
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(len(CHUNKS)) == CHUNKS
            writer.write(rest)
    assert asked_with == [[(b"host", b"house")]] * 2


async def test_connection_of_http_1_0_is_closed_at_the_end() -> None:
    async with asked(App(tell_two), request("1.0")) as (reader, _):
        head = await reader.readuntil(b"\r\n\r\n")
        # Which knows no chunks (RFC 9112 section 6.1).
        assert b"transfer-encoding" not in head
        assert b"connection: close" in head
        assert await reader.read() == b"firstsecond, of more than sixteen bytesthird"


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("end", ["at once", "later"])
async def test_end_of_the_input_ends_an_open_answer(end: str, version: str) -> None:
    app = App(tell_for_ever)
    async with asked(app, request(version)) as (reader, writer):
        if end == "at once":
            writer.write_eof()
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"HTTP/1.1 200 OK" in head
        if end == "later":
            told = await reader.readuntil(b"first")
            writer.write_eof()
            rest = told + await reader.read()
        else:
            rest = await reader.read()
        await app.over.wait()
    # What it told before it was over may be nothing.
    whole = [b"first", b""] if version == "1.0" else [b"5\r\nfirst\r\n0\r\n\r\n", b"0\r\n\r\n"]
    assert rest in whole


async def test_requests_behind_an_open_answer_are_answered_when_the_input_ends() -> None:
    app = App(tell_for_ever)
    async with asked(app, request(), request("1.1", "HEAD")) as (reader, writer):
        await reader.readuntil(b"first\r\n")
        writer.write_eof()
        rest = await reader.read()
    assert rest.startswith(b"0\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert rest.count(b"connection: close") == 1


async def test_what_is_no_http_ends_an_open_answer() -> None:
    app = App(tell_for_ever)
    async with asked(app, request()) as (reader, writer):
        await reader.readuntil(b"first\r\n")
        writer.write(b"nonsense\r\n\r\n")
        rest = await reader.read()
        await app.over.wait()
    assert rest.startswith(b"0\r\n\r\nHTTP/1.1 400 ")


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize(
    ("method", "headers"), [("HEAD", []), ("GET", [(b"content-length", b"0")])]
)
async def test_answer_without_an_open_end_is_none(
    method: str, headers: list[tuple[bytes, bytes]], version: str
) -> None:
    app = App(tell_two, headers)
    async with asked(app, request(version, method)) as (reader, _):
        await reader.readuntil(b"\r\n\r\n")
    assert [str(error) for error in app.errors] == ["the answer has no open end"]


async def test_answer_is_full_while_too_much_was_not_taken() -> None:
    full, drained = asyncio.Event(), asyncio.Event()
    written = bytearray()
    piece = b"x" * 1000

    async def tell(answer: OpenAnswer, _: Receive) -> None:
        assert not answer.is_full
        await answer.drain()
        while not answer.is_full:
            answer.write(piece)
            written.extend(piece)
        full.set()
        await answer.drain()
        assert not answer.is_full
        drained.set()
        await answer.end()

    async with asked(App(tell), request()) as (reader, _):
        await full.wait()
        assert not drained.is_set()
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(len(b"5\r\nfirst\r\n")) == b"5\r\nfirst\r\n"
        taken = bytearray()
        while size := int(await reader.readuntil(b"\r\n"), 16):
            taken += await reader.readexactly(size)
            await reader.readexactly(2)
        assert taken == written
        assert drained.is_set()


async def test_answer_to_one_who_takes_nothing_is_broken_off_at_once() -> None:
    async def tell(answer: OpenAnswer, _: Receive) -> None:
        while not answer.is_full:
            answer.write(b"x" * 1000)
        answer.abort()
        # It does not wait for what can't be sent any more.
        await answer.drain()
        answer.write(b"nobody takes this")

    app = App(tell)
    async with asked(app, request()):
        await app.over.wait()


async def test_what_is_written_to_one_who_went_is_lost() -> None:
    async def tell(answer: OpenAnswer, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        answer.write(b"nobody takes this")
        await answer.end()

    app = App(tell)
    async with asked(app, request()) as (reader, writer):
        await reader.readuntil(b"first\r\n")
        writer.close()
        await app.over.wait()
