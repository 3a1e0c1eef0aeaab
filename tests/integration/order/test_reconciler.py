"""The reconciler: silent while all is well, and mending what somebody else broke."""

from datetime import timedelta

import pytest

from infra.clock import utc_now
from order import keys
from order.domain import LineRequest
from order.reconciler import ORDER_WITHOUT_TICKET, TICKET_WITHOUT_ORDER, Reconciler
from shared_proto.sharding import shard_of
from tests.integration.order.conftest import ANNA

OUTBOX = keys.outbox(shard_of(ANNA.user_id))


class Kitchen:
    """A kitchen that has the tickets it is given."""

    def __init__(self):
        self.open = {}
        self.voided = {}

    async def find_tickets(self, kitchen, order_ids):
        return frozenset(self.open.keys() & set(order_ids))

    async def open_tickets(self, kitchen):
        yield dict(self.open)

    async def void_ticket(self, kitchen, order_id, *, version):
        self.voided[order_id] = version


class Mended:
    """How much was mended since the test began."""

    def __init__(self):
        self._before = self._now()

    def _now(self):
        return (ORDER_WITHOUT_TICKET._value.get(), TICKET_WITHOUT_ORDER._value.get())

    def count(self):
        return tuple(int(b - a) for a, b in zip(self._before, self._now(), strict=True))


@pytest.fixture
def mended():
    return Mended()


@pytest.fixture
def kitchen():
    return Kitchen()


def reconciler(store, kitchen, *, later):
    return Reconciler(store, kitchen, every_seconds=1, clock=lambda: utc_now() + later)


@pytest.fixture
async def order(service, store):
    await store.save_tick("main", utc_now())
    placed = await service.place_order(
        ANNA, [LineRequest("bowl", 1)], note="", kitchen="main", idempotency=None
    )
    return placed.order


async def test_an_order_that_waits_in_the_outbox_is_not_lost(redis, store, kitchen, order, mended):
    await reconciler(store, kitchen, later=timedelta(minutes=5)).compare()
    assert await redis.xlen(OUTBOX) == 1
    assert mended.count() == (0, 0)


async def test_an_order_the_kitchen_has_is_left_alone(redis, store, kitchen, order, mended):
    await redis.delete(OUTBOX)
    kitchen.open[order.id] = 1
    await reconciler(store, kitchen, later=timedelta(minutes=5)).compare()
    assert await redis.xlen(OUTBOX) == 0
    assert mended.count() == (0, 0)
    assert not kitchen.voided


async def test_an_order_in_nobodys_hands_is_sent_again_and_told(
    redis, store, kitchen, order, mended
):
    await redis.delete(OUTBOX)
    fresh = reconciler(store, kitchen, later=timedelta(seconds=30))
    await fresh.compare()
    assert mended.count() == (0, 0)
    await reconciler(store, kitchen, later=timedelta(seconds=90)).compare()
    ((_, entry),) = await redis.xrange(OUTBOX)
    assert entry == {"order_id": order.id, "version": "1"}
    assert mended.count() == (1, 0)


async def test_a_ticket_whose_order_is_gone_is_voided_above_its_version(
    redis, store, kitchen, order, mended
):
    await redis.delete(keys.order(order.id[-1], order.id))
    kitchen.open[order.id] = 3
    await reconciler(store, kitchen, later=timedelta(0)).compare()
    assert kitchen.voided == {order.id: 4}
    assert mended.count() == (0, 1)


async def test_it_rests_after_each_look(redis, store, kitchen, order):
    rests = []

    async def rest(seconds):
        rests.append(seconds)

    kitchen.open = {order.id: order.version}
    comparing = Reconciler(
        store, kitchen, every_seconds=1, clock=lambda: utc_now() + timedelta(hours=1), rest=rest
    )
    await comparing.compare()
    # One page of orders, one of tickets.
    assert len(rests) == 2
    assert min(rests) > 0
