"""Auth over a real Redis, with hashes that cost little."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from auth.app import Auth, build
from auth.settings import Settings
from infra.dev.local_redis import LocalRedis


@pytest.fixture
def settings(redis_server: LocalRedis) -> Settings:
    return Settings(
        redis_url=SecretStr(redis_server.url),
        port=0,
        grpc_port=0,
        ops_port=0,
        drain_seconds=0.1,
        argon2_memory_kib=64,
        argon2_time_cost=1,
    )


@pytest.fixture
async def auth(settings: Settings, redis: Redis) -> AsyncIterator[Auth]:
    """The service, without its servers; Redis is empty when the test begins."""
    async with build(settings) as auth:
        yield auth
