"""The pump against an order service that judges as told, goes away and comes back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from redis.asyncio.lock import Lock

from infra.clock import to_ms
from infra.dev.local_redis import LocalRedis
from infra.grpc_runtime import open_channel, service_metadata
from infra.redis_client import open_redis
from kitchen import keys
from kitchen.domain import Flag, Status, Verdict
from kitchen.patience import Patience
from kitchen.pump import Pump
from kitchen.redis_store import RedisFeeds
from kitchen.service import KitchenService
from kitchen.stream import WINDOW
from shared_proto.restaurant.order.v1 import order_pb2 as pb
from shared_proto.restaurant.order.v1 import order_pb2_grpc
from tests.conftest import free_port
from tests.integration.kitchen.fake_order import (
    FakeOrder,
    apply,
    keep_silent,
    serving,
    verdict,
)
from tests.integration.kitchen.kitchen_world import MAIN, NOON, World

HASTE = Patience(
    reconnect_seconds=0.01,
    reconnect_most_seconds=0.05,
    resend_seconds=0.001,
    resend_most_seconds=0.002,
)


class Watched(KitchenService):
    """The real service, and a place to wait for what the verdicts did."""

    def __init__(self, world: World) -> None:
        super().__init__({MAIN: world.kitchen}, world.store, world.clock)
        self._acted = asyncio.Condition()
        self.settled: set[str] = set()
        self.obeyed: set[str] = set()
        self.parked: set[str] = set()

    async def settle(self, kitchen: str, verdicts: Sequence[Verdict]) -> Mapping[str, Exception]:
        errors = await super().settle(kitchen, verdicts)
        await self._note(self.settled, *(v.change_id for v in verdicts))
        return errors

    async def obey(self, kitchen: str, verdict: Verdict) -> frozenset[str]:
        pending = await super().obey(kitchen, verdict)
        await self._note(self.obeyed, verdict.order_id)
        return pending

    async def park(self, kitchen: str, verdict: Verdict, reason: str) -> None:
        await super().park(kitchen, verdict, reason)
        await self._note(self.parked, verdict.order_id)

    async def _note(self, where: set[str], *what: str) -> None:
        async with self._acted:
            where.update(what)
            self._acted.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20), self._acted:
            await self._acted.wait_for(condition)


class Pumping:
    """A world with a pump towards an order service at a port."""

    def __init__(self, world: World, redis_url: str, port: int) -> None:
        self.world = world
        self.port = port
        self.service = Watched(world)
        self._redis_url = redis_url

    @asynccontextmanager
    async def pump(self) -> AsyncIterator[Pump]:
        """One replica's pump, running."""
        blocking = open_redis(self._redis_url, blocking=True)
        channel = open_channel(f"127.0.0.1:{self.port}")
        pump = Pump(
            MAIN,
            service=self.service,
            store=self.world.store,
            changes=RedisFeeds(blocking),
            stub=order_pb2_grpc.OrderServiceStub(channel),
            metadata=lambda: service_metadata("kitchen", "secret"),
            lease=Lock(
                self.world.redis, keys.sender(MAIN), timeout=6, sleep=0.01, thread_local=False
            ),
            patience=HASTE,
        )
        running = asyncio.create_task(pump.run())
        try:
            yield pump
        finally:
            running.cancel()
            await asyncio.wait({running})
            await channel.close()
            await blocking.aclose()


@pytest.fixture
def order() -> FakeOrder:
    return FakeOrder()


@pytest.fixture
def pumping(world: World, redis_server: LocalRedis) -> Pumping:
    return Pumping(world, redis_server.url, free_port())


async def test_changes_arrive_in_order_and_are_deleted_when_applied(
    pumping: Pumping, order: FakeOrder
) -> None:
    world = pumping.world
    async with serving(order, pumping.port), pumping.pump():
        await world.start("A", "B")
        await world.service.finish_ticket(MAIN, "A", 0, "carla")
        await pumping.service.until(lambda: len(pumping.service.settled) == 3)

    seen = [(c.order_id, c.seq, c.status) for c in order.received if c.order_id == "A"]
    assert seen == [("A", 2, pb.ORDER_STATUS_PREPARING), ("A", 3, pb.ORDER_STATUS_READY)]
    assert {c.change_id.split(":")[0] for c in order.received} == {MAIN}
    assert len({c.change_id for c in order.received}) == 3
    assert await world.changes() == []
    assert order.metadata[0]["x-brigade-service"] == "kitchen"
    assert order.metadata[0]["x-brigade-credential"] == "secret"


async def test_change_tells_all_the_order_service_needs(pumping: Pumping, order: FakeOrder) -> None:
    async with serving(order, pumping.port), pumping.pump():
        await pumping.world.start("A")
        await order.until_received(1)

    [change] = order.received
    assert (change.seq, change.previous) == (2, pb.ORDER_STATUS_QUEUED)
    assert change.status == pb.ORDER_STATUS_PREPARING
    assert change.revision == 1
    assert change.cause == pb.CAUSE_COOK
    assert change.by == "carla"
    assert change.number == 1
    assert change.at.ToMilliseconds() == to_ms(NOON)
    assert change.promised_at.ToMilliseconds() == to_ms(NOON + timedelta(seconds=60))


