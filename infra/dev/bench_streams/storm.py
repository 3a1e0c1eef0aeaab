"""All streams of one gateway break at once, and all readers come back at once."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from infra.dev.bench.guests import Account
from infra.dev.bench_streams.changes import start_cooking, tap
from infra.dev.bench_streams.readers import Reader, open_readers, stream_request
from infra.dev.bench_streams.system import System
from infra.dev.guest import open_http
from infra.dev.sse_client import ServerSentEvent

TAPS_MISSED = ("ready", "recall")
LAST_TAP = "ready"
STATUSES = ["ready", "preparing", "ready"]
TOLD_SECONDS = 60


@dataclass(frozen=True)
class Storm:
    """What became of it.

    Attributes:
        streams: how many there were, and came back.
        opened_seconds: how long it took to open them the first time.
        returned_seconds: how long until each had come back and been told something it missed.
        faults: readers who missed something, or were told something twice or out of order.
    """

    streams: int
    opened_seconds: float
    returned_seconds: float
    faults: Sequence[str]


async def measure_storm(system: System, accounts: Sequence[Account], *, streams: int) -> Storm:
    """Opens so many streams, breaks all, lets things happen meanwhile, and opens all again."""
    async with open_http(system.layout.gateway_url) as http:
        cook = system.staff["cook"]
        dishes = await start_cooking(http, accounts, cook)
        owners = [accounts[number % len(accounts)] for number in range(streams)]
        told: dict[int, list[str]] = defaultdict(list)
        due = streams * len(STATUSES)
        all_told = asyncio.Event()

        def note(reader: Reader, event: ServerSentEvent) -> None:
            nonlocal due
            told[reader.number].append(
                json.loads(event.data)["status"] if event.event == "status" else event.event
            )
            due -= 1
            if not due:
                all_told.set()

        began = time.monotonic()
        first = [stream_request("/order/stream", token=owner.token) for owner in owners]
        async with open_readers(
            system.gateway_port, first, lambda *_: None, at_once=streams
        ) as readers:
            opened_seconds = time.monotonic() - began
            last_ids = [reader.events.last_id for reader in readers]
        for what in TAPS_MISSED:
            for dish in dishes.values():
                (await tap(cook, dish, what)).raise_for_status()
        began = time.monotonic()
        again = [
            stream_request("/order/stream", token=owner.token, last_id=last_id)
            for owner, last_id in zip(owners, last_ids, strict=True)
        ]
        async with open_readers(system.gateway_port, again, note, at_once=streams):
            returned_seconds = time.monotonic() - began
            for dish in dishes.values():
                (await tap(cook, dish, LAST_TAP)).raise_for_status()
            with suppress(TimeoutError):
                # What is missing then is found below.
                async with asyncio.timeout(TOLD_SECONDS):
                    await all_told.wait()
    faults = [f"{n}: {told[n]}" for n in range(streams) if told[n] != STATUSES]
    return Storm(streams, opened_seconds, returned_seconds, faults)
