import asyncio
from collections.abc import AsyncGenerator

from starlette.types import Message

from gateway.inbox import Inbox
from gateway.sse import EventStreamResponse, encode

SCOPE = {"type": "http", "method": "GET"}


async def chunks_of(inbox: Inbox[bytes]) -> AsyncGenerator[bytes, None]:
    while not inbox.closed:
        while (chunk := inbox.take()) is not None:
            yield chunk
        await inbox.wait()


class Reader:
    """One end of a connection: what was sent to it, and when it goes."""

    def __init__(self, *, takes: int = 1_000) -> None:
        self.bodies: list[bytes] = []
        self.ended = False
        self.gone = asyncio.Event()
        self.full = asyncio.Event()
        self._takes = takes
        self._news = asyncio.Event()

    async def until_taken(self, chunk: bytes) -> None:
        while chunk not in self.bodies:
            self._news.clear()
            await self._news.wait()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] != "http.response.body":
            return
        if len(self.bodies) == self._takes:
            self.full.set()
            await self.gone.wait()
            return
        self.ended = not message["more_body"]
        if message["body"]:
            self.bodies.append(message["body"])
            self._news.set()


def a_response(
    inbox: Inbox[bytes], closed: list[str], seconds: float | None = None
) -> EventStreamResponse:
    inbox.refresh()
    return EventStreamResponse(
        chunks_of(inbox),
        seconds=seconds,
        on_disconnect=inbox.close,
        on_close=lambda: closed.append("closed"),
    )


async def test_stream_is_over_when_its_reader_has_gone() -> None:
    inbox: Inbox[bytes] = Inbox(limit=9)
    closed: list[str] = []
    reader = Reader()
    inbox.put(b"one")
    running = asyncio.create_task(a_response(inbox, closed)(SCOPE, reader.receive, reader.send))
    reader.gone.set()
    await running
    assert closed == ["closed"]


async def test_stream_is_ended_when_its_time_is_over() -> None:
    inbox: Inbox[bytes] = Inbox(limit=9)
    closed: list[str] = []
    reader = Reader()
    await a_response(inbox, closed, seconds=0)(SCOPE, reader.receive, reader.send)
    assert reader.ended
    assert closed == ["closed"]


async def test_reader_that_takes_nothing_holds_up_no_other_and_little_memory() -> None:
    slow_inbox, quick_inbox = Inbox[bytes](limit=4), Inbox[bytes](limit=4)
    slow, quick = Reader(takes=1), Reader()
    async with asyncio.TaskGroup() as tasks:
        for inbox, reader in ((slow_inbox, slow), (quick_inbox, quick)):
            response = a_response(inbox, [])
            tasks.create_task(response(SCOPE, reader.receive, reader.send))
        sent = [str(number).encode() for number in range(100)]
        for chunk in sent:
            for inbox in (slow_inbox, quick_inbox):
                inbox.put(chunk)
            await quick.until_taken(chunk)
        await slow.full.wait()
        assert quick.bodies == sent
        assert slow.bodies == sent[:1]
        assert slow_inbox.stale, "what it did not take was dropped"
        slow.gone.set()
        quick.gone.set()


async def test_cancelled_stream_is_closed_too() -> None:
    closed: list[str] = []
    reader = Reader()
    response = a_response(Inbox(limit=9), closed)
    running = asyncio.create_task(response(SCOPE, reader.receive, reader.send))
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
    assert closed == ["closed"]


def test_event_is_encoded_as_fields_with_its_data_in_one_line() -> None:
    assert encode("status", {"note": "two\nlines, ÿ"}, "7-0") == (
        'id: 7-0\nevent: status\ndata: {"note":"two\\nlines, ÿ"}\n\n'.encode()
    )
