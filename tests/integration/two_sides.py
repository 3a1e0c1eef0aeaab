"""Both sides of the restaurant over one Redis, with an unruly network between them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis

from infra.identity import Caller
from kitchen import keys as kitchen_keys
from kitchen.domain import Kitchen, Status, Ticket
from kitchen.redis_store import RedisTicketStore
from kitchen.service import KitchenService
from kitchen.servicer import KitchenServicer
from kitchen.tick import Tick
from order import keys as order_keys
from order.codec import entry_from_json, order_from_fields
from order.dispatcher import Entry
from order.domain import LineRequest, MenuItem, Order
from order.ports import Unreadable
from order.redis_store import RedisHouseStore, RedisMenuStore, RedisOrderStore
from order.service import OrderService
from order.servicer import OrderServicer
from shared_proto.sharding import shard_of, shard_of_order
from tests.integration.kitchen.kitchen_world import MAIN, Clock
from tests.integration.unruly_network import Connection, Delivery, Network

ANNA = Caller(user_id="anna-id", login="anna")
BORIS = Caller(user_id="boris-id", login="boris")
GUESTS = (ANNA, BORIS)
COOK = Caller(user_id="cook-id", login="cook", roles=frozenset({"kitchen:main"}))
ADMIN = Caller(user_id="admin-id", login="admin", roles=frozenset({"admin"}))

BOWL = MenuItem("bowl", "Bowl", "Bowls", "grill", 900, prep_seconds=120)
TEA = MenuItem("tea", "Tea", "Drinks", "bar", 250, prep_seconds=30)
FRIES = MenuItem("fries", "Fries", "Sides", "fryer", 400, prep_seconds=60)
"""The kitchen has no fryer."""

KITCHEN = Kitchen(
    name=MAIN,
    capacity=2,
    stations=frozenset({"grill", "bar"}),
    pickup_after=timedelta(minutes=5),
)
NO_FEED: Any = None
"""Watching is none of these tests' business."""
SHARDS = sorted({shard_of(guest.user_id) for guest in GUESTS})
ROUNDS = 20
LETTERS = 500

SHELVES = {
    Status.QUEUED: kitchen_keys.queued,
    Status.PREPARING: kitchen_keys.preparing,
    Status.READY: kitchen_keys.ready,
    Status.PARKED: kitchen_keys.parked,
}

Act = Callable[[], Awaitable[None]]


async def nothing() -> None:
    """What happens when nothing does."""


class Interruption:
    """Something that happens once, right after a store was read for the ``after``-th time."""

    def __init__(self) -> None:
        self._act: Act | None = None
        self._reads_left = 0

    def plan(self, act: Act, *, after: int = 0) -> None:
        self._act, self._reads_left = act, after

    def forget(self) -> None:
        self._act = None

    async def was_read(self) -> None:
        if self._act is None:
            return
        if self._reads_left:
            self._reads_left -= 1
            return
        act, self._act = self._act, None
        await act()


class InterruptedOrders(RedisOrderStore):
    """The orders, where somebody else may act between a look and the commit that follows it."""

    def __init__(self, redis: Redis, interruption: Interruption, **settings: Any) -> None:
        super().__init__(redis, **settings)
        self._interruption = interruption

    async def get_many(self, order_ids: Sequence[str]) -> list[Order | Unreadable | None]:
        found = await super().get_many(order_ids)
        await self._interruption.was_read()
        return found

    async def recall_many(self, order_ids: Sequence[str]) -> list[Order | Unreadable | None]:
        found = await super().recall_many(order_ids)
        await self._interruption.was_read()
        return found


class InterruptedTickets(RedisTicketStore):
    """The tickets, where another replica may act between a look at what is due and the move."""

    def __init__(self, redis: Redis, interruption: Interruption) -> None:
        super().__init__(redis)
        self._interruption = interruption

    async def _until(self, *args: Any) -> list[str]:
        found = await super()._until(*args)
        await self._interruption.was_read()
        return found

    async def next_queued(self, kitchen: str, limit: int) -> Sequence[str]:
        found = await super().next_queued(kitchen, limit)
        await self._interruption.was_read()
        return found

    async def count_preparing(self, kitchen: str) -> int:
        count = await super().count_preparing(kitchen)
        await self._interruption.was_read()
        return count


@dataclass(frozen=True)
class Seen:
    """Both sides as Redis has them."""

    orders: Mapping[str, Order]
    totals: Mapping[str, int]
    """What each order's hash says it costs."""
    tickets: Mapping[str, Ticket]
    shelves: Mapping[Status, Sequence[str]]
    pending: Sequence[tuple[str, str]]
    """The kitchen's changes that have no verdict, as (order id, change id)."""


