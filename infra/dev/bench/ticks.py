"""The ten-second job over few and over many stored tickets, as many due in both.

A process of its own, because a tick logs a line for each ticket, and that is part of what it costs:
``python -m infra.dev.bench.ticks --help``. The result is written to a file.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvloop
from pydantic import TypeAdapter
from redis.asyncio import Redis

from infra import logs
from infra.clock import utc_now
from infra.dev.bench.errors import BenchError
from infra.dev.bench.processes import cpu_seconds
from infra.dev.bench.results import Ticks
from infra.dev.free_ports import free_ports
from infra.dev.local_redis import LocalRedis
from infra.dev.settings import REPOSITORY
from infra.redis_client import open_redis
from kitchen import keys
from kitchen.domain import Kitchen, Line, Status, TicketCommand
from kitchen.redis_store import RedisTicketStore
from kitchen.tick import Tick

TICKS: TypeAdapter[list[Ticks]] = TypeAdapter(list[Ticks])
KITCHEN = "main"
BATCH = 500
FAR = timedelta(days=10)
"""When a ticket that is not due will be."""
LONG_AGO = timedelta(hours=1)
STEPS = {
    Status.QUEUED: Status.PREPARING,
    Status.PREPARING: Status.READY,
    Status.READY: Status.COMPLETED,
}
"""What a tick makes of a ticket that is due."""


@dataclass(frozen=True)
class Shelf:
    """Tickets of one status, and how long each takes there."""

    status: Status
    first: int
    count: int
    lasts: timedelta
    promised_at: datetime

    def commands(self) -> list[TicketCommand]:
        """What the order service would have told the kitchen of them."""
        # The stations' usual work: a main dish and a side.
        lines = tuple(
            Line(sku, sku, 1, ("rice",), 990, 990, "grill", int(self.lasts.total_seconds()))
            for sku in ("chicken-bowl", "fries")
        )
        return [
            TicketCommand(
                order_id=f"{number:026}",
                kitchen=KITCHEN,
                version=1,
                revision=1,
                status=self.status,
                applied_seq=1,
                lines=lines,
                note="no onion",
                placed_at=self.promised_at - self.lasts,
                number=number,
                promised_at=self.promised_at,
                reason="",
            )
            for number in range(self.first, self.first + self.count)
        ]


class Stock:
    """A kitchen with ``stored`` open tickets of which none is due for days, a third of each status.

    Its capacity is what is cooking and as many as shall be started in a tick.
    """

    def __init__(self, redis: Redis, redis_pid: int, *, stored: int, due: int) -> None:
        self._redis: Any = redis
        self._redis_pid = redis_pid
        self._store = RedisTicketStore(redis)
        self._stored = _thirds(stored)
        self._due = _thirds(due)
        self._next_number = 1
        self._kitchen = Kitchen(
            KITCHEN,
            capacity=self._stored[Status.PREPARING] + self._due[Status.QUEUED],
            pickup_after=FAR,
        )
        self._tick = Tick(self._store, utc_now)
        self.measured = Ticks(stored, due, [], [])

    async def fill(self) -> None:
        """Stores the tickets that are not due."""
        now = datetime.now(UTC)
        for status, count in self._stored.items():
            await self._put(self._shelf(status, count, lasts=FAR, promised_at=now + FAR), now)

    async def run_tick(self, *, counts: bool = True) -> None:
        """Makes tickets due, runs a tick, and takes them out again. Not ``counts``: to warm up.

        Raises:
            BenchError: the tick did not move every ticket that was due.
        """
        now = datetime.now(UTC)
        minute = timedelta(minutes=1)
        shelves = [
            self._shelf(status, count, lasts=minute, promised_at=now)
            for status, count in self._due.items()
        ]
        for shelf in shelves:
            # What was hung up long ago for a minute is due by now.
            await self._put(shelf, now - LONG_AGO, replace(self._kitchen, pickup_after=minute))
        before = time.process_time() + cpu_seconds(self._redis_pid)
        began_at = time.perf_counter()
        await self._tick.run(self._kitchen)
        took = time.perf_counter() - began_at
        used = time.process_time() + cpu_seconds(self._redis_pid) - before
        for shelf in shelves:
            await self._check_moved(shelf)
            await self._take_out(shelf, now)
        if counts:
            self.measured.seconds.append(took)
            self.measured.cpu_seconds.append(used)

    def _shelf(
        self, status: Status, count: int, *, lasts: timedelta, promised_at: datetime
    ) -> Shelf:
        first, self._next_number = self._next_number, self._next_number + count
        return Shelf(status, first, count, lasts, promised_at)

    async def _put(self, shelf: Shelf, at: datetime, kitchen: Kitchen | None = None) -> None:
        await self._send(shelf.commands(), at, kitchen or self._kitchen)

    async def _send(
        self, commands: Sequence[TicketCommand], at: datetime, kitchen: Kitchen
    ) -> None:
        for start in range(0, len(commands), BATCH):
            batch = [(kitchen, command) for command in commands[start : start + BATCH]]
            for answer in await self._store.put(batch, at):
                if isinstance(answer, Exception):
                    raise BenchError(f"a ticket was not stored: {answer}")

    async def _check_moved(self, shelf: Shelf) -> None:
        order_ids = [command.order_id for command in shelf.commands()]
        tickets = await self._store.tickets(KITCHEN, order_ids)
        wanted = STEPS[shelf.status]
        moved = sum(ticket.status is wanted for ticket in tickets.values())
        if moved != shelf.count:
            raise BenchError(f"{moved} of {shelf.count} due tickets became {wanted}")

    async def _take_out(self, shelf: Shelf, at: datetime) -> None:
        over = [
            replace(command, version=2, status=Status.COMPLETED) for command in shelf.commands()
        ]
        await self._send(over, at, self._kitchen)
        # Closed tickets are remembered for a day; here they would add up.
        await self._redis.delete(*(keys.ticket(KITCHEN, command.order_id) for command in over))


def _thirds(count: int) -> dict[Status, int]:
    """``count`` shared among the three statuses of an open ticket."""
    return {
        status: count // len(STEPS) + (index < count % len(STEPS))
        for index, status in enumerate(STEPS)
    }


async def measure_ticks(
    folder: Path, stored: Sequence[int], *, due: int, rounds: int
) -> list[Ticks]:
    """``run_ticks`` in a process of its own, whose log and data are kept in ``folder``.

    Raises:
        BenchError: a tick did not do what it should.
    """
    result, log_file = folder / "ticks.json", folder / "ticks.log"
    with log_file.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, "--folder", str(folder)),
            *("--stored", *map(str, stored), "--due", str(due)),
            *("--rounds", str(rounds), "--result", str(result)),
            cwd=REPOSITORY,
            stdout=log,
            stderr=log,
        )
        try:
            status = await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
    if status:
        last = log_file.read_text("utf-8", "replace").splitlines()[-1:]
        raise BenchError(f"the ticks could not be measured: {' '.join(last)}")
    return TICKS.validate_json(result.read_bytes())


async def run_ticks(folder: Path, stored: Sequence[int], *, due: int, rounds: int) -> list[Ticks]:
    """Ticks of kitchens with so many ``stored`` tickets each, in turn, round after round.

    Raises:
        BenchError: a tick did not do what it should.
    """
    # What was started here is stopped here, also when we are told to stop.
    running = asyncio.current_task()
    if running is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    async with AsyncExitStack() as stack:
        stocks = []
        for count in stored:
            server = LocalRedis(free_ports(1)[0], folder / f"redis-{count}")
            await asyncio.to_thread(server.start)
            stack.callback(server.stop)
            redis = await stack.enter_async_context(open_redis(server.url))
            stocks.append(Stock(redis, server.pid, stored=count, due=due))
            await stocks[-1].fill()
        for stock in stocks:
            await stock.run_tick(counts=False)
        for _ in range(rounds):
            for stock in stocks:
                await stock.run_tick()
    return [stock.measured for stock in stocks]


def main() -> None:
    parser = argparse.ArgumentParser(prog="ticks", description="Times ticks of the kitchen's job.")
    parser.add_argument("--folder", type=Path, required=True, help="where Redis keeps its data")
    parser.add_argument("--stored", type=int, nargs="+", required=True, help="tickets stored")
    parser.add_argument("--due", type=int, required=True, help="tickets due at each tick")
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--result", type=Path, required=True, help="the file it is written to")
    options = parser.parse_args()
    logs.configure("kitchen", level="INFO", log_format="json")
    measured = uvloop.run(
        run_ticks(options.folder, options.stored, due=options.due, rounds=options.rounds)
    )
    options.result.write_bytes(TICKS.dump_json(measured))


if __name__ == "__main__":
    main()
