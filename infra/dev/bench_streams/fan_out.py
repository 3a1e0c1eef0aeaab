"""One event to many watchers: how long until the last has it, and what it costs."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra.dev.bench.errors import BenchError
from infra.dev.bench.processes import MIB, cpu_seconds, memory
from infra.dev.bench.program import Program
from infra.dev.bench_streams.crowd import Crowd, Trigger, open_crowd
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


async def measure_fan_out(
    kinds: Sequence[str], folder: Path, *, watchers: int, rounds: int
) -> dict[str, FanOut]:
    """Events to ``watchers`` of a server with each of ``kinds`` of response, ``lean`` or ``stock``.

    Rounds of one alternate with rounds of the other: what else the machine does meanwhile weighs
    upon all alike.
    """
    ports = dict(zip(kinds, free_ports(len(kinds)), strict=True))
    async with AsyncExitStack() as stack:
        servers: dict[str, Program] = {}
        for kind, port in ports.items():
            server = servers[kind] = Program(
                kind,
                [sys.executable, "-m", "infra.dev.bench_streams.server", kind, str(port)],
                {"PATH": os.environ.get("PATH", "")},
                folder / f"{kind}.log",
            )
            stack.push_async_callback(server.stop)
            await server.start()
            await _until_served(port)

        def measure() -> dict[str, FanOut]:
            with ExitStack() as stack:
                watched = {
                    kind: stack.enter_context(_watched(server.pid, ports[kind], watchers))
                    for kind, server in servers.items()
                }
                for _ in range(rounds):
                    for one in watched.values():
                        one.measure_round()
                return {kind: one.result() for kind, one in watched.items()}

        # In a thread, for it never yields; the event loop has nothing to do meanwhile.
        return await asyncio.to_thread(measure)


@contextmanager
def _watched(pid: int, port: int, watchers: int) -> Iterator["_Watched"]:
    """A server that so many watch; what they take of its memory is measured by then."""
    # What the first streams make the process load is no stream's.
    with open_crowd(port, WARM_UP_STREAMS, first=FIRST, mark=MARK):
        pass
    time.sleep(SETTLE_SECONDS)
    before = memory(pid)
    with (
        open_crowd(port, watchers, first=FIRST, mark=MARK) as crowd,
        closing(Trigger(port, "/emit")) as trigger,
    ):
        time.sleep(SETTLE_SECONDS)
        after = memory(pid)
        uss_kib = (after.uss - before.uss) * MIB / watchers
        rss_kib = (after.rss - before.rss) * MIB / watchers
        yield _Watched(pid, crowd, trigger, watchers, uss_kib, rss_kib)


@dataclass
class _Watched:
    """A server that many watch, and what was measured of it so far."""

    pid: int
    crowd: Crowd
    trigger: Trigger
    watchers: int
    uss_kib: float
    rss_kib: float
    seconds: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    busy_seconds: float = 0.0

    def measure_round(self) -> None:
        cpu = cpu_seconds(self.pid)
        for _ in range(EVENTS_IN_A_ROUND):
            began, own = time.monotonic(), time.thread_time()
            self.trigger.pull()
            self.crowd.count(self.watchers)
            self.seconds.append(time.monotonic() - began)
            self.busy_seconds += time.thread_time() - own
            self.trigger.check()
        spent = cpu_seconds(self.pid) - cpu
        self.cpu_us.append(spent / (self.watchers * EVENTS_IN_A_ROUND) * 1e6)

    def result(self) -> FanOut:
        return FanOut(
            uss_kib=self.uss_kib,
            rss_kib=self.rss_kib,
            seconds=self.seconds,
            cpu_us=self.cpu_us,
            client_us=self.busy_seconds / (self.watchers * len(self.seconds)) * 1e6,
            client_share=self.busy_seconds / sum(self.seconds),
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
