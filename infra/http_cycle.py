"""What a request and its answer can do past ASGI, where the server is uvicorn: be there at once.

ASGI has bodies come bit by bit, and uvicorn takes each header of an answer through two regular
expressions. Most of ours are small and whole.
"""

from collections.abc import Iterable
from functools import lru_cache

from starlette.types import Message, Receive, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

Header = tuple[bytes, bytes]


class CloseDelimitedCycle(RequestResponseCycle):
    """For clients of HTTP/1.0, which know no chunks (RFC 9112 section 6.1): an answer whose length
    is not given in its head ends where its connection does."""

    has_open_end = False
    """True once such an answer has begun."""

    async def send(self, message: Message) -> None:  # type: ignore[override]
        if message["type"] == "http.response.body":
            if self.has_open_end:
                # uvicorn takes each part for the whole of a body whose length was given.
                self.expected_content_length = len(message.get("body", b""))
        elif not self.response_started and self._may_have_body(message):
            names = [name.lower() for name, _ in message.get("headers", ())]
            if b"content-length" not in names:
                self.has_open_end = True
                # uvicorn decides for chunks only where nothing is decided.
                self.chunked_encoding = False
        await super().send(message)  # type: ignore[arg-type]

    def _may_have_body(self, message: Message) -> bool:
        return self.scope["method"] != "HEAD" and message.get("status") not in (204, 304)


def has_open_end(cycle: RequestResponseCycle) -> bool:
    """True if the answer has begun, and its head does not tell how long it is."""
    return bool(cycle.chunked_encoding) or (
        isinstance(cycle, CloseDelimitedCycle) and cycle.has_open_end
    )


def cycle_of(channel: Receive | Send) -> RequestResponseCycle | None:
    """The server's request and response if ``channel`` is its own ``receive`` or ``send``; None
    where a layer stands between, which would not see what goes past it."""
    cycle = getattr(channel, "__self__", None)
    return cycle if isinstance(cycle, RequestResponseCycle) else None


def is_all_here(receive: Receive) -> bool:
    """Whether the request's body is known to have arrived, so that nobody waits for it."""
    cycle = cycle_of(receive)
    return cycle is not None and not cycle.more_body


def render_head(headers: Iterable[Header]) -> bytes:
    """The header lines.

    Raises:
        RuntimeError: a value would end its line, and begin one of its own.
    """
    lines = [b"%b: %b\r\n" % header for header in headers]
    head = b"".join(lines)
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
        raise RuntimeError("a header holds the end of a line")
    return head


# The server's own, of which the date changes once a second.
_render_default = lru_cache(maxsize=8)(render_head)


async def send_whole(cycle: RequestResponseCycle, status: int, head: bytes, body: bytes) -> None:
    """Answers with ``head``, which ends with its last line, and ``body``.

    Leaves ``cycle`` as its own ``send`` does with the last message of an answer.
    """
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if cycle.disconnected:
        return
    if cycle.response_started:
        raise RuntimeError("the answer has begun already")
    closing = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
    if cycle.scope["method"] == "HEAD":
        body = b""
    cycle.response_started = True
    cycle.waiting_for_100_continue = False
    default = _render_default(tuple(cycle.default_headers))
    cycle.transport.write(b"".join((STATUS_LINE[status], default, head, closing, body)))
    cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
