"""A kitchen over a real Redis, with a clock that stands still until it is told."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.asyncio import Redis

from kitchen import keys
from kitchen.domain import Change, Kitchen, Line, Mode, Status, Ticket, TicketCommand
from kitchen.redis_store import RedisFeeds, RedisTicketStore
from kitchen.service import KitchenService
from kitchen.tick import Tick

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MAIN = "main"


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def line(prep_seconds: int = 60, station: str = "grill", sku: str = "chicken-bowl") -> Line:
    return Line(sku, "Chicken bowl", 1, ("rice",), 1090, 1090, station, prep_seconds)


def command(order_id: str, *, prep_seconds: int = 60, **fields: Any) -> TicketCommand:
    placed = TicketCommand(
        order_id=order_id,
        kitchen=MAIN,
        version=1,
        revision=1,
        status=Status.PLACED,
        applied_seq=0,
        lines=(line(prep_seconds),),
        note="no onion",
        placed_at=NOON,
        number=0,
        promised_at=None,
        reason="",
    )
    return replace(placed, **fields)


class World:
    def __init__(self, redis: Redis, kitchen: Kitchen) -> None:
        self.redis = redis
        self.kitchen = kitchen
        self.clock = Clock()
        self.store = RedisTicketStore(redis)
        self.service = KitchenService({kitchen.name: kitchen}, self.store, self.clock)
        self.tick = Tick(self.store, self.clock)
        self.first_change = ""

    async def put(self, *commands: TicketCommand) -> None:
        for answer in await self.service.put_tickets(commands):
            assert type(answer).__name__ == "Taken", answer

    async def place(self, *order_ids: str, prep_seconds: int = 60) -> None:
        await self.put(*(command(id, prep_seconds=prep_seconds) for id in order_ids))

    async def start(self, *order_ids: str) -> None:
        """Places tickets and lets a cook start them: of each its second step is pending."""
        await self.place(*order_ids)
        for order_id in order_ids:
            await self.service.start_ticket(MAIN, order_id, 0, "carla")

    async def renew(self, order_id: str) -> None:
        """Lets the ticket's promise be missed and renews it, which leaves it where it is."""
        self.clock.advance(600)
        assert await self.store.renew(self.kitchen, [order_id], self.clock())

    async def run_tick(self) -> None:
        await self.tick.run(self.kitchen)

    async def ticket(self, order_id: str) -> Ticket:
        return (await self.store.tickets(MAIN, [order_id]))[order_id]

    async def statuses(self, *order_ids: str) -> list[str]:
        return [str((await self.ticket(order_id)).status) for order_id in order_ids]

    async def changes(self) -> Sequence[Change]:
        if not await self.redis.xlen(keys.changes(MAIN)):
            return []
        changes, _ = await RedisFeeds(self.redis).changes_after(MAIN, "0-0", 1000)
        return changes

    async def steps(self, order_id: str) -> list[tuple[int, str, str]]:
        """The ticket's unanswered changes: seq, previous, status."""
        return [
            (change.seq, str(change.previous), str(change.status))
            for change in await self.changes()
            if change.order_id == order_id
        ]

    async def shelves(self) -> dict[str, list[str]]:
        """What hangs where, by the last word of each sorted set's key."""
        found = {}
        for shelf in (
            *(keys.queued, keys.preparing, keys.ready),
            *(keys.promises, keys.flagged, keys.parked),
        ):
            if order_ids := await self.redis.zrange(shelf(MAIN), 0, -1):
                found[shelf.__name__] = order_ids
        return found

    async def dump(self) -> dict[str, Any]:
        """All that is kept, and whether it expires."""
        kept: dict[str, Any] = {}
        for key in sorted(await self.redis.keys("*")):
            kind = await self.redis.type(key)
            match kind:
                case "hash":
                    value: Any = await self.redis.hgetall(key)
                case "zset":
                    value = await self.redis.zrange(key, 0, -1, withscores=True)
                case "stream":
                    value = await self.redis.xrange(key)
                case _:
                    value = await self.redis.get(key)
            kept[key] = (value, await self.redis.ttl(key) > 0)
        return kept


def kitchen(**fields: Any) -> Kitchen:
    return Kitchen(**{"name": MAIN, "capacity": 2, "mode": Mode.AUTO, **fields})
