"""The whole system over a Redis Cluster, which refuses a command that leaves its slot."""

import asyncio
from pathlib import Path

from redis.asyncio import Redis

from infra.dev.guest import Guest
from infra.dev.opening import SAMPLE_MENU
from infra.dev.rush.stock_taking import take_stock
from tests.e2e.conftest import SETTINGS
from tests.e2e.test_place_to_serve import assert_told_in_order, place
from tests.follower import Follower
from tests.stack import Stack, new_guest


async def test_orders_of_several_guests_are_placed_cooked_and_told(tmp_path: Path) -> None:
    stack = Stack(tmp_path, SETTINGS, cluster=True)
    stack.start()
    try:
        await stack.wait_ready()
        async with stack.http() as http:
            await stack.open_house(http, SAMPLE_MENU)
            # Of several shards, with next to no doubt.
            guests = [await new_guest(http) for _ in range(6)]
            async with asyncio.TaskGroup() as dining:
                for guest in guests:
                    dining.create_task(dine(guest))
        async with Redis(port=stack.layout.redis_port, decode_responses=True) as redis:
            assert len((await take_stock(redis)).orders) == len(guests)
            errors = await redis.info("errorstats")
    finally:
        stack.stop()
    assert "errorstat_CROSSSLOT" not in errors


async def dine(guest: Guest) -> None:
    async with Follower(guest) as follower:
        order = await place(guest)
        assert_told_in_order(await follower.until_status(order["id"], "completed"))
