"""One run from the first process started to the last one stopped."""

import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.dev.bench import machine
from infra.dev.bench.generator import Generators
from infra.dev.bench.goals import FEW_TICKETS, MANY_STREAMS, MANY_TICKETS
from infra.dev.bench.guests import Account, Requests, sign_up
from infra.dev.bench.half_load import measure_half_load
from infra.dev.bench.house import House
from infra.dev.bench.meter import Meter
from infra.dev.bench.processes import Memory, memory
from infra.dev.bench.results import CALLS, Machine, Results
from infra.dev.bench.rounds import Call, Length, Rounds
from infra.dev.bench.starts import measure_starts
from infra.dev.bench.streams import measure_streams
from infra.dev.bench.ticks import measure_ticks
from infra.dev.bench.weight import weigh_order
from infra.dev.guest import open_http
from infra.dev.local_redis import find_redis_server
from infra.dev.opening import import_sample_menu_if_none, make_staff
from infra.dev.settings import DevSettings
from infra.redis_client import open_redis

SECTIONS = ("half_load", "streams", "ticks", "starts")
"""What is measured apart from the rates of calls."""
NOT_QUICK = frozenset({"streams"})
"""What a quick run leaves out: to open the streams alone takes too long."""
PLACED_BEFORE = 20
"""Orders each guest has at least before anything is measured: a whole page of them."""
STAFF_PASSWORD = "tart lemon candle wick"


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    length: Length
    connections: int
    guests: int
    warm_up_seconds: int
    half_load_seconds: int
    half_load_rounds: int
    starts: int
    stored_tickets: tuple[int, int]
    tick_rounds: int
    due_tickets: int = 500
    streams: int = MANY_STREAMS
    stream_seconds: int = 25
    stream_rounds: int = 5


FULL = Extent(
    Length(rounds=5, call_seconds=4, ceiling_seconds=2),
    connections=64,
    guests=64,
    warm_up_seconds=3,
    half_load_seconds=8,
    half_load_rounds=5,
    starts=5,
    stored_tickets=(FEW_TICKETS, MANY_TICKETS),
    tick_rounds=15,
)
QUICK = Extent(
    Length(rounds=2, call_seconds=1, ceiling_seconds=1),
    connections=64,
    guests=16,
    warm_up_seconds=1,
    half_load_seconds=3,
    half_load_rounds=1,
    starts=1,
    stored_tickets=(FEW_TICKETS, 10_000),
    tick_rounds=5,
)


