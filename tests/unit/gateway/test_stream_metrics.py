import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Histogram
from starlette.types import Message

from gateway.inbox import Inbox
from gateway.metrics import HistogramOfMany, LiveEvents
from gateway.stream import Stream
from gateway.turns import Turns
from infra.identity import Caller


@dataclass(frozen=True)
class Happened:
    """Something that happened some seconds ago."""

    at: float
    traceparent = ""


class Teller:
    """Tells everything, and is over after one item."""

    is_ready = True
    is_away = False
    is_over = False

    def join(self, inbox: Inbox[Any]) -> None:
        self.inbox = inbox

    def leave(self, inbox: Inbox[Any]) -> None:
        pass

    async def catch_up(self) -> AsyncGenerator[bytes, None]:
        yield b"snapshot"

    def tell(self, item: Happened) -> bytes | None:
        self.is_over = True
        return b"status"

    def heartbeat(self) -> bytes:
        return b"heartbeat"


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Connection:
    """Somebody who takes everything at once, and whom something happened to after the first."""

    is_full = False

    def __init__(self, source: Teller) -> None:
        self.taken: list[bytes] = []
        self.sums: list[float] = []
        self._source = source
        self._over = asyncio.Event()

    def write(self, body: bytes) -> None:
        self.taken.append(body)
        self.sums.append(value("gateway_change_to_browser_seconds_sum"))
        if body == b"heartbeat":
            self._source.inbox.put(Happened(time.time() - 100))

    async def drain(self) -> None:
        pass

    async def end(self) -> None:
        self._over.set()

    def abort(self) -> None:
        self._over.set()

    async def receive(self) -> Message:
        await self._over.wait()
        return {"type": "http.disconnect"}


async def test_time_from_a_change_to_the_browser_is_noted_when_it_was_written() -> None:
    source = Teller()
    stream = Stream(source, Caller(), queue=8, turns=Turns(), on_gone=lambda _: None)
    there = Connection(source)
    events = {kind: value("gateway_events_sent_total", kind=kind) for kind in ("live", "catch_up")}
    await stream.run(there.receive, there)
    assert there.taken == [b"snapshot", b"heartbeat", b"status"]
    assert there.sums[2] == there.sums[0], "not before it was written"
    assert value("gateway_change_to_browser_seconds_sum") - there.sums[2] >= 100
    for kind, count in events.items():
        assert value("gateway_events_sent_total", kind=kind) == count + 1


async def test_what_many_are_told_is_counted_for_each_of_them() -> None:
    live, count, seconds = (
        value("gateway_events_sent_total", kind="live"),
        value("gateway_change_to_browser_seconds_count"),
        value("gateway_change_to_browser_seconds_sum"),
    )
    told = LiveEvents()
    now = time.time()
    for happened_at, readers in ((now - 100, 3), (now - 1000, 2), (now - 100, 1)):
        for _ in range(readers):
            told.note(happened_at)
    await asyncio.sleep(0)
    assert value("gateway_events_sent_total", kind="live") == live + 6
    assert value("gateway_change_to_browser_seconds_count") == count + 6
    assert value("gateway_change_to_browser_seconds_sum") - seconds >= 2400
    told.note(now)
    await asyncio.sleep(0)
    assert value("gateway_events_sent_total", kind="live") == live + 7, "nor is it counted twice"


async def test_change_of_a_clock_ahead_of_ours_took_no_time_to_the_browser() -> None:
    seconds = value("gateway_change_to_browser_seconds_sum")
    told = LiveEvents()
    told.note(time.time() + 100)
    await asyncio.sleep(0)
    assert value("gateway_change_to_browser_seconds_sum") == seconds


@pytest.mark.parametrize("amount", [0.0, 0.01, 0.011, 30.0, 1e9])
def test_value_of_many_is_observed_as_that_of_each(amount: float) -> None:
    registry = CollectorRegistry()
    many = HistogramOfMany("many", "As one.", registry=registry, buckets=(0.01, 30))
    each = Histogram("each", "One by one.", registry=registry, buckets=(0.01, 30))
    many.observe_many(amount, 3)
    for _ in range(3):
        each.observe(amount)
    [of_many], [of_each] = many.collect(), each.collect()
    assert [sample[1:3] for sample in of_many.samples if not sample.name.endswith("_created")] == [
        sample[1:3] for sample in of_each.samples if not sample.name.endswith("_created")
    ]
