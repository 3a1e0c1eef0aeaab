"""Somebody who looks at both sides after every step and knows what must never be seen."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from kitchen import keys as kitchen_keys
from kitchen.domain import ON_BOARD, Flag, Ticket
from kitchen.domain import Status as TicketStatus
from order import keys as order_keys
from order.domain import HistoryEntry, Order
from order.lifecycle import EDITABLE, FINAL, PROMISED, Cause, Status, find_transition
from tests.integration.kitchen.kitchen_world import MAIN
from tests.integration.two_sides import SHARDS, TwoSides

COOKED = {TicketStatus.PREPARING, TicketStatus.READY, TicketStatus.COMPLETED}
COOKED_ORDERS = {Status.PREPARING, Status.READY, Status.COMPLETED}

Dishes = list[tuple[str, int]]


@dataclass
class Witness:
    """Remembers what was promised and what was seen last.

    Attributes:
        cancelled: orders whose cancellation was answered.
        to_acknowledge: tickets called off when cooking had begun; a cook has yet to see them.
    """

    sides: TwoSides
    cancelled: set[str] = field(default_factory=set)
    to_acknowledge: set[str] = field(default_factory=set)
    _orders: dict[str, Order] = field(default_factory=dict)
    _tickets: dict[str, Ticket] = field(default_factory=dict)
    _contents: dict[tuple[str, int], Dishes] = field(default_factory=dict)

    async def look(self, order_ids: list[str]) -> None:
        """Looks at both sides. Raises AssertionError for what must never be seen."""
        seen = await self.sides.see(order_ids)
        for order_id in order_ids:
            order = seen.orders[order_id]
            assert seen.totals[order_id] == order.total
            self._check_order(order)
            ticket = seen.tickets.get(order_id)
            if ticket is not None:
                self._check_ticket(ticket, order)
                own = [change_id for whose, change_id in seen.pending if whose == order_id]
                assert list(ticket.pending) == own, "what has no verdict stays in the stream"
                hangs = [shelf for shelf, ids in seen.shelves.items() if order_id in ids]
                assert hangs == ([ticket.status] if ticket.status in ON_BOARD else [])

    def _check_order(self, order: Order) -> None:
        check_history(order)
        dishes = [(line.sku, line.quantity) for line in order.lines]
        known = self._contents.setdefault((order.id, order.revision), dishes)
        assert known == dishes, "content changes only with its revision"
        before = self._orders.get(order.id)
        if before is not None:
            assert order.version >= before.version
            assert order.revision >= before.revision
            assert order.applied_seq >= before.applied_seq
            assert order.number == before.number or before.number == 0
            assert order.history[: len(before.history)] == before.history
        if order.id in self.cancelled:
            assert order.status is Status.CANCELLED
        self._orders[order.id] = order

    def _check_ticket(self, ticket: Ticket, order: Order) -> None:
        assert ticket.version <= order.version
        dishes = [(line.sku, line.quantity) for line in ticket.lines]
        assert dishes == self._contents[order.id, ticket.revision]
        if order.status in COOKED_ORDERS:
            assert ticket.revision == order.revision, "nobody cooks what the guest has changed"
        before = self._tickets.get(ticket.order_id)
        if before is not None:
            assert ticket.version >= before.version
            assert ticket.revision >= before.revision
            if before.status is TicketStatus.CANCELLED:
                assert ticket.status is TicketStatus.CANCELLED, "a voided ticket stays void"
            elif ticket.status is TicketStatus.CANCELLED and before.status in COOKED:
                self.to_acknowledge.add(ticket.order_id)
        assert (ticket.flag is Flag.VOIDED) == (ticket.order_id in self.to_acknowledge)
        self._tickets[ticket.order_id] = ticket

    async def check_agreement(self, order_ids: list[str]) -> None:
        """Raises AssertionError unless both sides, with nothing left to tell, know the same."""
        await self.look(order_ids)
        seen = await self.sides.see(order_ids)
        assert seen.pending == []
        assert await self.sides.outbox() == []
        numbers: dict[str, str] = {}
        for order_id, order in seen.orders.items():
            ticket = seen.tickets.get(order_id)
            if ticket is None:
                assert order.status is Status.REJECTED, "every other order has its ticket"
                continue
            assert ticket.status.value == order.status.value
            if order.status not in FINAL:
                assert _shared(ticket) == _shared(order)
                numbers[str(ticket.number)] = order_id
        redis = self.sides.redis
        assert await redis.hgetall(kitchen_keys.numbers(MAIN)) == numbers
        assert set(await redis.zrange(kitchen_keys.flagged(MAIN), 0, -1)) == self.to_acknowledge
        await self._check_order_lists(seen.orders)

    async def _check_order_lists(self, orders: Mapping[str, Order]) -> None:
        told: dict[str, list[int]] = {order_id: [] for order_id in orders}
        open_ids: set[str] = set()
        for shard in SHARDS:
            open_ids |= set(await self.sides.redis.zrange(order_keys.open_orders(shard), 0, -1))
            for _, event in await self.sides.redis.xrange(order_keys.feed(shard)):
                told[event["order_id"]].append(int(event["version"]))
        assert open_ids == {order.id for order in orders.values() if not order.is_finished}
        for order in orders.values():
            assert told[order.id] == list(range(1, order.version + 1)), "each change is told once"


def _shared(side: Order | Ticket) -> dict[str, object]:
    """What both sides keep of an order that is not finished."""
    return {
        "revision": side.revision,
        "number": side.number,
        "promised_at": side.promised_at,
        "note": side.note,
        "seq": side.applied_seq if isinstance(side, Order) else side.seq,
    }


def check_history(order: Order) -> None:
    """Raises AssertionError unless the history could have happened, each step of it once."""
    history = order.history
    assert [entry.version for entry in history] == list(range(1, order.version + 1))
    assert max(Counter(entry.op for entry in history).values()) == 1, "nothing happens twice"
    assert (history[0].status, history[-1].status) == (Status.PLACED, order.status)
    # What a kitchen does is named after it: see kitchen.messages.write_change, order.queueing.
    from_kitchen = [entry for entry in history if entry.op.startswith(f"{MAIN}:")]
    assert order.applied_seq == len(from_kitchen), "each change is applied once, none is skipped"
    held = False
    for before, entry in pairwise(history):
        if before.status is entry.status:
            _check_unmoved(entry)
            continue
        transition = find_transition(before.status, entry.status, entry.cause)
        assert transition is not None, f"{before.status} to {entry.status} by {entry.cause}"
        assert entry.reason or not transition.needs_reason
        if held and entry.status is Status.READY:
            assert entry.cause is Cause.COOK, "only a cook finishes what was recalled"
        held = (before.status, entry.status) == (Status.READY, Status.PREPARING)


def _check_unmoved(entry: HistoryEntry) -> None:
    """An edit or a renewed promise."""
    allowed = EDITABLE if entry.cause is Cause.GUEST else PROMISED
    assert entry.cause in (Cause.GUEST, Cause.TIMER)
    assert entry.status in allowed
