"""TCP connections that break on demand: a small proxy before each server."""

import asyncio
import socket
import struct
from typing import Self, cast

from infra.dev.free_ports import free_ports

HIGH_WATER_BYTES = 256 * 1024
# Closes without lingering: the other side gets a reset rather than an end in good order.
RESET = struct.pack("ii", 1, 0)


class Wire:
    """A proxy before one server. Use it as a block: it listens while the block runs.

    It breaks connections in the ways networks do: at once and noticed by both sides, between a
    question and its answer, or in silence.
    """

    def __init__(self, name: str, target_port: int, *, delay_seconds: float = 0) -> None:
        """``delay_seconds``: how long it takes a new connection to reach the server."""
        self.name = name
        [self.port] = free_ports(1)
        self.noticed_after: list[float] = []
        """For each half-open connection that its caller gave up: after how many seconds."""
        self.lost_answers = 0
        """How many connections were reset instead of passing an answer on."""
        self._target_port = target_port
        self._delay_seconds = delay_seconds
        self._connections: set[_Connection] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()

    def _accept(self) -> asyncio.Protocol:
        connection = _Connection(self, self._target_port, self._delay_seconds)
        self._connections.add(connection)
        return connection.caller

    def forget(self, connection: "_Connection") -> None:
        """The connection is over."""
        self._connections.discard(connection)

    def cut(self) -> int:
        """Resets every connection; new ones may be made at once. Returns how many that were."""
        cut = list(self._connections)
        for connection in cut:
            connection.abort()
        return len(cut)

    def lose_answers(self) -> int:
        """Resets each connection when its server speaks next, and loses what that says.

        What was asked is done then, and whoever asked does not know. Returns how many are waited
        for so; ``lost_answers`` counts those that came to it.
        """
        for connection in self._connections:
            connection.is_losing = True
        return len(self._connections)

    def fall_silent(self) -> int:
        """Makes every connection half-open: nothing that is sent arrives, and nobody is told.

        New ones may be made at once. Returns how many that were.
        """
        silenced = [connection for connection in self._connections if not connection.silent_since]
        for connection in silenced:
            connection.fall_silent()
        return len(silenced)


class _Connection:
    """The caller's end and the server's, joined."""

    def __init__(self, wire: Wire, target_port: int, delay_seconds: float) -> None:
        self.caller = _End(self)
        self.server = _End(self)
        self.silent_since = 0.0
        self.is_losing = False
        self._wire = wire
        self._target_port = target_port
        self._delay_seconds = delay_seconds
        self._joining: asyncio.Task[None] | None = None

    def join(self) -> None:
        """The caller is here: connects to the server too."""
        self._joining = asyncio.create_task(self._join())

    async def _join(self) -> None:
        await asyncio.sleep(self._delay_seconds)
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: self.server, "127.0.0.1", self._target_port)
        except OSError:
            self.abort()

    def fall_silent(self) -> None:
        self.silent_since = asyncio.get_running_loop().time()
        for end in (self.caller, self.server):
            end.resume_reading()

    def pass_on(self, source: "_End", data: bytes) -> None:
        if self.is_losing and source is self.server:
            self._wire.lost_answers += 1
            self.abort()
        elif not self.silent_since:
            self._other(source).write(data)

    def set_reading(self, target: "_End", *, wanted: bool) -> None:
        """``target`` can take more, or can't: its source reads on, or waits."""
        source = self._other(target)
        if wanted or self.silent_since:
            source.resume_reading()
        else:
            source.pause_reading()

    def end_lost(self, end: "_End") -> None:
        if not self.silent_since:
            self._wire.forget(self)
            self._stop_joining()
            self._other(end).close()
        elif end is self.caller:
            elapsed = asyncio.get_running_loop().time() - self.silent_since
            self._wire.noticed_after.append(elapsed)
        if self.caller.is_lost and self.server.is_lost:
            self._wire.forget(self)

    def abort(self) -> None:
        """Resets both ends."""
        self._wire.forget(self)
        self._stop_joining()
        for end in (self.caller, self.server):
            end.abort()

    def _stop_joining(self) -> None:
        if self._joining is not None:
            self._joining.cancel()

    def _other(self, end: "_End") -> "_End":
        return self.server if end is self.caller else self.caller


class _End(asyncio.Protocol):
    """One end of a connection."""

    def __init__(self, connection: _Connection) -> None:
        self.is_lost = False
        self._connection = connection
        self._transport: asyncio.Transport | None = None
        # What the caller says before the server is reached.
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # What loops give for TCP; uvloop's is no subclass of it.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        self._transport.writelines(self._early)
        self._early.clear()
        if self is self._connection.caller:
            self._connection.join()

    def data_received(self, data: bytes) -> None:
        self._connection.pass_on(self, data)

    def pause_writing(self) -> None:
        self._connection.set_reading(self, wanted=False)

    def resume_writing(self) -> None:
        self._connection.set_reading(self, wanted=True)

    def connection_lost(self, _: Exception | None) -> None:
        self.is_lost = True
        self._connection.end_lost(self)

    def write(self, data: bytes) -> None:
        if self._transport is None:
            self._early.append(data)
        elif not self._transport.is_closing():
            self._transport.write(data)

    def pause_reading(self) -> None:
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            plug: socket.socket = self._transport.get_extra_info("socket")
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._transport.abort()
