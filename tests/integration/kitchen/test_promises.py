"""Promises are renewed only when they are about to be missed by more than two minutes."""

from datetime import datetime, timedelta

import pytest
from redis.asyncio import Redis

from kitchen.domain import Cause, Mode, Status
from tests.integration.kitchen.kitchen_world import MAIN, NOON, World, command, kitchen


async def promise(world: World, order_id: str) -> datetime:
    promised_at = (await world.ticket(order_id)).promised_at
    assert promised_at is not None
    return promised_at


def crowded(redis: Redis) -> World:
    return World(redis, kitchen(mode=Mode.MANUAL, capacity=1))


async def test_queued_ticket_gets_a_new_promise_when_it_starts_two_minutes_late(
    redis: Redis,
) -> None:
    world = crowded(redis)
    await world.place("A", prep_seconds=60)

    world.clock.advance(119)
    await world.run_tick()
    assert await promise(world, "A") == NOON + timedelta(seconds=60)

    world.clock.advance(1)
    await world.run_tick()
    assert await promise(world, "A") == world.clock() + timedelta(seconds=60)


@pytest.mark.parametrize(("mode", "ticks"), [(Mode.AUTO, 2), (Mode.HYBRID, 1), (Mode.MANUAL, 0)])
async def test_promise_counts_the_ticks_that_a_ticket_may_wait_for(
    redis: Redis, mode: Mode, ticks: int
) -> None:
    tick = timedelta(seconds=10)
    world = World(redis, kitchen(mode=mode, tick=tick))
    await world.place("A")

    assert (await world.ticket("A")).promised_at == NOON + timedelta(seconds=60) + ticks * tick


async def test_renewal_is_a_change_whose_previous_equals_its_status(redis: Redis) -> None:
    world = crowded(redis)
    await world.place("A")
    world.clock.advance(600)
    await world.run_tick()

    renewal = (await world.changes())[-1]
    assert (renewal.seq, renewal.previous, renewal.status) == (2, Status.QUEUED, Status.QUEUED)
    assert renewal.promised_at == await promise(world, "A")
    assert (renewal.cause, renewal.by, renewal.number) == (Cause.TIMER, "kitchen", 1)


async def test_renewed_promise_counts_those_ahead(redis: Redis) -> None:
    world = crowded(redis)
    await world.place("A", "B", "C", prep_seconds=60)
    world.clock.advance(3600)
    await world.run_tick()

    late = [await promise(world, order_id) - world.clock() for order_id in "ABC"]
    assert late == [timedelta(seconds=s) for s in (60, 120, 180)]


async def test_renewed_promise_does_not_cost_a_ticket_its_place(redis: Redis) -> None:
    world = crowded(redis)
    await world.place("A", prep_seconds=60)
    world.clock.advance(30)
    await world.place("B", prep_seconds=60)
    world.clock.advance(100)
    await world.run_tick()
    assert await promise(world, "A") > await promise(world, "B")

    assert await world.store.next_queued(MAIN, 2) == ["A", "B"]


async def test_promise_of_a_ticket_being_cooked_follows_its_prep_time(world: World) -> None:
    await world.put(
        command(
            "A",
            prep_seconds=600,
            version=3,
            status=Status.PREPARING,
            number=1,
            promised_at=NOON - timedelta(minutes=3),
        )
    )
    await world.run_tick()

    assert await promise(world, "A") == NOON + timedelta(seconds=600)


async def test_ticket_cooked_longer_than_its_prep_time_is_promised_in_two_minutes(
    redis: Redis,
) -> None:
    world = World(redis, kitchen(mode=Mode.HYBRID))
    await world.place("A", prep_seconds=60)
    await world.run_tick()
    world.clock.advance(180)
    await world.run_tick()

    assert await promise(world, "A") == world.clock() + timedelta(seconds=120)


async def test_ready_ticket_has_no_promise_to_miss(world: World) -> None:
    await world.place("A")
    await world.service.start_ticket(MAIN, "A", 0, "carla")
    await world.service.finish_ticket(MAIN, "A", 0, "carla")
    world.clock.advance(599)
    await world.run_tick()

    assert await promise(world, "A") == NOON + timedelta(seconds=60)


async def test_promise_that_is_not_late_is_left_alone(redis: Redis) -> None:
    world = crowded(redis)
    await world.place("A")
    before = await world.dump()

    assert await world.store.renew(world.kitchen, ["A"], world.clock()) == []
    assert await world.dump() == before


async def test_renewed_promise_is_good_until_it_is_late_itself(redis: Redis) -> None:
    world = crowded(redis)
    await world.place("A", prep_seconds=60)
    world.clock.advance(600)
    await world.run_tick()
    renewed = await promise(world, "A")

    world.clock.advance(119)
    await world.run_tick()
    assert await promise(world, "A") == renewed
    world.clock.advance(1)
    await world.run_tick()
    assert await promise(world, "A") > renewed


async def test_tickets_being_cooked_are_ahead_of_a_new_one_too(world: World) -> None:
    await world.place("A", "B", prep_seconds=60)
    await world.run_tick()
    assert await world.store.count_preparing(MAIN) == 2
    await world.place("C", prep_seconds=60)
    # A full round of two is cooking: C waits for it, and then takes its own minute.
    assert await promise(world, "C") == world.clock() + timedelta(seconds=120)
