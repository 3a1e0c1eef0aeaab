"""Pickup numbers go round, and no two open tickets have the same."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from kitchen import keys
from kitchen.domain import Status
from tests.integration.kitchen.kitchen_world import MAIN, World, command, kitchen


async def number_of(world: World, order_id: str) -> int:
    await world.place(order_id)
    return (await world.ticket(order_id)).number


async def test_numbers_count_up_and_go_round_after_999(world: World) -> None:
    await world.redis.set(keys.number(MAIN), 997)

    assert [await number_of(world, id) for id in "ABCD"] == [998, 999, 1, 2]


async def test_numbers_still_open_are_skipped(world: World) -> None:
    await world.place("A", "B", "C")
    await world.put(command("B", version=2, status=Status.CANCELLED))
    await world.redis.set(keys.number(MAIN), 999)

    assert [await number_of(world, id) for id in "DE"] == [2, 4]


async def test_when_all_999_are_open_numbers_go_on_with_four_digits(world: World) -> None:
    await world.redis.hset(keys.numbers(MAIN), mapping={str(n): "open" for n in range(1, 1000)})
    await world.redis.set(keys.number(MAIN), 500)
    assert await number_of(world, "A") == 1000

    await world.redis.hdel(keys.numbers(MAIN), *map(str, range(1, 10)))
    assert await number_of(world, "B") == 2


async def test_freeing_a_number_leaves_another_ticket_that_shares_it_alone(world: World) -> None:
    await world.place("A")
    await world.put(command("B", version=3, status=Status.QUEUED, number=1))
    await world.put(command("B", version=4, status=Status.CANCELLED))

    assert await world.redis.hgetall(keys.numbers(MAIN)) == {"1": "A"}


@given(st.lists(st.tuples(st.sampled_from(["place", "cancel", "complete"]), st.integers(0, 8))))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_open_tickets_never_share_a_number_whatever_happens(
    redis: Redis, steps: list[tuple[str, int]]
) -> None:
    await redis.flushall()
    world = World(redis, kitchen())
    # Near the end of the round, so that going round is part of it.
    await redis.set(keys.number(MAIN), 996)
    open_ids: list[str] = []
    placed = 0
    for step, which in steps:
        if step == "place" or not open_ids:
            placed += 1
            open_ids.append(f"T{placed}")
            await world.place(open_ids[-1])
            continue
        order_id = open_ids.pop(which % len(open_ids))
        if step == "cancel":
            await world.put(command(order_id, version=9, status=Status.CANCELLED))
        else:
            for tap in ("start", "finish", "complete"):
                await getattr(world.service, f"{tap}_ticket")(MAIN, order_id, 0, "carla")

        numbers = [ticket.number for ticket in await world.store.board(MAIN) if not ticket.flag]
        assert len(numbers) == len(set(numbers)) == len(open_ids)
        assert all(1 <= number <= 999 for number in numbers)
        assert await redis.hlen(keys.numbers(MAIN)) == len(open_ids)