class Bench:
    """Measures what ``only`` names, of ``results.CALLS`` and ``SECTIONS``.

    ``half_load`` is half of what ``post`` reaches, and needs it.
    """

    def __init__(
        self,
        extent: Extent,
        *,
        only: frozenset[str],
        use_wrk: bool,
        tell: Callable[[str], None],
    ) -> None:
        self._extent = extent
        self._only = only
        self._generators = Generators(use_wrk=use_wrk)
        self._tell = tell

    async def run(self) -> Results:
        """Everything, in a folder of its own that is gone afterwards.

        Raises:
            BenchError: it could not be measured, or not truly.
        """
        parent = DevSettings().var
        parent.mkdir(parents=True, exist_ok=True)
        # Not where temporary files go: that may be in memory, where to sync costs nothing.
        folder = Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
        try:
            house = House(folder, os.environ)
            results = Results(self._describe_machine(folder, house))
            self._tell(f"load average {results.machine.load_before[0]:.1f}; starting the house…")
            if not self._only.isdisjoint({*CALLS, "half_load", "starts"}):
                async with house.open():
                    await self._measure_house(house, results)
            if "streams" in self._only:
                (folder / "streams").mkdir()
                self._tell(f"{self._extent.streams} guests open their streams…")
                results.streams = await measure_streams(
                    folder / "streams",
                    streams=self._extent.streams,
                    seconds=self._extent.stream_seconds,
                    rounds=self._extent.stream_rounds,
                )
                self._tell(f"streams: p99 {results.streams.p99_ms} ms")
            if "ticks" in self._only:
                stored = self._extent.stored_tickets
                self._tell(f"storing {' and '.join(map(str, stored))} tickets…")
                results.ticks = await measure_ticks(
                    folder, stored, due=self._extent.due_tickets, rounds=self._extent.tick_rounds
                )
            results.machine.load_after[:] = os.getloadavg()
        finally:
            shutil.rmtree(folder)
        return results

    def _describe_machine(self, folder: Path, house: House) -> Machine:
        return Machine(
            at=machine.now(),
            cores=len(os.sched_getaffinity(0)),
            processor=machine.processor(),
            python=platform.python_version(),
            redis=machine.redis_version(find_redis_server()),
            file_system=machine.file_system_of(
                folder.resolve(), Path("/proc/mounts").read_text("utf-8")
            ),
            sync_ms=machine.sync_ms(folder),
            load_before=list(os.getloadavg()),
            load_after=[],
            generator=self._generators.name,
            connections=self._extent.connections,
            guests=self._extent.guests,
            settings=house.settings,
            quick=self._extent.length == QUICK.length,
        )

    async def _measure_house(self, house: House, results: Results) -> None:
        async with (
            open_http(f"http://127.0.0.1:{house.gateway.port}") as http,
            open_redis(house.redis.url) as redis,
        ):
            if "starts" in self._only:
                results.starts = await measure_starts(house, rounds=self._extent.starts)
                self._tell("start-up times taken")
            admin = await make_staff(http, "admin", STAFF_PASSWORD, "admin", house.auth_environment)
            await import_sample_menu_if_none(admin)
            accounts = await sign_up(http, self._extent.guests)
            results.memory_at_rest = _memory_of(house)
            requests = Requests(house.folder, accounts, connections=self._extent.connections)
            meter = Meter(self._generators, redis)
            rounds = Rounds(house, meter, requests.hello(), self._tell)
            calls = await self._prepare(house, http, requests, rounds, accounts)
            results.calls = await rounds.measure(
                {name: call for name, call in calls.items() if name in self._only},
                self._extent.length,
            )
            if "post" in results.calls:
                results.weight = await weigh_order(
                    http, redis, accounts[0], meter, results.calls["post"]
                )
            if "half_load" in self._only:
                results.half_load = await measure_half_load(
                    self._generators,
                    calls["post"].load,
                    house.gateway.port,
                    full_rate=results.median("post", lambda round_: round_.sample.rate),
                    rounds=self._extent.half_load_rounds,
                    seconds=self._extent.half_load_seconds,
                )
                self._tell(f"half load: p99 {results.half_load.p99_ms} ms")
            await meter.wait_for_rewrite()
            results.memory_after = _memory_of(house)

    async def _prepare(
        self,
        house: House,
        http: httpx.AsyncClient,
        requests: Requests,
        rounds: Rounds,
        accounts: list[Account],
    ) -> dict[str, Call]:
        """All calls, of guests who have a page of orders each, at gateways that are warm."""
        placing = requests.place_order()
        post = {
            "post": Call(placing, (house.gateway,), places=True),
            "post_plain": Call(placing, (house.plain,), places=True),
            "post_two": Call(placing, (house.gateway, house.second), places=True),
        }
        placed, wanted = 0, PLACED_BEFORE * len(accounts)
        while placed < wanted:
            for call in post.values():
                placed += (await rounds.sample(call, self._extent.warm_up_seconds)).requests
        self._tell(f"{placed} orders placed to warm up")
        get = await requests.read_order(http)
        calls = {
            **post,
            "get": Call(get, (house.gateway,)),
            "get_plain": Call(get, (house.plain,)),
            "list": Call(requests.list_orders(), (house.gateway,)),
            "not_modified": Call(await requests.read_unchanged_order(http), (house.gateway,)),
            "login": Call(requests.sign_in(), (house.gateway,)),
        }
        return {name: calls[name] for name in CALLS}


def _memory_of(house: House) -> dict[str, Memory]:
    return {name: memory(pid) for name, [pid] in house.pids(house.gateway).items()}
