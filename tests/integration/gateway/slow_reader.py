"""A reader of an event stream who takes little at a time, or nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httptools

from infra.dev.bench_streams.readers import stream_request
from infra.dev.sse_client import EventStreamParser, ServerSentEvent
from tests.integration.gateway.house import WAIT_SECONDS, House

# So little that the other side soon has to keep what it sends.
RECEIVE_BUFFER_BYTES = 16_384


class SlowReader:
    """An open stream that is read only when it is told to."""

    def __init__(self, connection: socket.socket) -> None:
        self.events: list[ServerSentEvent] = []
        """What was read so far, heartbeats left out."""
        self.ended = False
        """Whether the stream ended in good order."""
        self._connection = connection
        self._parser = httptools.HttpResponseParser(self)
        self._events = EventStreamParser()

    async def read(self) -> bool:
        """Takes what fits into the buffer. False when the connection is over."""
        async with asyncio.timeout(WAIT_SECONDS):
            try:
                data = await asyncio.get_running_loop().sock_recv(
                    self._connection, RECEIVE_BUFFER_BYTES
                )
            except ConnectionResetError:
                return False
        self._parser.feed_data(data)
        return bool(data) and not self.ended

    async def read_until(self, count: int) -> list[ServerSentEvent]:
        """All events, once there are so many of them."""
        while len(self.events) < count:
            assert await self.read(), "the stream ended early"
        return self.events

    def on_body(self, body: bytes) -> None:
        self.events += [e for e in self._events.feed(body.decode()) if e.event != "heartbeat"]

    def on_message_complete(self) -> None:
        self.ended = True


@asynccontextmanager
async def slow_reader(
    house: House, user_id: str = "anna", *, path: str = "/order/stream", last_id: str = ""
) -> AsyncIterator[SlowReader]:
    """A stream that is open, its first event read."""
    token = house.headers(user_id)["Authorization"].removeprefix("Bearer ")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, ("127.0.0.1", house.http.base_url.port))
        request = stream_request(path, token=token, last_id=last_id)
        await loop.sock_sendall(connection, request)
        reader = SlowReader(connection)
        await reader.read_until(1)
        yield reader
