"""One event to many watchers: how long until the last has it, and what it costs."""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.dev.bench.errors import BenchError
from infra.dev.bench.processes import MIB, cpu_seconds, memory
from infra.dev.bench.program import Program
from infra.dev.bench_streams.readers import (
    CountingReader,
    Reader,
    connect_all,
    stream_request,
)
from infra.dev.free_ports import free_ports

WARM_UP_STREAMS = 100
START_SECONDS = 30
SETTLE_SECONDS = 1.0
EVENTS_IN_A_ROUND = 20
ARRIVAL_SECONDS = 30


@dataclass(frozen=True)
class FanOut:
    """What one kind of response was measured to take.

    Attributes:
        uss_kib: memory of one idle stream, what the process has for itself.
        rss_kib: the same of all that is mapped in.
        seconds: from asking for the event to its arrival at the last watcher, event by event.
        cpu_us: CPU time of the server for one event at one watcher, round by round.
        client_share: how much of the time to the last watcher our own process was busy.
    """

    uss_kib: float
    rss_kib: float
    seconds: Sequence[float]
    cpu_us: Sequence[float]
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
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        await server.start()
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False)
        )
        await _until_served(http)
        return await _measure(server, port, http, watchers, rounds)


async def _measure(
    server: Program, port: int, http: httpx.AsyncClient, watchers: int, rounds: int
) -> FanOut:
    arrived = 0
    all_arrived = asyncio.Event()

    def count(came: int) -> None:
        nonlocal arrived
        arrived += came
        if arrived == watchers:
            all_arrived.set()

    def readers(number: int) -> list[Reader]:
        return [CountingReader(n, stream_request("/stream"), count) for n in range(number)]

    # What the first streams make the process load is no stream's.
    async with connect_all(port, readers(WARM_UP_STREAMS)):
        pass
    await asyncio.sleep(SETTLE_SECONDS)
    before = memory(server.pid)
    seconds: list[float] = []
    cpu_us: list[float] = []
    busy = 0.0
    async with connect_all(port, readers(watchers)):
        await asyncio.sleep(SETTLE_SECONDS)
        after = memory(server.pid)
        for _ in range(rounds):
            cpu = cpu_seconds(server.pid)
            for _ in range(EVENTS_IN_A_ROUND):
                arrived = 0
                all_arrived.clear()
                began, own = time.monotonic(), time.process_time()
                (await http.post("/emit")).raise_for_status()
                async with asyncio.timeout(ARRIVAL_SECONDS):
                    await all_arrived.wait()
                seconds.append(time.monotonic() - began)
                busy += time.process_time() - own
            spent = cpu_seconds(server.pid) - cpu
            cpu_us.append(spent / (watchers * EVENTS_IN_A_ROUND) * 1e6)
    return FanOut(
        uss_kib=(after.uss - before.uss) * MIB / watchers,
        rss_kib=(after.rss - before.rss) * MIB / watchers,
        seconds=seconds,
        cpu_us=cpu_us,
        client_share=busy / sum(seconds),
    )


async def _until_served(http: httpx.AsyncClient) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            await http.get("/")
        except httpx.TransportError:
            await asyncio.sleep(0.05)
        else:
            return
    raise BenchError(f"{http.base_url} does not answer after {START_SECONDS} s")