async def test_duplicate_is_deleted_too(pumping: Pumping, order: FakeOrder) -> None:
    order.judge = lambda change: verdict(change, pb.VERDICT_KIND_DUPLICATE)
    await pumping.world.start("A")
    async with serving(order, pumping.port), pumping.pump():
        await pumping.service.until(lambda: len(pumping.service.settled) == 1)

    assert await pumping.world.changes() == []


async def test_unanswered_changes_are_sent_again_after_the_stream_broke(
    pumping: Pumping, order: FakeOrder
) -> None:
    order.judge = keep_silent
    await pumping.world.start("A", "B")
    async with serving(order, pumping.port), pumping.pump():
        await order.until_received(2)
        order.judge = apply
        order.hang_up()
        await pumping.service.until(lambda: len(pumping.service.settled) == 2)

    ids = [change.change_id for change in order.received]
    assert ids[:2] == ids[2:]
    assert await pumping.world.changes() == []


async def test_changes_wait_for_an_order_service_that_is_not_up_yet(
    pumping: Pumping, order: FakeOrder
) -> None:
    async with pumping.pump():
        await pumping.world.start("A")
        async with serving(order, pumping.port):
            await pumping.service.until(lambda: len(pumping.service.settled) == 1)


async def test_pump_survives_a_restart_of_the_order_service(
    pumping: Pumping, order: FakeOrder
) -> None:
    async with pumping.pump():
        async with serving(order, pumping.port):
            await pumping.world.start("A")
            await pumping.service.until(lambda: len(pumping.service.settled) == 1)
        await pumping.world.start("B")
        async with serving(order, pumping.port):
            await pumping.service.until(lambda: len(pumping.service.settled) == 2)


async def test_change_leaves_only_after_the_verdict_on_the_one_before(
    pumping: Pumping, order: FakeOrder
) -> None:
    order.judge = keep_silent
    await pumping.world.start("A")
    await pumping.world.service.finish_ticket(MAIN, "A", 0, "carla")
    await pumping.world.start("B")
    async with serving(order, pumping.port), pumping.pump():
        await order.until_received(2)
        assert [(c.order_id, c.seq) for c in order.received] == [("A", 2), ("B", 2)]
        order.answer_all()
        await order.until_received(3)

    assert (order.received[2].order_id, order.received[2].seq) == ("A", 3)


async def test_amended_change_resets_the_ticket_and_drops_its_successors(
    pumping: Pumping, order: FakeOrder
) -> None:
    def judge(change: pb.TicketChange) -> pb.Verdict:
        if change.seq == 2:
            return apply(change)
        wanted = pb.TicketCommand(
            order_id="A",
            kitchen=MAIN,
            version=4,
            revision=2,
            status=pb.ORDER_STATUS_PREPARING,
            applied_seq=2,
            note="extra hot",
            number=1,
        )
        return verdict(change, pb.VERDICT_KIND_AMENDED, command=wanted)

    order.judge = judge
    world = pumping.world
    await world.start("A")
    await world.service.finish_ticket(MAIN, "A", 0, "carla")
    await world.service.complete_ticket(MAIN, "A", 0, "carla")
    async with serving(order, pumping.port), pumping.pump():
        await pumping.service.until(lambda: "A" in pumping.service.obeyed)
        await world.start("B")
        await order.until(lambda: order.received[-1].order_id == "B")

    assert [(c.order_id, c.seq) for c in order.received] == [("A", 2), ("A", 3), ("B", 2)]
    ticket = await world.ticket("A")
    assert (ticket.status, ticket.note, ticket.flag) == (
        Status.PREPARING,
        "extra hot",
        Flag.CHANGED,
    )


async def test_ticket_that_is_taken_again_after_an_amendment_tells_so(
    pumping: Pumping, order: FakeOrder
) -> None:
    def judge(change: pb.TicketChange) -> pb.Verdict:
        if len(order.received) > 1:
            return apply(change)
        wanted = pb.TicketCommand(
            order_id="A", kitchen=MAIN, version=4, revision=2, status=pb.ORDER_STATUS_PLACED
        )
        return verdict(change, pb.VERDICT_KIND_AMENDED, command=wanted)

    order.judge = judge
    await pumping.world.start("A")
    async with serving(order, pumping.port), pumping.pump():
        await pumping.service.until(lambda: len(pumping.service.settled) == 1)

    first, again = order.received
    assert (first.seq, first.revision) == (2, 1)
    assert (again.seq, again.revision, again.status) == (1, 2, pb.ORDER_STATUS_QUEUED)
    assert first.change_id != again.change_id


async def test_void_verdict_voids_the_ticket(pumping: Pumping, order: FakeOrder) -> None:
    order.judge = lambda change: verdict(
        change,
        pb.VERDICT_KIND_VOID,
        command=pb.TicketCommand(
            order_id="A", kitchen=MAIN, version=2, status=pb.ORDER_STATUS_CANCELLED
        ),
    )
    world = pumping.world
    await world.start("A")
    async with serving(order, pumping.port), pumping.pump():
        await pumping.service.until(lambda: "A" in pumping.service.obeyed)

    ticket = await world.ticket("A")
    assert (ticket.status, ticket.flag) == (Status.CANCELLED, Flag.VOIDED)
    assert await world.changes() == []


