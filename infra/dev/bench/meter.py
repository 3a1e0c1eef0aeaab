"""What a load costs: the rate it reached, and the CPU time of every process that took part."""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from infra.dev.bench.errors import BenchError
from infra.dev.bench.generator import Generators, Load
from infra.dev.bench.processes import busy_seconds, cpu_seconds
from infra.dev.bench.results import Sample
from kitchen import keys as kitchen_keys
from order import keys as order_keys
from shared_proto.sharding import SHARDS

KITCHEN = "main"
SETTLING_SECONDS = 60
POLL_SECONDS = 0.05

Pids = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Reading:
    """CPU time used so far."""

    at: float
    of: dict[str, float]
    ours: float
    """Of this process and its generators that have ended."""
    machine: float

    @classmethod
    def now(cls, pids: Pids) -> "Reading":
        times = os.times()
        return cls(
            at=time.monotonic(),
            of={name: sum(map(cpu_seconds, its)) for name, its in pids.items()},
            ours=times.user + times.system + times.children_user + times.children_system,
            machine=busy_seconds(),
        )


class Meter:
    """Fires loads and reads what they cost."""

    def __init__(self, generators: Generators, redis: Redis) -> None:
        self._generators = generators
        self._redis: Any = redis

    async def measure(
        self, load: Load, ports: Sequence[int], pids: Pids, seconds: int, *, places: bool = False
    ) -> Sample:
        """One sample of ``load``.

        Args:
            ports: of the servers that share it.
            pids: the processes that take part, by what they are.
            places: whether it places orders, so that it is over when the kitchen has them all.

        Raises:
            BenchError: a request was refused, an order was lost or counted twice, or the kitchen
                did not keep up.
        """
        open_before = await self._count_open() if places else 0
        bytes_before = await self._used_bytes() if places else 0
        before = Reading.now(pids)
        burst = await self._generators.fire(load, ports, seconds)
        settled_after = await self.settle() if places else 0.0
        after = Reading.now(pids)
        if places:
            stored = await self._count_open() - open_before
            check_placed(burst.requests, stored, under_way=load.connections)
        cpu = {name: after.of[name] - before.of[name] for name in pids}
        others = after.machine - before.machine - sum(cpu.values()) - (after.ours - before.ours)
        return Sample(
            requests=burst.requests,
            seconds=burst.seconds,
            cpu=cpu,
            generator_cores=burst.generator_cores,
            others_cores=max(0.0, others / (after.at - before.at)),
            p50_ms=burst.p50_ms,
            p99_ms=burst.p99_ms,
            generator_is_limit=burst.limited_by_generator,
            settled_after=settled_after,
            redis_bytes=await self._used_bytes() - bytes_before if places else 0,
        )

    async def settle(self) -> float:
        """Returns when nothing is under way between order and kitchen; how long that took, in
        seconds. Raises BenchError when it takes too long."""
        began_at = time.monotonic()
        while await self._count_under_way():
            if time.monotonic() - began_at > SETTLING_SECONDS:
                raise BenchError(f"the kitchen was not done {SETTLING_SECONDS} s after the load")
            await asyncio.sleep(POLL_SECONDS)
        return time.monotonic() - began_at

    async def wait_for_rewrite(self) -> None:
        """Returns when Redis does not rewrite its file: meanwhile a second process shares its
        memory. Raises BenchError when that takes too long."""
        began_at = time.monotonic()
        while (await self._redis.info("persistence"))["aof_rewrite_in_progress"]:
            if time.monotonic() - began_at > SETTLING_SECONDS:
                raise BenchError(f"Redis rewrites its file for more than {SETTLING_SECONDS} s")
            await asyncio.sleep(POLL_SECONDS)

    async def _count_under_way(self) -> int:
        async with self._redis.pipeline(transaction=False) as pipe:
            for shard in SHARDS:
                pipe.xlen(order_keys.outbox(shard))
            pipe.xlen(kitchen_keys.changes(KITCHEN))
            return sum(await pipe.execute())

    async def _count_open(self) -> int:
        async with self._redis.pipeline(transaction=False) as pipe:
            for shard in SHARDS:
                pipe.zcard(order_keys.open_orders(shard))
            return sum(await pipe.execute())

    async def _used_bytes(self) -> int:
        return int((await self._redis.info("memory"))["used_memory"])


def check_placed(acknowledged: int, stored: int, *, under_way: int) -> None:
    """Raises BenchError unless every order acknowledged is stored, once.

    ``under_way``: how many requests the generator may have hung up on, placed and not counted.
    """
    if not acknowledged <= stored <= acknowledged + under_way:
        raise BenchError(f"{acknowledged} orders were acknowledged and {stored} are stored")
