"""One event stream, with a reader at its other end who may be slow, stand still or go."""

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.types import Message
from structlog.testing import capture_logs

from gateway.clients import PeerAwayError
from gateway.inbox import Inbox
from gateway.stream import Stream
from gateway.turns import Turns
from infra.identity import Caller


@dataclass(frozen=True)
class Happened:
    """Something that happened now."""

    name: str
    at: float = 0.0
    traceparent = ""


class Teller:
    """Tells everything, and catches up with what it has not told."""

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.is_ready = True
        self.is_away = False
        self.is_over = False
        self.told = 0
        self.catching_up = asyncio.Event()
        self.may_catch_up = asyncio.Event()
        self.may_catch_up.set()
        self.away = 0
        self.inboxes: set[Inbox[Any]] = set()

    def happen(self, name: str) -> None:
        self.happened.append(name)
        for inbox in self.inboxes:
            inbox.put(Happened(name, time.time()))

    def join(self, inbox: Inbox[Any]) -> None:
        self.inboxes.add(inbox)

    def leave(self, inbox: Inbox[Any]) -> None:
        self.inboxes.discard(inbox)

    async def catch_up(self) -> AsyncGenerator[bytes, None]:
        self.catching_up.set()
        # As a call to another service has a deadline.
        async with asyncio.timeout(60):
            await self.may_catch_up.wait()
        if self.away:
            self.away -= 1
            raise PeerAwayError("order")
        while self.told < len(self.happened):
            self.told += 1
            yield self._chunk(self.happened[self.told - 1])

    def tell(self, item: Happened) -> bytes | None:
        if item.name in self.happened[: self.told]:
            return None
        self.told += 1
        self.is_over = item.name == "last"
        return self._chunk(item.name)

    def _chunk(self, name: str) -> bytes:
        return f"{name} ".encode()

    def heartbeat(self) -> bytes:
        return b"beat "


class Connection:
    """Both ends of a connection: what is written to, and a reader who takes as much as he likes."""

    def __init__(self) -> None:
        self.taken = b""
        self.writes: list[str] = []
        self.full_after = ""
        """What fills it up when it is written."""
        self.ended = False
        self.aborted = False
        self.writable = asyncio.Event()
        self.writable.set()
        self.blocked = asyncio.Event()
        self._gone = asyncio.Event()
        self._news = asyncio.Event()

    @property
    def is_full(self) -> bool:
        return not self.writable.is_set()

    async def drain(self) -> None:
        if self.is_full:
            self.blocked.set()
            await self.writable.wait()

    def write(self, body: bytes) -> None:
        if self._gone.is_set():
            return
        assert not self.ended, "it was sent something after the end"
        assert not self.is_full, "it was sent more than there is room for"
        self.taken += body
        self.writes.append(body.decode())
        if self.full_after == body.decode():
            self.writable.clear()
        self._news.set()

    async def end(self) -> None:
        assert not self.is_full, "the end is sent to one who may never take it"
        self.ended = True
        self._gone.set()
        self._news.set()

    async def receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    def go(self) -> None:
        self._gone.set()
        self.writable.set()

    def abort(self) -> None:
        self.aborted = True
        self.go()

    async def until_taken(self, wanted: str) -> None:
        while self.taken != wanted.encode():
            self._news.clear()
            await self._news.wait()


class Place:
    """A stream and all that stands around it."""

    def __init__(self, queue: int = 8) -> None:
        self.source = Teller()
        self.gone: list[Stream[Any]] = []
        self.turns = Turns()
        self.connection = Connection()
        self.stream: Stream[Any] = Stream(
            self.source, Caller(), queue=queue, turns=self.turns, on_gone=self.gone.append
        )
        self.inbox = self.stream.inbox

    def start(self) -> asyncio.Task[None]:
        return asyncio.create_task(self.stream.run(self.connection.receive, self.connection))


@pytest.fixture
async def place() -> Place:
    return Place()


@pytest.fixture(autouse=True)
def no_long_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.stream.CATCH_UP_AGAIN_SECONDS", 0.0)


async def test_reader_is_brought_up_to_date_and_told_what_happens(place: Place) -> None:
    place.source.happened = ["one", "two"]
    running = place.start()
    await place.connection.until_taken("one two beat ")
    place.source.happen("three")
    place.source.happen("last")
    await running
    assert place.connection.taken == b"one two beat three last "
    assert place.connection.ended
    assert place.gone == [place.stream]
    assert not place.source.inboxes


async def test_stream_that_is_up_to_date_has_no_task_but_the_requests(place: Place) -> None:
    running = place.start()
    await place.connection.until_taken("beat ")
    await asyncio.sleep(0)
    others = asyncio.all_tasks()
    place.source.happen("one")
    await place.connection.until_taken("beat one ")
    assert asyncio.all_tasks() == others
    assert running in others
    place.connection.go()
    await running


async def test_what_happens_while_the_reader_is_brought_up_to_date_is_told_once(
    place: Place,
) -> None:
    place.source.may_catch_up.clear()
    place.source.happen("before")
    running = place.start()
    await place.source.catching_up.wait()
    place.source.happen("during")
    place.source.may_catch_up.set()
    await place.connection.until_taken("before during beat ")
    place.source.happen("after")
    await place.connection.until_taken("before during beat after ")
    place.connection.go()
    await running


async def test_reader_is_brought_up_to_date_later_when_that_fails(place: Place) -> None:
    place.source.happened = ["one"]
    place.source.away = 2
    running = place.start()
    await place.connection.until_taken("one beat ")
    place.connection.go()
    await running


