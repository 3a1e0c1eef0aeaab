import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from prometheus_client import REGISTRY

from gateway.inbox import Inbox
from gateway.streams import run_stream


@dataclass(frozen=True)
class Happened:
    """Something that happened some seconds ago."""

    at: float


class Teller:
    """Tells everything, and is over after one item."""

    is_ready = True
    is_over = False

    async def catch_up(self) -> AsyncIterator[bytes]:
        yield b"snapshot"

    def tell(self, item: Happened) -> bytes | None:
        self.is_over = True
        return b"status"

    def heartbeat(self) -> bytes:
        return b"heartbeat"


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_time_from_a_change_to_the_browser_is_noted_when_it_was_written() -> None:
    inbox: Inbox[Happened] = Inbox(8)
    chunks = run_stream(inbox, Teller())
    before = value("gateway_change_to_browser_seconds_sum")
    events = {kind: value("gateway_events_sent_total", kind=kind) for kind in ("live", "catch_up")}
    told: list[bytes] = []
    async for chunk in chunks:
        told.append(chunk)
        if chunk == b"snapshot":
            inbox.put(Happened(time.time() - 100))
    assert told[1:] == [b"snapshot", b"status"]
    assert value("gateway_change_to_browser_seconds_sum") - before >= 100
    for kind, count in events.items():
        assert value("gateway_events_sent_total", kind=kind) == count + 1