async def test_unknown_order_parks_its_ticket_and_the_others_go_on(
    pumping: Pumping, order: FakeOrder
) -> None:
    order.judge = lambda change: (
        verdict(change, pb.VERDICT_KIND_UNKNOWN) if change.order_id == "A" else apply(change)
    )
    await pumping.world.start("A", "B")
    async with serving(order, pumping.port), pumping.pump():
        await pumping.service.until(
            lambda: bool(pumping.service.parked) and bool(pumping.service.settled)
        )

    assert await pumping.world.shelves() == {
        "parked": ["A"],
        "preparing": ["B"],
        "promises": ["B"],
    }
    assert await pumping.world.changes() == []


async def test_failed_change_is_sent_again_and_never_overtaken_by_its_successor(
    pumping: Pumping, order: FakeOrder
) -> None:
    order.judge = lambda change: (
        verdict(change, pb.VERDICT_KIND_FAILED, detail="busy")
        if len(order.received) <= 3
        else apply(change)
    )
    await pumping.world.start("A")
    await pumping.world.service.finish_ticket(MAIN, "A", 0, "carla")
    async with serving(order, pumping.port), pumping.pump():
        await pumping.service.until(lambda: len(pumping.service.settled) == 2)

    assert [change.seq for change in order.received] == [2, 2, 2, 2, 3]
    assert await pumping.world.changes() == []


async def test_change_that_fails_again_and_again_is_parked_with_its_ticket(
    pumping: Pumping, order: FakeOrder
) -> None:
    order.judge = lambda change: (
        verdict(change, pb.VERDICT_KIND_FAILED, detail="poison")
        if change.order_id == "A"
        else apply(change)
    )
    await pumping.world.start("A", "B")
    async with serving(order, pumping.port), pumping.pump():
        await pumping.service.until(lambda: "A" in pumping.service.parked)
        await pumping.world.start("C")
        await pumping.service.until(lambda: len(pumping.service.settled) == 2)

    assert len([c for c in order.received if c.order_id == "A"]) == 5
    assert (await pumping.world.ticket("A")).reason == "poison"
    assert await pumping.world.changes() == []


async def test_ticket_redis_can_not_work_on_does_not_stop_the_others(
    pumping: Pumping, order: FakeOrder
) -> None:
    world = pumping.world
    await world.start("A")
    await world.redis.delete(keys.ticket(MAIN, "A"))
    await world.redis.set(keys.ticket(MAIN, "A"), "not a hash")
    async with serving(order, pumping.port), pumping.pump():
        await world.start("B", "C")
        await pumping.service.until(lambda: len(pumping.service.settled) == 3)

    assert [change.order_id for change in await world.changes()] == ["A"]


async def test_no_more_changes_are_sent_than_the_window_holds(
    pumping: Pumping, order: FakeOrder
) -> None:
    order.judge = keep_silent
    world = pumping.world
    await world.start(*(f"T{n}" for n in range(WINDOW + 50)))
    async with serving(order, pumping.port), pumping.pump() as pump:
        await order.until_received(WINDOW)
        # Whatever is sent after the tick was sent after the window was full.
        await world.store.record_tick(MAIN, NOON)
        pump.tell_tick()
        await order.until(lambda: to_ms(NOON) in order.ticks_ms)
        assert len(order.received) == WINDOW

        order.answer_all()
        await order.until_received(WINDOW + 50)

    assert [c.order_id for c in order.received] == [f"T{n}" for n in range(WINDOW + 50)]


async def test_each_tick_is_told(pumping: Pumping, order: FakeOrder) -> None:
    world = pumping.world
    async with serving(order, pumping.port), pumping.pump() as pump:
        for _ in range(2):
            world.clock.advance(10)
            await world.run_tick()
            pump.tell_tick()
            await order.until(lambda: to_ms(world.clock()) in order.ticks_ms)


async def test_only_one_replica_sends_and_another_takes_over(
    pumping: Pumping, order: FakeOrder
) -> None:
    order.judge = keep_silent
    async with serving(order, pumping.port), pumping.pump():
        async with pumping.pump():
            await pumping.world.start("A")
            await order.until_received(1)
            assert order.streams == 1
        # Either replica may have been the sender: whichever is left answers for the change now.
        order.judge = apply
        order.hang_up()
        await pumping.service.until(lambda: len(pumping.service.settled) == 1)
        assert order.streams == 1


async def test_replica_that_lost_its_lease_stops_sending(
    pumping: Pumping, order: FakeOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kitchen.pump.LEASE_SECONDS", 0.03)
    async with serving(order, pumping.port), pumping.pump():
        await pumping.world.start("A")
        await order.until_received(1)
        await pumping.world.redis.set(keys.sender(MAIN), "another replica", px=60_000)
        await order.until(lambda: order.streams == 0)
