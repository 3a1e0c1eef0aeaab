"""Readers who take nothing for a while, or for good, through a real gateway and real sockets."""

import asyncio
import random
from itertools import pairwise

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from shared_proto.restaurant.order.v1.order_pb2 import (
    ORDER_STATUS_COMPLETED,
    ORDER_STATUS_PREPARING,
    ORDER_STATUS_QUEUED,
    ORDER_STATUS_READY,
)
from tests.integration.gateway.house import WAIT_SECONDS, EventStream, House
from tests.integration.gateway.slow_reader import slow_reader

# More than a step's worth of what is kept for one reader, so that it overflows.
MANY = [ORDER_STATUS_PREPARING, ORDER_STATUS_READY] * 20


def value(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0


async def happen_until_overflow(
    house: House, order_id: str, quick: EventStream, since: float
) -> list[str]:
    """Things happen to the order, and ``quick`` reads of all of them before there is more, until
    somebody else's queue has overflowed; the ids of the events."""
    happened: list[str] = []
    while value("gateway_stream_overflows_total") == since:
        ids = house.orders.move(order_id, *MANY)
        assert [told.last_id for told in await quick.take(len(ids))] == ids
        happened += ids
    return happened


async def test_slow_reader_misses_nothing_and_slows_nobody() -> None:
    async with House().open(stream_queue=len(MANY)) as house:
        order_id = house.orders.place("anna", "busy")
        async with house.stream() as quick, slow_reader(house) as slow:
            await quick.take(1)
            overflows = value("gateway_stream_overflows_total")
            happened = await happen_until_overflow(house, order_id, quick, overflows)
            told = await slow.read_until(1 + len(happened))
            house.orders.move(order_id, ORDER_STATUS_COMPLETED)
            await slow.read_until(len(happened) + 2)
    assert [event.last_id for event in told[1:-1]] == happened
    assert told[-1].data.count("completed") == 1


async def test_reader_who_stands_still_is_cut_off_and_may_come_back() -> None:
    async with House().open(
        stream_queue=len(MANY), stream_patience_seconds=0.3, heartbeat_seconds=0.1
    ) as house:
        order_id = house.orders.place("anna", "busy")
        async with house.stream() as quick, slow_reader(house) as slow:
            await quick.take(1)
            overflows = value("gateway_stream_overflows_total")
            happened = await happen_until_overflow(house, order_id, quick, overflows)
            while value("gateway_streams") > 1:
                assert await quick.next("heartbeat") is not None
            while await slow.read():
                pass
            assert not slow.ended, "it was broken off, so that he knows to come back"
            seen = [event.last_id for event in slow.events[1:]]
            assert seen == happened[: len(seen)]
            async with slow_reader(house, last_id=seen[-1]) as again:
                told = await again.read_until(len(happened) - len(seen))
    assert [event.last_id for event in told] == happened[len(seen) :]


async def test_reader_for_whom_nothing_happens_is_not_cut_off() -> None:
    async with House().open(stream_patience_seconds=0.05, heartbeat_seconds=0.1) as house:
        order_id = house.orders.place("anna", "calm")
        async with house.stream() as quick:
            await quick.take(1)
            # Many times as long as anybody has patience for.
            for _ in range(15):
                assert await quick.next("heartbeat") is not None
            house.orders.move(order_id, ORDER_STATUS_QUEUED)
            assert await quick.statuses(1) == ["queued"]


async def test_gateway_that_stops_waits_for_no_reader_who_takes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # The gateway's own lines, and the libraries'.
    with capture_logs() as logs:
        await stop_beside_a_reader_who_takes_nothing()
    assert [line for line in logs if line["log_level"] == "error"] == []
    assert [r for r in caplog.records if r.levelname == "ERROR"] == []


async def stop_beside_a_reader_who_takes_nothing() -> None:
    async with asyncio.timeout(3 * WAIT_SECONDS):
        # It would wait for so long.
        async with House().open(stream_queue=len(MANY), drain_seconds=600) as house:
            order_id = house.orders.place("anna", "busy")
            async with house.stream() as quick:
                await quick.take(1)
                reading = slow_reader(house)
                slow = await reading.__aenter__()
                overflows = value("gateway_stream_overflows_total")
                await happen_until_overflow(house, order_id, quick, overflows)
        while await slow.read():
            pass
        assert not slow.ended
        await reading.__aexit__(None, None, None)


async def test_readers_of_every_pace_who_come_and_go_miss_nothing_and_see_nothing_twice() -> None:
    """Events go on without a pause, queues overflow, readers stop reading, are cut off and come
    back, and the Watch stream breaks."""
    chance = random.Random(11)
    overflows = value("gateway_stream_overflows_total")
    async with House().open(
        stream_queue=len(MANY) - 10, stream_patience_seconds=0.3, heartbeat_seconds=0.2
    ) as house:
        order_id = house.orders.place("anna", "busy")
        [first] = house.orders.move(order_id, ORDER_STATUS_QUEUED)
        happened = [first]

        async def happen() -> None:
            for step in range(12):
                happened.extend(house.orders.move(order_id, *MANY))
                if step % 5 == 4:
                    house.orders.break_watches()
                    await house.orders.openings.get()
                # A round trip through the gateway: lets everything else go on meanwhile.
                await house.call("GET", "/menu")
            happened.extend(house.orders.move(order_id, ORDER_STATUS_COMPLETED))

        async def read(pauses: int) -> list[str]:
            seen = [first]
            while True:
                async with slow_reader(house, last_id=seen[-1]) as reader:
                    for _ in range(chance.randint(20, 200)):
                        if reader.events[-1].data.count("completed") or not await reader.read():
                            break
                        if chance.random() < 0.05:
                            for _ in range(pauses):
                                await house.call("GET", "/menu")
                    assert {event.event for event in reader.events} == {"status"}
                    seen += [event.last_id for event in reader.events]
                    if reader.events[-1].data.count("completed"):
                        return seen

        async with asyncio.timeout(90), asyncio.TaskGroup() as tasks:
            await house.orders.openings.get()
            readers = [tasks.create_task(read(pauses)) for pauses in (0, 0, 2, 8)]
            tasks.create_task(happen())
    for reader in readers:
        assert reader.result() == happened
    assert value("gateway_stream_overflows_total") > overflows
    assert all(_key(a) < _key(b) for a, b in pairwise(happened))


def _key(event_id: str) -> tuple[int, ...]:
    return tuple(int(part) for part in event_id.split("-"))
