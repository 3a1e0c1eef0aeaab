import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from prometheus_client import REGISTRY
from starlette.types import Message

from gateway.inbox import Inbox
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


async def test_time_from_a_change_to_the_browser_is_noted_when_it_was_written() -> None:
    source = Teller()
    stream = Stream(source, Caller(), queue=8, turns=Turns(), on_gone=lambda _: None)
    told: list[bytes] = []
    over = asyncio.Event()
    sums: list[float] = []

    async def send(message: Message) -> None:
        told.append(message["body"])
        sums.append(value("gateway_change_to_browser_seconds_sum"))
        if message["body"] == b"heartbeat":
            source.inbox.put(Happened(time.time() - 100))
        if not message["more_body"]:
            over.set()

    async def receive() -> Message:
        await over.wait()
        return {"type": "http.disconnect"}

    events = {kind: value("gateway_events_sent_total", kind=kind) for kind in ("live", "catch_up")}
    await stream.run(receive, send, over.set)
    assert told == [b"snapshot", b"heartbeat", b"status", b""]
    assert sums[2] == sums[0], "not before it was written"
    assert sums[3] - sums[2] >= 100
    for kind, count in events.items():
        assert value("gateway_events_sent_total", kind=kind) == count + 1
