"""A kitchen with room for two tickets, in auto mode, at noon."""

import pytest
from redis.asyncio import Redis

from tests.integration.kitchen.kitchen_world import World, kitchen


@pytest.fixture
async def world(redis: Redis) -> World:
    return World(redis, kitchen())
