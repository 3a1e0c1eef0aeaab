"""Server-sent events as a program reads them.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from collections.abc import AsyncIterable, AsyncIterator, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class ServerSentEvent:
    """One event of a stream."""

    event: str
    data: str
    last_id: str
    """The id to resume after: this event's own, or the last one the stream named before it."""


class EventStreamParser:
    """Turns the text of an event stream, in pieces of any size, into events."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self._rest = ""
        self._at_start = True
        self._event = ""
        self._data: list[str] = []

    def feed(self, text: str) -> Iterator[ServerSentEvent]:
        """The events that ``text`` completes."""
        if self._at_start and text:
            self._at_start = False
            text = text.removeprefix("\ufeff")
        text = self._rest + text
        # A carriage return at the end may be half of a line's end.
        held = "\r" if text.endswith("\r") else ""
        text = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
        # Not splitlines(): it also splits at characters that JSON may contain, such as U+2028.
        *lines, rest = text.split("\n")
        self._rest = rest + held
        for line in lines:
            if line:
                self._take(line)
            elif self._data:
                yield ServerSentEvent(self._event or "message", "\n".join(self._data), self.last_id)
                self._event, self._data = "", []
            else:
                self._event = ""

    def _take(self, line: str) -> None:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._event = value
        elif field == "data":
            self._data.append(value)
        elif field == "id" and "\0" not in value:
            self.last_id = value


async def read_events(
    chunks: AsyncIterable[str], *, last_id: str = ""
) -> AsyncIterator[ServerSentEvent]:
    """The events of one connection; an event that the connection's end cut short is dropped."""
    parser = EventStreamParser(last_id)
    async for chunk in chunks:
        for event in parser.feed(chunk):
            yield event
