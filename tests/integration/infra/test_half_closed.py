"""Clients that shut their sending side and go on reading: whole answers are given."""

import asyncio
import socket

import pytest
from starlette.types import Receive, Scope, Send

from infra import bounded_http
from infra.http_cycle import cycle_of
from tests.integration.infra.wire import Echo, Wire, request, statuses

BODY = b"one chicken bowl"
WHOLE = request(f"Content-Length: {len(BODY)}", method="POST", path="/slow", body=BODY)


@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_request_that_came_whole_is_answered_whole(wire: Wire, version: str) -> None:
    app = Echo()
    length = f"Content-Length: {len(BODY)}"
    sent = request(length, method="POST", path="/slow", version=version, body=BODY)
    async with wire.connected(app) as (reader, writer):
        writer.write(sent)
        writer.write_eof()
        assert await app.begun.get() == "/slow"
        app.may_answer.set()
        said = await reader.read()
    assert statuses(said) == [200]
    assert b"connection: close\r\n" in said
    assert said.endswith(b"\r\n\r\n" + BODY)


async def test_end_may_come_later_than_the_request(wire: Wire) -> None:
    app = Echo()
    async with wire.connected(app) as (reader, writer):
        writer.write(WHOLE)
        assert await app.begun.get() == "/slow"
        writer.write_eof()
        app.may_answer.set()
        said = await reader.read()
    assert statuses(said) == [200]
    assert said.endswith(b"\r\n\r\n" + BODY)


async def test_requests_that_came_before_the_end_are_answered_in_turn(wire: Wire) -> None:
    app = Echo()
    sent = WHOLE + request(path="/second") + WHOLE
    async with wire.connected(app) as (reader, writer):
        writer.write(sent)
        writer.write_eof()
        assert await app.begun.get() == "/slow"
        app.may_answer.set()
        said = await reader.read()
    assert statuses(said) == [200] * 3
    assert said.count(b"connection: close\r\n") == 1
    assert app.whole == [("/slow", BODY), ("/second", b""), ("/slow", BODY)]


async def test_long_answer_is_given_whole(wire: Wire) -> None:
    # More than a connection's buffers take.
    body = b"x" * 20_000_000

    async def app(_: Scope, __: Receive, send: Send) -> None:
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})

    said = await wire.said_to(app, request(), half_close=True)
    assert said.partition(b"\r\n\r\n")[2] == body


@pytest.mark.parametrize("before", [b"", request(path="/before"), b"\r\n"])
async def test_connection_without_a_request_under_way_is_closed_at_once(
    wire: Wire, before: bytes
) -> None:
    app = Echo()
    async with wire.connected(app) as (reader, writer):
        writer.write(before)
        if b"GET" in before:
            await reader.readuntil(b"\r\n\r\n")
        writer.write_eof()
        assert await reader.read() == b""


CUT = {
    "first line": b"GET /cu",
    "head": request(path="/cut")[:-2],
    "body": request("Content-Length: 5", method="POST", path="/cut", body=b"hel"),
    "no body": request("Content-Length: 5", method="POST", path="/cut"),
    "chunk": request("Transfer-Encoding: chunked", method="POST", path="/cut", body=b"5\r\nhel"),
    "last chunk": request(
        "Transfer-Encoding: chunked", method="POST", path="/cut", body=b"5\r\nhello\r\n0\r\n"
    ),
    "offer": request("Upgrade: h2c", "Connection: upgrade", path="/cut")[:-2],
    "body of an offer": request(
        "Upgrade: h2c", "Connection: upgrade", "Content-Length: 5", path="/cut", body=b"hel"
    ),
}


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT)
async def test_request_that_was_cut_is_not_run(wire: Wire, cut: bytes) -> None:
    app = Echo()
    assert statuses(await wire.said_to(app, cut, half_close=True)) == [400]
    assert app.whole == []


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT)
async def test_requests_before_one_that_was_cut_are_answered(wire: Wire, cut: bytes) -> None:
    app = Echo()
    async with wire.connected(app) as (reader, writer):
        writer.write(WHOLE + cut)
        writer.write_eof()
        assert await app.begun.get() == "/slow"
        app.may_answer.set()
        said = await reader.read()
    assert statuses(said) == [200, 400]
    assert app.whole == [("/slow", BODY)]


async def test_client_that_takes_nothing_is_not_waited_for_without_end(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_http, "LAST_ANSWERS_SECONDS", 0.1)
    broken_off = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while not cycle_of(send).disconnected:
                part = {"type": "http.response.body", "body": b"x" * 100_000, "more_body": True}
                await send(part)
        finally:
            broken_off.set()

    async with wire.connected(app) as (reader, writer):
        # Nor does the client take anything: this program's buffer for it is small.
        writer.write(request())
        writer.write_eof()
        await broken_off.wait()
        assert not reader.at_eof()


async def test_client_that_is_gone_is_told_to_the_request_under_way_and_not_to_the_next(
    wire: Wire,
) -> None:
    """The one that waits for its turn is not run."""
    gone = asyncio.Event()

    async def app(scope: Scope, receive: Receive, _: Send) -> None:
        assert scope["path"] == "/first"
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()

    async with wire.connected(app) as (_, writer):
        writer.write(request(path="/first") + request(path="/second"))
        await writer.drain()
        # Without a goodbye, as a machine does that is switched off and on.
        linger = b"\1\0\0\0\0\0\0\0"
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
        await gone.wait()
