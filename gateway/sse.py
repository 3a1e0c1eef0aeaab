"""Event streams on the wire (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sse_starlette.event import JSONServerSentEvent, ServerSentEvent
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.long_answers import hand_over

if TYPE_CHECKING:
    from gateway.stream import Stream

RETRY = ServerSentEvent(retry=1000, sep="\n").encode()
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    # A proxy that compresses would hold events back until its block is full
    # (RFC 9111, section 5.2.2.6).
    "Cache-Control": "no-store, no-transform",
    # nginx would hold events back until its buffer is full.
    "X-Accel-Buffering": "no",
}


def encode(event: str, data: Mapping[str, Any], event_id: str | None = None) -> bytes:
    """One event as it goes over the wire, its data as JSON."""
    encoded: bytes = JSONServerSentEvent(data, event=event, id=event_id, sep="\n").encode()
    return encoded


class EventStreamResponse(Response):
    """The head of an answer whose rest is an event stream.

    Args:
        stream: sends the events when the answer was handed over, at the top of the application.
    """

    def __init__(self, stream: "Stream[Any]") -> None:
        self.status_code = 200
        self.background = None
        self.init_headers(HEADERS)
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_handed_over = False
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            wanted = scope["method"] != "HEAD"
            body = RETRY if wanted else b""
            await send({"type": "http.response.body", "body": body, "more_body": wanted})
            if wanted:
                hand_over(scope, self._stream)
                is_handed_over = True
        finally:
            if not is_handed_over:
                self._stream.forget()
