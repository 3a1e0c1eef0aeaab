"""HTTP byte by byte: what was asked on a connection, and all that was said on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.process import http_server

WAIT_SECONDS = 30


@dataclass
class Asked:
    """One request as the application was given it."""

    method: str
    path: str
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    is_whole: bool = False


@dataclass
class Echo:
    """Answers each request with its body, and keeps what it was asked.

    One whose path begins with ``/slow`` is answered when ``may_answer`` is set.
    """

    asked: list[Asked] = field(default_factory=list)
    begun: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    """The path of each request, as soon as the application has it."""
    over: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    """The path of each request that the application is done with."""
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = Asked(scope["method"], scope["path"], list(scope["headers"]))
        self.asked.append(asked)
        self.begun.put_nowait(asked.path)
        try:
            more = True
            while more:
                message: Message = await receive()
                if message["type"] == "http.disconnect":
                    return
                asked.body += message["body"]
                more = message["more_body"]
            asked.is_whole = True
            # Trailers came with the body's end.
            asked.headers = list(scope["headers"])
            if asked.path.startswith("/slow"):
                await self.may_answer.wait()
            length = (b"content-length", b"%d" % len(asked.body))
            await send({"type": "http.response.start", "status": 200, "headers": [length]})
            await send({"type": "http.response.body", "body": asked.body})
        finally:
            self.over.put_nowait(asked.path)

    @property
    def whole(self) -> list[tuple[str, bytes]]:
        """Path and body of each request that was run."""
        return [(asked.path, asked.body) for asked in self.asked if asked.is_whole]


@dataclass
class Wire:
    """A server of whatever app a test puts behind it."""

    port: int = 0
    app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)

    @asynccontextmanager
    async def connected(
        self, app: ASGIApp
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection to ``app``."""
        self.app = app
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                yield reader, writer
        finally:
            writer.close()

    async def said_to(self, app: ASGIApp, *sent: bytes, half_close: bool = False) -> bytes:
        """All that is said until the server closes the connection, which it must.

        Args:
            app: what is served.
            sent: goes out at once.
            half_close: the client shuts its sending side then.
        """
        async with self.connected(app) as (reader, writer):
            writer.write(b"".join(sent))
            if half_close:
                writer.write_eof()
            return await reader.read()


@asynccontextmanager
async def serving() -> AsyncIterator[Wire]:
    """A server without an app yet."""
    wire = Wire()
    async with http_server(wire, "127.0.0.1", 0, drain_seconds=1) as wire.port:
        yield wire


def statuses(said: bytes) -> list[int]:
    """The status of each answer."""
    return [int(part[:3]) for part in said.split(b"HTTP/1.1 ")[1:]]


def request(
    *lines: str,
    method: str = "GET",
    path: str = "/",
    version: str = "1.1",
    host: str | None = "here",
    body: bytes = b"",
) -> bytes:
    """A request; ``lines`` are header fields beside ``Host``."""
    first = [f"{method} {path} HTTP/{version}"]
    named = [] if host is None else [f"Host: {host}"]
    return "\r\n".join((*first, *named, *lines, "", "")).encode("latin-1") + body


LAST = request("Connection: close", path="/last")
"""A request after which the server closes the connection."""