async def test_slow_reader_whose_queue_overflows_catches_up_from_the_last_he_was_sent() -> None:
    place = Place(queue=2)
    running = place.start()
    await place.connection.until_taken("beat ")
    place.connection.writable.clear()
    place.source.happen("sent")
    await place.connection.blocked.wait()
    for name in ("a", "b", "c", "d"):
        place.source.happen(name)
    assert place.inbox.stale, "what he did not take was dropped"
    place.connection.writable.set()
    await place.connection.until_taken("beat sent a b c d beat ")
    place.connection.go()
    await running


async def test_slow_reader_gets_what_waited_for_him_in_order(place: Place) -> None:
    running = place.start()
    await place.connection.until_taken("beat ")
    place.connection.writable.clear()
    place.source.happen("one")
    await place.connection.blocked.wait()
    place.source.happen("two")
    place.source.happen("three")
    place.connection.writable.set()
    await place.connection.until_taken("beat one two three ")
    place.connection.go()
    await running


async def test_reader_who_takes_nothing_holds_up_no_other() -> None:
    slow, quick = Place(queue=4), Place(queue=4)
    running = [slow.start(), quick.start()]
    told = "beat "
    for place in (slow, quick):
        await place.connection.until_taken(told)
    slow.connection.writable.clear()
    for number in range(100):
        for place in (slow, quick):
            place.source.happen(f"{number}")
        told += f"{number} "
        await quick.connection.until_taken(told)
    assert slow.connection.taken == b"beat "
    for place in (slow, quick):
        place.connection.go()
    await asyncio.wait(running)


async def test_closed_stream_ends_in_good_order(place: Place) -> None:
    running = place.start()
    await place.connection.until_taken("beat ")
    place.source.happen("one")
    place.inbox.close()
    await running
    assert place.connection.taken == b"beat one "
    assert place.connection.ended
    assert not place.connection.aborted


async def test_what_came_together_goes_out_together(place: Place) -> None:
    running = place.start()
    await place.connection.until_taken("beat ")
    for name in ("one", "two", "three"):
        place.source.happen(name)
    await place.connection.until_taken("beat one two three ")
    assert place.connection.writes == ["beat ", "one two three "]
    place.connection.go()
    await running


async def test_end_waits_for_a_reader_who_took_too_little(place: Place) -> None:
    running = place.start()
    await place.connection.until_taken("beat ")
    place.connection.full_after = "last "
    place.source.happen("last")
    await place.connection.blocked.wait()
    assert place.stream.stands_still(0)
    assert not place.connection.ended
    place.connection.writable.set()
    await running
    assert place.connection.taken == b"beat last "
    assert place.connection.ended


async def test_stream_closed_again_and_again_ends_in_good_order_once(place: Place) -> None:
    running = place.start()
    await place.connection.until_taken("beat ")
    place.inbox.close()
    await asyncio.sleep(0)
    # It has begun to end by now.
    place.inbox.close()
    await running
    assert place.connection.ended
    assert not place.connection.aborted
    assert place.gone == [place.stream]


async def test_closed_stream_ends_at_once_though_it_catches_up(place: Place) -> None:
    place.source.may_catch_up.clear()
    running = place.start()
    await place.source.catching_up.wait()
    place.inbox.close()
    await running
    assert place.connection.ended
    assert not place.connection.aborted


async def test_stream_closed_while_it_catches_up_tells_nothing_of_what_came_after(
    place: Place,
) -> None:
    place.source.may_catch_up.clear()
    running = place.start()
    await place.source.catching_up.wait()
    place.source.happen("one")
    place.inbox.close()
    await running
    assert place.connection.ended
    assert place.connection.taken == b""


async def test_closed_stream_of_a_reader_who_takes_nothing_is_broken_off(place: Place) -> None:
    running = place.start()
    await place.connection.until_taken("beat ")
    place.connection.writable.clear()
    place.source.happen("one")
    await place.connection.blocked.wait()
    assert not place.stream.stands_still(60)
    assert place.stream.stands_still(0)
    place.inbox.close()
    await running
    assert place.connection.aborted
    assert place.connection.taken == b"beat "
    assert place.gone == [place.stream]


async def test_reader_for_whom_nothing_waits_does_not_stand_still(place: Place) -> None:
    running = place.start()
    await place.connection.until_taken("beat ")
    place.source.happen("one")
    await place.connection.until_taken("beat one ")
    assert not place.stream.stands_still(0)
    place.connection.go()
    await running


async def test_stream_is_over_when_its_reader_goes_in_the_middle_of_anything(place: Place) -> None:
    place.source.may_catch_up.clear()
    running = place.start()
    await place.source.catching_up.wait()
    place.connection.go()
    await running
    assert place.gone == [place.stream]
    place.source.happen("nobody hears it")
    await asyncio.sleep(0)
    assert place.connection.taken == b""


async def test_cancelled_stream_is_over_too(place: Place) -> None:
    running = place.start()
    await place.connection.until_taken("beat ")
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
    assert place.gone == [place.stream]


@pytest.mark.parametrize("where", ["write", "drain", "end"])
async def test_bug_breaks_off_one_stream_and_is_logged(
    place: Place, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Place()
    running, others = place.start(), other.start()
    await place.connection.until_taken("beat ")
    await other.connection.until_taken("beat ")

    def fail_at_once(*_: bytes) -> None:
        raise ValueError("burnt")

    async def fail() -> None:
        fail_at_once()

    monkeypatch.setattr(place.connection, where, fail_at_once if where == "write" else fail)
    with capture_logs() as logs:
        for there in (place, other):
            there.source.happen("one")
            there.source.happen("last")
        await running
    assert place.connection.aborted
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["stream_failed"]
    await others
    assert other.connection.taken == b"beat one last "
    assert other.connection.ended
