"""Many open event streams in one process, read as they come and held with little."""

import asyncio
import resource
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

import httptools

from infra.dev.sse_client import EventStreamParser, ServerSentEvent

CONNECTING_AT_ONCE = 200
OPEN_SECONDS = 60
SPARE_FILES = 200
"""What a process has open beside its connections."""


class StreamRefusedError(Exception):
    """A stream was answered with something else than 200, or broke off. For people."""


class Reader(asyncio.Protocol):
    """One stream: asks for it and parses what comes.

    Args:
        number: which of the readers it is.
        request: the whole request as it goes over the wire.
        tell: called with each event that is no heartbeat.
    """

    def __init__(
        self, number: int, request: bytes, tell: Callable[["Reader", ServerSentEvent], None]
    ) -> None:
        self.number = number
        self.opened = asyncio.get_running_loop().create_future()
        """Done when the first event came; failed when none will."""
        self.events = EventStreamParser()
        self._request = request
        self._tell = tell
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None

    def close(self) -> None:
        """Breaks it off."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_headers_complete(self) -> None:
        if (status := self._parser.get_status_code()) != 200:
            self._fail(f"answered {status}")

    def on_body(self, body: bytes) -> None:
        for event in self.events.feed(body.decode()):
            if event.event == "heartbeat":
                continue
            if not self.opened.done():
                self.opened.set_result(None)
            self._tell(self, event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("broken off")

    def _fail(self, why: str) -> None:
        if not self.opened.done():
            self.opened.set_exception(StreamRefusedError(f"a stream was {why}"))


def stream_request(path: str, *, token: str = "", last_id: str = "") -> bytes:
    """What a browser asks with, more or less: as many headers, and as long ones."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Accept: text/event-stream",
        "Accept-Language: en-GB,en;q=0.7,ru;q=0.3",
        "Accept-Encoding: gzip, deflate, br, zstd",
        "Referer: http://127.0.0.1/",
        "Connection: keep-alive",
        "Sec-Fetch-Dest: empty",
        "Sec-Fetch-Mode: cors",
        "Sec-Fetch-Site: same-origin",
        "Pragma: no-cache",
        "Cache-Control: no-cache",
    ]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if last_id:
        lines.append(f"Last-Event-ID: {last_id}")
    return "\r\n".join([*lines, "", ""]).encode()


@asynccontextmanager
async def open_readers(
    port: int,
    requests: Sequence[bytes],
    tell: Callable[[Reader, ServerSentEvent], None],
    *,
    at_once: int = CONNECTING_AT_ONCE,
) -> AsyncIterator[list[Reader]]:
    """A reader for each request, all of them told something, until the block ends.

    ``at_once`` of them connect at the same time.

    Raises:
        StreamRefusedError: one was refused.
        TimeoutError: one was told nothing for a minute.
    """
    readers = [Reader(number, request, tell) for number, request in enumerate(requests)]
    connecting = asyncio.Semaphore(at_once)
    loop = asyncio.get_running_loop()

    async def connect(reader: Reader) -> None:
        async with connecting:
            await loop.create_connection(lambda: reader, "127.0.0.1", port)

    try:
        async with asyncio.timeout(OPEN_SECONDS):
            async with asyncio.TaskGroup() as tasks:
                for reader in readers:
                    tasks.create_task(connect(reader))
            await asyncio.gather(*(reader.opened for reader in readers))
        yield readers
    finally:
        for reader in readers:
            reader.opened.cancel()
            reader.close()


def room_for_files(wanted: int) -> int:
    """How many connections of ``wanted`` this process, and those it starts, may have open.

    The limit on open files is raised as far as it goes.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard - SPARE_FILES)