class TwoSides:
    """The order service and a kitchen, their senders, and who uses them.

    ``delivered`` is called whenever a message has arrived.
    """

    def __init__(self, redis: Redis, *, delivered: Act = nothing) -> None:
        self.redis: Any = redis
        self.clock = Clock()
        self.network = Network()
        self.amid_order = Interruption()
        self.amid_tick = Interruption()
        self.order_store = InterruptedOrders(redis, self.amid_order, retention=timedelta(days=1))
        self.orders = OrderService(
            self.order_store, RedisMenuStore(redis), RedisHouseStore(redis), clock=self.clock
        )
        self.tickets = RedisTicketStore(redis)
        self.kitchen = KitchenService({MAIN: KITCHEN}, self.tickets, self.clock)
        self._order_servicer = OrderServicer(self.orders, NO_FEED)
        self._kitchen_servicer = KitchenServicer(self.kitchen, {})
        self._tick = Tick(InterruptedTickets(redis, self.amid_tick), self.clock)
        self._rival_tick = Tick(self.tickets, self.clock)
        self._delivered = delivered
        self.deliveries: list[Delivery] = []
        self.connections: list[Connection] = []

    async def open(self) -> None:
        await self.redis.flushall()
        await self.orders.import_menu(ADMIN, "EUR", [BOWL, TEA, FRIES])

    async def place(self, guest: Caller, sku: str, quantity: int) -> Order:
        placed = await self.orders.place_order(
            guest, [LineRequest(sku, quantity)], note="", kitchen=MAIN, idempotency=None
        )
        return placed.order

    async def outbox(self) -> list[Entry]:
        """What the kitchen has yet to hear."""
        return [
            Entry(shard, entry_id, fields["order_id"])
            for shard in SHARDS
            for entry_id, fields in await self.redis.xrange(order_keys.outbox(shard))
        ]

    async def is_quiet(self) -> bool:
        """Whether neither side has anything to tell the other."""
        return not (await self.outbox() or await self.redis.xlen(kitchen_keys.changes(MAIN)))

    async def dispatch(self, choose: slice = slice(None)) -> None:
        """A dispatcher begins to bring the kitchen some of the outboxes."""
        delivery = Delivery(
            self.network, self.redis, self.order_store, self.orders, self._kitchen_servicer
        )
        self.deliveries.append(delivery)
        await delivery.begin((await self.outbox())[choose])

    async def connect(self) -> None:
        """A replica of the kitchen opens a stream and sends what is pending."""
        connection = Connection(self.network, self.redis, self.kitchen, self._order_servicer)
        self.connections.append(connection)
        await connection.open(MAIN)

    async def deliver(self, index: int, *, again: bool = False) -> None:
        """Lets a message arrive; see ``Network.deliver``."""
        await self.network.deliver(index, again=again)
        self.deliveries = [delivery for delivery in self.deliveries if not delivery.is_over]
        await self._delivered()

    async def tick(self) -> None:
        await self._tick.run(KITCHEN)

    async def rival_tick(self) -> None:
        await self._rival_tick.run(KITCHEN)

    async def crash_order(self) -> None:
        """The order service dies, and with it all that was on its way to or from it."""
        await self._kill(self.deliveries)
        self.network.lose_all()

    async def crash_kitchen(self) -> None:
        """The kitchen dies, and with it all that was on its way to or from it."""
        await self._kill(self.connections)
        self.network.lose_all()

    async def _kill(self, senders: list[Any]) -> None:
        for sender in senders:
            await sender.kill()
        senders.clear()

    async def close(self) -> None:
        await self.crash_order()
        await self.crash_kitchen()

    async def heal(self) -> None:
        """Lets everything arrive, the late ones too, until neither side has anything to tell."""
        for _ in range(ROUNDS):
            await self._deliver_all()
            if await self.is_quiet():
                return
            await self.close()
            await self.dispatch()
            await self.connect()
        raise AssertionError("the two sides never have told all")

    async def _deliver_all(self) -> None:
        for _ in range(LETTERS):
            if not self.network.letters:
                return
            await self.deliver(0)
        raise AssertionError("the two sides never stop talking")

    async def order(self, order_id: str) -> Order:
        [order] = await self.order_store.get_many([order_id])
        assert isinstance(order, Order), "no order is ever lost"
        return order

    async def ticket(self, order_id: str) -> Ticket | None:
        return (await self.tickets.tickets(MAIN, [order_id])).get(order_id)

    async def see(self, order_ids: Sequence[str]) -> Seen:
        """All that is kept of these orders, in two round trips: it is asked for all the time."""
        async with self.redis.pipeline(transaction=False) as pipe:
            for order_id in order_ids:
                shard = shard_of_order(order_id)
                pipe.hgetall(order_keys.order(shard, order_id))
                pipe.lrange(order_keys.history(shard, order_id), 0, -1)
            for shelf in SHELVES.values():
                pipe.zrange(shelf(MAIN), 0, -1)
            pipe.xrange(kitchen_keys.changes(MAIN))
            *found, changes = await pipe.execute()
        kept, shelves = found[: 2 * len(order_ids)], found[2 * len(order_ids) :]
        orders = {
            fields["id"]: replace(
                order_from_fields(fields), history=tuple(map(entry_from_json, history))
            )
            for fields, history in zip(kept[::2], kept[1::2], strict=True)
        }
        return Seen(
            orders=orders,
            totals={fields["id"]: int(fields["total"]) for fields in kept[::2]},
            tickets=await self.tickets.tickets(MAIN, order_ids),
            shelves=dict(zip(SHELVES, shelves, strict=True)),
            pending=[(fields["order_id"], change_id) for change_id, fields in changes],
        )
