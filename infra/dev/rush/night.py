"""The night itself: guests, staff and faults at once; then closing time, and the accounts."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle

import httpx
from redis.asyncio import Redis

from infra.dev.guest import Guest
from infra.dev.replay.sales_file import SoldOrder
from infra.dev.replay.sold_menu import SoldMenu
from infra.dev.rush.audit import Violations, audit
from infra.dev.rush.clients import Cook, Diner, new_guest, open_gateways
from infra.dev.rush.diary import Diary
from infra.dev.rush.faults import Faults
from infra.dev.rush.house import House
from infra.dev.rush.stock_taking import read_under_way, take_stock
from infra.redis_client import open_redis

PREP_SECONDS = 60
DINERS = 20
ORDERS_PER_SECOND = 3.0
QUEUE = 30
"""While so many guests wait for their order to be taken, nobody else comes in."""
TELL_SECONDS = 10
QUIET_SECONDS = 120
"""How long everything may take to come to rest when the faults have stopped."""
POLL_SECONDS = 0.5


@dataclass
class Night:
    """What is known of a night, at any moment of it."""

    diary: Diary
    faults: Faults
    diners: list[Diner] = field(default_factory=list)
    staff: list[Guest] = field(default_factory=list)
    audited: Violations = field(default_factory=dict)
    """What the stores and the clients' logs have against each other, once that was checked."""
    violations: Violations = field(default_factory=dict)
    """All that was found wrong, once the house is closed."""
    is_over: bool = False
    """Whether it came to its end, and everything was checked."""

    @property
    def retries(self) -> int:
        return sum(guest.retries for guest in self._everybody)

    @property
    def reconnects(self) -> int:
        return sum(guest.reconnects for guest in self._everybody)

    @property
    def _everybody(self) -> list[Guest]:
        return [*(diner.guest for diner in self.diners), *self.staff]


class Rush:
    """One night in one house.

    Args:
        house: open.
        sold: what is ordered, round and round.
        seed: decides what everybody does, as far as the faults leave that to them.
        tell: is told now and then, in a line, how it goes.
    """

    def __init__(
        self, house: House, sold: Sequence[SoldOrder], *, seed: int, tell: Callable[[str], None]
    ) -> None:
        faults = Faults(house.programs, house.wires, seed, house.folder / "faults.log")
        self.night = Night(Diary(), faults)
        self._house = house
        self._sold = sold
        self._menu = SoldMenu(sold, prep_seconds=PREP_SECONDS)
        self._seed = seed
        self._tell = tell
        self._dining: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float) -> None:
        """The whole night: opening, ``seconds`` of rush, closing, and the accounts."""
        night, house = self.night, self._house
        async with (
            open_gateways(house.gateway_urls, night.diary, self._seed) as http,
            open_redis(house.redis_url) as redis,
        ):
            cook = await self._open(http)
            async with self._present(cook):
                async with asyncio.TaskGroup() as rush:
                    rush.create_task(night.faults.run(seconds))
                    rush.create_task(self._let_in(seconds))
                self._tell("closing: no new orders, no more faults")
                with suppress(TimeoutError):
                    async with asyncio.timeout(QUIET_SECONDS):
                        while await self._is_busy(redis):
                            await self._noting(cook.finish_held())
                            await asyncio.sleep(POLL_SECONDS)
                self._note_unanswered()
            night.audited = audit(night.diary, await take_stock(redis))
        night.is_over = True

    def close_books(self) -> None:
        """Notes in the night all that was found wrong; to be called when the house is closed."""
        self.night.violations = {
            "a wrong answer": self.night.diary.complaints,
            **self.night.audited,
            **self._house.find_faults(),
        }

    async def _open(self, http: httpx.AsyncClient) -> Cook:
        staff = await self._house.hire_staff(http, self._menu.as_menu())
        self.night.staff.extend(staff.values())
        for number in range(DINERS):
            guest = new_guest(http, f"guest-{number}")
            await guest.register()
            chance = random.Random(f"{self._seed} {guest.login}")
            diner = Diner(guest, staff["admin"], self._menu, self.night.diary, chance)
            self.night.diners.append(diner)
        return Cook(staff["cook"], random.Random(f"{self._seed} cook"))

    @asynccontextmanager
    async def _present(self, cook: Cook) -> AsyncIterator[None]:
        """Guests watch and the cook works while the block runs; then they go home."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            staying = [
                tasks.create_task(self._noting(diner.watch())) for diner in self.night.diners
            ]
            staying += [
                tasks.create_task(self._noting(cook.work())),
                tasks.create_task(self._tell_now_and_then()),
            ]
            yield
            for task in (*staying, *self._dining):
                task.cancel()

    async def _noting(self, doing: Coroutine[None, None, None]) -> None:
        """Whatever somebody is refused for good is a complaint."""
        try:
            await doing
        except* httpx.HTTPStatusError as group:
            self.night.diary.complaints += [str(error) for error in group.exceptions]

    def _note_unanswered(self) -> None:
        if self._dining:
            self.night.diary.complaints.append(f"{len(self._dining)} guests got no answer")

    async def _let_in(self, seconds: float) -> None:
        """Places orders for so long, spread over the diners."""
        loop = asyncio.get_running_loop()
        chance = random.Random(f"{self._seed} pace")
        closing_at = loop.time() + seconds
        for sold, diner in zip(cycle(self._sold), cycle(self.night.diners), strict=False):
            await asyncio.sleep(chance.expovariate(ORDERS_PER_SECOND))
            if loop.time() >= closing_at:
                return
            diary = self.night.diary
            if len(diary.asked) - len(diary.acknowledged) >= QUEUE:
                continue
            dining = diner.dine(sold, chance.choice(self._sold))
            task = self._tasks.create_task(self._noting(dining))
            self._dining.add(task)
            task.add_done_callback(self._dining.discard)

    async def _is_busy(self, redis: Redis) -> bool:
        """Whether somebody still waits for something."""
        waiting = self._dining or self.night.diary.untold
        return bool(waiting) or any((await read_under_way(redis)).values())

    async def _tell_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(TELL_SECONDS)
            night = self.night
            taken = len(night.diary.acknowledged)
            self._tell(
                f"orders {len(night.diary.asked)}, taken {taken}, "
                f"finished {taken - len(night.diary.untold)}, "
                f"kills {night.faults.kills.total()}, retries {night.retries}, "
                f"reconnects {night.reconnects}"
            )
