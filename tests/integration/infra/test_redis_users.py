"""The users of infra/redis/users.acl in a real Redis."""

import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from infra.compose.secrets_file import prepare_secrets
from infra.dev.local_redis import redis_command
from infra.dev.settings import REPOSITORY
from infra.redis_client import is_cluster, open_redis
from tests.conftest import free_port, redis_binaries

OWN_KEYS = {"auth": "auth:user:1", "order": "order:{A}:1", "kitchen": "kitchen:{main}:queued"}


class GuardedRedis:
    """A Redis with the users of the containers, and its own durable data."""

    def __init__(self, folder: Path, server: Path) -> None:
        template = REPOSITORY / "infra" / "redis" / "users.acl"
        users_file = folder / "users.acl"
        self._variables = prepare_secrets(folder / ".env", template, users_file)
        self._port = free_port()
        data = folder / "data"
        data.mkdir()
        self._command = [*redis_command(server, self._port, data), "--aclfile", str(users_file)]
        self._clients = AsyncExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)  # noqa: ASYNC220
        probe = Redis.from_url(f"redis://health:any@127.0.0.1:{self._port}/0")
        answered = False
        while not answered:
            with suppress(RedisError, OSError):
                answered = bool(await probe.ping())
        await probe.aclose()

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def client(self, user: str, password: str | None = None) -> Redis:
        shown = password or self._variables[f"REDIS_{user.upper()}_PASSWORD"]
        redis = open_redis(f"redis://{user}:{shown}@127.0.0.1:{self._port}/0")
        self._clients.push_async_callback(redis.aclose)
        return redis

    async def stop(self) -> None:
        await self._clients.aclose()
        self.kill()


@pytest.fixture(scope="module", params=redis_binaries().values(), ids=redis_binaries().keys())
async def guarded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GuardedRedis]:
    redis = GuardedRedis(tmp_path_factory.mktemp("guarded"), request.param)
    await redis.start()
    yield redis
    await redis.stop()


@pytest.mark.parametrize("user", OWN_KEYS)
async def test_service_works_on_its_own_keys(guarded: GuardedRedis, user: str) -> None:
    redis, key = guarded.client(user), OWN_KEYS[user]
    script = redis.register_script(
        "return redis.call('HSET', KEYS[1], 'at', redis.call('TIME')[1])"
    )
    await script(keys=[key])
    async with redis.pipeline(transaction=True) as together:
        together.hgetall(key)
        together.delete(key)
        found, _ = await together.execute()
    assert found.keys() == {"at"}
    assert not await is_cluster(redis)


@pytest.mark.parametrize("user", OWN_KEYS)
async def test_service_is_refused_the_keys_of_others(guarded: GuardedRedis, user: str) -> None:
    redis = guarded.client(user)
    for other, key in OWN_KEYS.items():
        if other != user:
            with pytest.raises(NoPermissionError):
                await redis.hgetall(key)
            with pytest.raises(NoPermissionError):
                await redis.delete(key)


@pytest.mark.parametrize("user", OWN_KEYS)
@pytest.mark.parametrize(
    "command",
    ["KEYS *", "SCAN 0", "FLUSHALL", "CONFIG GET *", "ACL LIST", "SHUTDOWN", "MONITOR"],
)
async def test_service_is_refused_what_runs_the_server(
    guarded: GuardedRedis, user: str, command: str
) -> None:
    with pytest.raises(NoPermissionError):
        await guarded.client(user).execute_command(*command.split())


async def test_health_check_may_only_ping(guarded: GuardedRedis) -> None:
    redis = guarded.client("health", "any")
    assert await redis.ping()
    with pytest.raises(NoPermissionError):
        await redis.get("order:menu")


async def test_wrong_password_is_refused(guarded: GuardedRedis) -> None:
    with pytest.raises(AuthenticationError):
        await guarded.client("order", "wrong").ping()


async def test_nobody_is_the_default_user(guarded: GuardedRedis) -> None:
    with pytest.raises(AuthenticationError):
        await guarded.client("default", "any").ping()


async def test_transactions_and_scripts_survive_a_power_cut(guarded: GuardedRedis) -> None:
    redis = guarded.client("order")
    async with redis.pipeline(transaction=True) as together:
        together.hset("order:{A}:kept", "status", "placed")
        together.xadd("order:{A}:outbox", {"order_id": "kept"})
        await together.execute()
    script = redis.register_script("return redis.call('RPUSH', KEYS[1], 'placed')")
    await script(keys=["order:{A}:kept:history"])
    guarded.kill()
    await guarded.start()
    assert await redis.hget("order:{A}:kept", "status") == "placed"
    assert await redis.xlen("order:{A}:outbox") == 1
    assert await redis.lrange("order:{A}:kept:history", 0, -1) == ["placed"]
