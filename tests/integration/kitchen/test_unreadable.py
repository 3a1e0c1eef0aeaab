"""A ticket nobody can read, as a hand in Redis or a later release leaves it: it stays as it is, and
all others go on."""

from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis

from kitchen import keys
from kitchen.domain import Status
from kitchen.service import Failed, Taken
from tests.integration.kitchen.fake_order import FakeOrder, serving
from tests.integration.kitchen.kitchen_world import MAIN, World, command, kitchen
from tests.integration.kitchen.test_pump import Pumping, order, pumping

__all__ = ["order", "pumping"]

Spoil = Callable[[str], Awaitable[None]]


async def lose_a_field(redis: Redis, key: str) -> None:
    await redis.hdel(key, "held")


async def write_an_unknown_cause(redis: Redis, key: str) -> None:
    await redis.hset(key, "cause", "the moon")


async def write_no_version(redis: Redis, key: str) -> None:
    await redis.hset(key, "version", "first")


async def write_a_number_no_message_can_carry(redis: Redis, key: str) -> None:
    await redis.hset(key, "number", str(10**12))


async def write_something_else(redis: Redis, key: str) -> None:
    await redis.set(key, "not a hash")


@pytest.fixture(
    params=[
        lose_a_field,
        write_an_unknown_cause,
        write_no_version,
        write_a_number_no_message_can_carry,
        write_something_else,
    ]
)
def spoil(request: pytest.FixtureRequest, redis: Redis) -> Spoil:
    """Makes a ticket unreadable."""

    async def spoil(order_id: str) -> None:
        await request.param(redis, keys.ticket(MAIN, order_id))

    return spoil


async def test_a_command_for_it_fails_alone(world: World, spoil: Spoil) -> None:
    await world.place("A")
    await spoil("A")

    bad, good = await world.service.put_tickets([command("A"), command("B")])

    assert isinstance(bad, Failed)
    assert good == Taken(await world.ticket("B"))


async def test_the_board_shows_the_others(world: World, spoil: Spoil) -> None:
    await world.place("A", "B")
    await spoil("A")

    assert [ticket.order_id for ticket in await world.store.board(MAIN)] == ["B"]


async def test_it_counts_as_a_ticket(world: World, spoil: Spoil) -> None:
    await world.place("A", "B")
    await spoil("A")

    assert (await world.service.find_tickets(MAIN, ["A", "B", "C"])).keys() == {"A", "B"}


async def test_the_others_are_started_and_cooked(redis: Redis, spoil: Spoil) -> None:
    world = World(redis, kitchen(capacity=1))
    await world.place("A", "B", "C")
    await spoil("A")

    for _ in range(6):
        await world.run_tick()
        world.clock.advance(60)

    assert await world.statuses("B", "C") == [Status.READY, Status.READY]


@pytest.mark.parametrize("field", ["seq", "promised_at", "status", "pending"])
async def test_it_goes_on_when_it_is_mended(world: World, field: str) -> None:
    await world.start("A")
    key = keys.ticket(MAIN, "A")
    whole = await world.redis.hgetall(key)
    if field == "pending":
        await world.redis.hdel(key, field)
    else:
        await world.redis.hset(key, field, "never")
    world.clock.advance(600)
    await world.run_tick()
    await world.run_tick()

    await world.redis.hset(key, field, whole[field])
    await world.run_tick()
    assert await world.statuses("A") == [Status.READY]


@pytest.mark.parametrize("slice", [1, 2])
async def test_many_broken_tickets_neither_hold_up_a_tick_nor_keep_it_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch, slice: int
) -> None:
    monkeypatch.setattr("kitchen.tick.SLICE", slice)
    broken = [f"broken-{n}" for n in range(5)]
    for name in broken:
        await world.redis.set(keys.ticket(MAIN, name), "not a hash")
    await world.start("A")
    for shelf in (keys.preparing, keys.promises):
        await world.redis.zadd(shelf(MAIN), dict.fromkeys(broken, 1))
    world.clock.advance(60)
    await world.run_tick()

    assert await world.statuses("A") == [Status.READY]
    assert await world.store.last_tick(MAIN) == world.clock()


@pytest.mark.parametrize("number", ["none", str(10**12)])
async def test_a_change_nobody_can_read_is_passed_over(
    pumping: Pumping, order: FakeOrder, number: str
) -> None:
    world = pumping.world
    await world.start("A")
    [(_, spoilt)] = await world.redis.xrange(keys.changes(MAIN))
    await world.redis.xadd(keys.changes(MAIN), {**spoilt, "order_id": "Z", "number": number})
    async with serving(order, pumping.port), pumping.pump():
        await pumping.service.until(lambda: len(pumping.service.settled) == 1)
        await world.start("B")
        await pumping.service.until(lambda: len(pumping.service.settled) == 2)

    # It stays, for somebody to look at.
    assert await world.redis.xlen(keys.changes(MAIN)) == 1
    assert [change.order_id for change in order.received] == ["A", "B"]
