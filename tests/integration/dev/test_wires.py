"""Wires: connections that break when they are told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from infra.dev.free_ports import free_ports
from infra.dev.rush.wires import Wire


@asynccontextmanager
async def echoing() -> AsyncIterator[int]:
    """A server that sends back what it hears; its port."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with echoing() as port, Wire("guests→echo", port) as wire:
        yield wire


class Caller:
    """One connection over a wire."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, text: bytes) -> bytes:
        self.writer.write(text)
        return await self.reader.readexactly(len(text))

    async def hang_up(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


async def call(wire: Wire) -> Caller:
    return Caller(*await asyncio.open_connection("127.0.0.1", wire.port))


async def test_whole_wire_passes_everything_on(wire: Wire) -> None:
    caller = await call(wire)
    much = bytes(range(256)) * 20_000
    sending = asyncio.create_task(caller.ask(much))
    assert await sending == much
    await caller.hang_up()


async def test_cut_resets_and_a_new_connection_is_good(wire: Wire) -> None:
    caller = await call(wire)
    await caller.ask(b"hello")
    assert wire.cut() == 1
    with pytest.raises(ConnectionResetError):
        await caller.reader.read(1)
    again = await call(wire)
    assert await again.ask(b"hello") == b"hello"
    await again.hang_up()


async def test_answer_is_lost_with_its_connection_though_the_server_heard(wire: Wire) -> None:
    caller = await call(wire)
    await caller.ask(b"hello")
    assert wire.lose_answers() == 1
    caller.writer.write(b"one more")
    with pytest.raises(ConnectionResetError):
        await caller.reader.read(1)
    assert wire.lost_answers == 1
    again = await call(wire)
    assert await again.ask(b"hello") == b"hello"
    await again.hang_up()


async def test_connection_on_which_nothing_more_is_asked_has_lost_nothing(wire: Wire) -> None:
    caller = await call(wire)
    await caller.ask(b"hello")
    wire.lose_answers()
    wire.lose_answers()
    await caller.hang_up()
    assert wire.lost_answers == 0


async def test_half_open_connection_says_nothing_until_its_caller_gives_up(wire: Wire) -> None:
    caller = await call(wire)
    await caller.ask(b"hello")
    assert wire.fall_silent() == 1
    asking = asyncio.create_task(caller.ask(b"are you there?"))
    # A whole exchange over the same wire, so there was time for an answer.
    again = await call(wire)
    assert await again.ask(b"hello") == b"hello"
    assert not asking.done()
    asking.cancel()
    assert wire.noticed_after == []
    await caller.hang_up()
    # And another, so there was time to see the caller go.
    assert await again.ask(b"hello") == b"hello"
    assert len(wire.noticed_after) == 1
    await again.hang_up()


async def test_caller_is_reset_when_nobody_listens_behind_the_wire() -> None:
    [nobody] = free_ports(1)
    async with Wire("guests→nobody", nobody) as wire:
        caller = await call(wire)
        with pytest.raises(ConnectionResetError):
            await caller.reader.read(1)
