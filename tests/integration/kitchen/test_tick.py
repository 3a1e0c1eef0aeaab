"""The ten-second job: what time moves, in which order, how often, and at what cost."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from redis.asyncio import Redis

from infra.clock import to_ms
from kitchen import keys
from kitchen.domain import Cause, Mode
from kitchen.tick import TickJob, ticking
from tests.integration.kitchen.kitchen_world import MAIN, World, kitchen


async def test_tick_starts_the_first_promised_as_far_as_there_is_room(world: World) -> None:
    await world.place("slow", prep_seconds=600)
    await world.place("quick", prep_seconds=30)
    await world.place("middle", prep_seconds=120)

    await world.run_tick()

    assert await world.statuses("quick", "middle", "slow") == ["preparing", "preparing", "queued"]


async def test_ticket_in_auto_mode_goes_all_the_way_by_time(world: World) -> None:
    await world.place("A", prep_seconds=60)
    for seconds, status in ((0, "preparing"), (59, "preparing"), (1, "ready"), (599, "ready")):
        world.clock.advance(seconds)
        await world.run_tick()
        assert await world.statuses("A") == [status]
    world.clock.advance(1)
    await world.run_tick()

    assert await world.steps("A") == [
        (2, "queued", "preparing"),
        (3, "preparing", "ready"),
        (4, "ready", "completed"),
    ]
    assert {change.cause for change in await world.changes()} == {Cause.TIMER}


async def test_speed_divides_prep_time_and_pickup_time(redis: Redis) -> None:
    world = World(redis, kitchen(speed=60))
    await world.place("A", prep_seconds=60)
    await world.run_tick()
    for seconds, status in ((1, "ready"), (9, "ready"), (1, "completed")):
        world.clock.advance(seconds)
        await world.run_tick()
        assert await world.statuses("A") == [status]


async def test_room_made_by_a_finished_ticket_is_used_in_the_same_tick(world: World) -> None:
    await world.place("A", "B", "C", prep_seconds=60)
    await world.run_tick()
    world.clock.advance(60)
    await world.run_tick()

    assert await world.statuses("A", "B", "C") == ["ready", "ready", "preparing"]


async def test_completion_comes_before_finishing_and_starting(world: World) -> None:
    await world.place("done")
    await world.run_tick()
    world.clock.advance(60)
    await world.run_tick()
    await world.place("cooking", "waiting")
    await world.run_tick()
    await world.place("next")
    world.clock.advance(600)
    await world.run_tick()

    moved = [
        (change.order_id, str(change.status))
        for change in await world.changes()
        if change.at == world.clock() and change.status is not change.previous
    ]
    assert moved == [
        ("done", "completed"),
        ("cooking", "ready"),
        ("waiting", "ready"),
        ("next", "preparing"),
    ]


async def test_hybrid_kitchen_starts_tickets_and_leaves_the_rest_to_cooks(redis: Redis) -> None:
    world = World(redis, kitchen(mode=Mode.HYBRID))
    await world.place("A")
    await world.run_tick()
    world.clock.advance(3600)
    await world.run_tick()
    assert await world.statuses("A") == ["preparing"]

    await world.service.finish_ticket(MAIN, "A", 0, "carla")
    world.clock.advance(3600)
    await world.run_tick()
    assert await world.statuses("A") == ["ready"]


async def test_manual_kitchen_moves_nothing_by_time_but_renews_promises(redis: Redis) -> None:
    world = World(redis, kitchen(mode=Mode.MANUAL))
    await world.place("A")
    before = await world.ticket("A")
    world.clock.advance(3600)
    await world.run_tick()

    after = await world.ticket("A")
    assert after.status == before.status == "queued"
    assert after.promised_at is not None
    assert after.promised_at > world.clock()


async def test_cook_over_capacity_leaves_no_room_for_the_tick(world: World) -> None:
    await world.place("A", "B", "C", "D")
    for order_id in "ABC":
        await world.service.start_ticket(MAIN, order_id, 0, "carla")
    await world.run_tick()

    assert await world.statuses("D") == ["queued"]


async def test_ticks_of_two_replicas_at_once_do_nothing_twice(world: World) -> None:
    names = [f"T{n}" for n in range(20)]
    await world.place(*names)
    for seconds in (0, 60, 600):
        world.clock.advance(seconds)
        await asyncio.gather(*(world.run_tick() for _ in range(4)))
        assert await world.store.count_preparing(MAIN) <= world.kitchen.capacity

    changes = await world.changes()
    assert len({(c.order_id, c.seq) for c in changes}) == len(changes)
    for name in names:
        steps = await world.steps(name)
        assert [seq for seq, _, _ in steps] == list(range(2, len(steps) + 2))
        assert all(a[2] == b[1] for a, b in pairwise(steps))


async def test_tick_that_runs_again_at_once_changes_nothing(world: World) -> None:
    await world.place("A", "B", "C")
    await world.run_tick()
    before = await world.dump()
    await world.run_tick()

    assert await world.dump() == before


async def calls_of(redis: Redis, command: str) -> int:
    stats = await redis.info("commandstats")
    return int(stats.get(f"cmdstat_{command}", {"calls": 0})["calls"])


async def test_tick_touches_only_tickets_that_are_due(redis: Redis) -> None:
    world = World(redis, kitchen(capacity=300))
    await world.place(*(f"slow{n}" for n in range(298)), prep_seconds=3600)
    await world.place("due", "too", prep_seconds=60)
    await world.run_tick()
    await world.place(*(f"waiting{n}" for n in range(200)), prep_seconds=3600)
    world.clock.advance(60)

    scripts = await calls_of(redis, "evalsha")
    reads = await calls_of(redis, "hgetall")
    await world.run_tick()

    # Two tickets finish, two of those that wait take their places; nobody else is looked at.
    assert await calls_of(redis, "evalsha") - scripts == 4
    # Each script reads its ticket, and reads it again for the reply.
    assert await calls_of(redis, "hgetall") - reads <= 8


async def test_more_tickets_than_a_slice_are_all_moved_in_one_tick(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kitchen.tick.SLICE", 3)
    names = [f"T{n}" for n in range(10)]
    await world.place(*names)
    for name in names:
        await world.service.start_ticket(MAIN, name, 0, "carla")
    world.clock.advance(60)
    await world.run_tick()

    assert set(await world.statuses(*names)) == {"ready"}


async def test_what_hangs_on_a_shelf_without_a_ticket_is_taken_down(world: World) -> None:
    for shelf in (keys.queued, keys.preparing, keys.ready, keys.promises):
        await world.redis.zadd(shelf(MAIN), {"ghost": 1})
    await world.run_tick()

    assert await world.shelves() == {}


async def test_broken_ticket_does_not_keep_the_others_from_moving(world: World) -> None:
    await world.place("A")
    await world.run_tick()
    await world.redis.set(keys.ticket(MAIN, "broken"), "not a hash")
    await world.redis.zadd(keys.preparing(MAIN), {"broken": 1})
    world.clock.advance(60)
    await world.run_tick()

    assert await world.statuses("A") == ["ready"]


async def test_tick_remembers_when_it_ran(world: World) -> None:
    assert await world.store.last_tick(MAIN) is None
    await world.run_tick()
    assert await world.store.last_tick(MAIN) == world.clock()
    assert await world.redis.get(keys.tick(MAIN)) == str(to_ms(world.clock()))


async def test_job_ticks_every_kitchen_at_once_when_it_starts(world: World) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()

    async def tick(which: object) -> None:
        if which is broken:
            raise ValueError("this kitchen is on fire")

    broken, sound = kitchen(name="broken"), kitchen(name="sound")
    job = TickJob(tick, [broken, sound], at_most_seconds=5, told=told.put_nowait)
    async with ticking(job, every_seconds=3600):
        assert await told.get() == "sound"


async def test_job_ticks_again_after_its_interval() -> None:
    told: asyncio.Queue[str] = asyncio.Queue()

    async def tick(_: object) -> None: ...

    job = TickJob(tick, [kitchen()], at_most_seconds=5, told=told.put_nowait)
    async with ticking(job, every_seconds=0.01):
        for _ in range(3):
            assert await told.get() == MAIN


async def test_job_goes_on_though_the_wall_clock_was_set_back() -> None:
    told: asyncio.Queue[str] = asyncio.Queue()

    async def tick(_: object) -> None: ...

    job = TickJob(tick, [kitchen()], at_most_seconds=5, told=told.put_nowait)
    async with ticking(job, every_seconds=0.2) as scheduled:
        await told.get()
        # What a clock set back by a day does to the schedule.
        scheduled.modify(next_run_time=datetime.now(UTC) + timedelta(days=1))
        while not told.empty():
            told.get_nowait()
        assert await told.get() == MAIN


async def test_tick_under_way_is_finished_before_the_job_is_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()
    finished: list[str] = []

    async def tick(_: object) -> None:
        begun.set()
        await may_end.wait()

    job = TickJob(tick, [kitchen()], at_most_seconds=60, told=finished.append)
    async with ticking(job, every_seconds=3600):
        await begun.wait()
        asyncio.get_running_loop().call_later(0.01, may_end.set)

    assert finished == [MAIN]
    # Nor does the scheduler call it an error that it has let go of it.
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_tick_that_hangs_is_given_up() -> None:
    told: list[str] = []

    async def tick(_: object) -> None:
        await asyncio.Event().wait()

    await TickJob(tick, [kitchen()], at_most_seconds=0.01, told=told.append).fire()

    assert told == []
