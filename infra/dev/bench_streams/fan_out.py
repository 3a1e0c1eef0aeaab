"""One event to many watchers: how long until the last has it, and what it costs."""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from infra.dev.bench.errors import BenchError
from infra.dev.bench.processes import MIB, cpu_seconds, memory
from infra.dev.bench.program import Program
from infra.dev.bench_streams.crowd import Trigger, open_crowd
from infra.dev.free_ports import free_ports

WARM_UP_STREAMS = 100
START_SECONDS = 30
SETTLE_SECONDS = 1.0
EVENTS_IN_A_ROUND = 20
FIRST = b"event: snapshot"
MARK = b"event: status"


@dataclass(frozen=True)
class FanOut:
    """What one kind of response was measured to take.

    Attributes:
        uss_kib: memory of one idle stream, what the process has for itself.
        rss_kib: the same of all that is mapped in.
        seconds: from asking for the event to its arrival at the last watcher, event by event.
        cpu_us: CPU time of the server for one event at one watcher, round by round.
        client_us: CPU time of our own process for reading one event.
        client_share: how much of the time to the last watcher our own process was busy.
    """

    uss_kib: float
    rss_kib: float
    seconds: Sequence[float]
    cpu_us: Sequence[float]
    client_us: float
    client_share: float


async def measure_fan_out(kind: str, folder: Path, *, watchers: int, rounds: int) -> FanOut:
    """Events to ``watchers`` of a server with ``kind`` of response, ``lean`` or ``stock``."""
    [port] = free_ports(1)
    server = Program(
        kind,
        [sys.executable, "-m", "infra.dev.bench_streams.server", kind, str(port)],
        {"PATH": os.environ.get("PATH", "")},
        folder / f"{kind}.log",
    )
    await server.start()
    try:
        await _until_served(port)
        # In a thread, for it never yields; the event loop has nothing to do meanwhile.
        return await asyncio.to_thread(_measure, server, port, watchers, rounds)
    finally:
        await server.stop()


def _measure(server: Program, port: int, watchers: int, rounds: int) -> FanOut:
    # What the first streams make the process load is no stream's.
    with open_crowd(port, WARM_UP_STREAMS, first=FIRST, mark=MARK):
        pass
    time.sleep(SETTLE_SECONDS)
    before = memory(server.pid)
    seconds: list[float] = []
    cpu_us: list[float] = []
    busy = 0.0
    with (
        open_crowd(port, watchers, first=FIRST, mark=MARK) as crowd,
        closing(Trigger(port, "/emit")) as trigger,
    ):
        time.sleep(SETTLE_SECONDS)
        after = memory(server.pid)
        for _ in range(rounds):
            cpu = cpu_seconds(server.pid)
            for _ in range(EVENTS_IN_A_ROUND):
                began, own = time.monotonic(), time.thread_time()
                trigger.pull()
                crowd.count(watchers)
                seconds.append(time.monotonic() - began)
                busy += time.thread_time() - own
                trigger.check()
            spent = cpu_seconds(server.pid) - cpu
            cpu_us.append(spent / (watchers * EVENTS_IN_A_ROUND) * 1e6)
    return FanOut(
        uss_kib=(after.uss - before.uss) * MIB / watchers,
        rss_kib=(after.rss - before.rss) * MIB / watchers,
        seconds=seconds,
        cpu_us=cpu_us,
        client_us=busy / (watchers * len(seconds)) * 1e6,
        client_share=busy / sum(seconds),
    )


async def _until_served(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise BenchError(f"the server does not answer after {START_SECONDS} s")
