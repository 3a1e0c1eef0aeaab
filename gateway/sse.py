"""Event streams on the wire (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from sse_starlette.event import JSONServerSentEvent, ServerSentEvent
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from infra.logs import get_logger

log = get_logger()

# A reader who takes nothing for so long has gone without a word.
SEND_SECONDS = 30
RETRY = ServerSentEvent(retry=1000, sep="\n").encode()
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    # nginx would hold events back until its buffer is full.
    "X-Accel-Buffering": "no",
}


def encode(event: str, data: Mapping[str, Any], event_id: str | None = None) -> bytes:
    """One event as it goes over the wire, its data as JSON."""
    encoded: bytes = JSONServerSentEvent(data, event=event, id=event_id, sep="\n").encode()
    return encoded


class EventStreamResponse(Response):
    """Sends encoded events as they come, until there are no more or the reader is gone.

    Two tasks at most: the request's own, which sends, and one that waits for the disconnect.

    Args:
        chunks: encoded events. It ends by itself soon after ``on_disconnect`` was called.
        seconds: how long the stream may last; None for as long as it likes.
        on_disconnect: called when the reader is gone.
        on_close: called once when the response is over, whatever ended it.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        *,
        seconds: float | None,
        on_disconnect: Callable[[], None],
        on_close: Callable[[], None],
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers(HEADERS)
        self._chunks = chunks
        self._seconds = seconds
        self._on_disconnect = on_disconnect
        self._on_close = on_close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watching = asyncio.create_task(self._watch_for_disconnect(receive))
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            if scope["method"] != "HEAD":
                await self._send_chunks(send)
            async with asyncio.timeout(SEND_SECONDS):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            # The server breaks the connection off when an answer is left unfinished.
            log.info("stream_stalled")
        finally:
            watching.cancel()
            await self._chunks.aclose()
            self._on_close()

    async def _send_chunks(self, send: Send) -> None:
        try:
            async with asyncio.timeout(self._seconds) as lifetime, aclosing(self._chunks) as chunks:
                async for chunk in chunks:
                    async with asyncio.timeout(SEND_SECONDS):
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except TimeoutError:
            if not lifetime.expired():
                raise

    async def _watch_for_disconnect(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._on_disconnect()
