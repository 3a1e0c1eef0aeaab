"""What every test may ask for: a real Redis of its own, and free ports."""

import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from redis.asyncio import Redis

from infra.dev.local_redis import LocalRedis, find_redis_server
from infra.redis_client import open_redis

# The same commit is judged the same every time. --hypothesis-profile=default searches anew.
settings.register_profile("steady", derandomize=True)
settings.load_profile("steady")


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def redis_binaries() -> dict[str, Path]:
    """The Redis that comes with the locked requirements, and the machine's own where it has one."""
    embedded = find_redis_server()
    elsewhere = os.pathsep.join(
        folder
        for folder in os.environ.get("PATH", "").split(os.pathsep)
        if Path(folder).resolve() != embedded.parent.resolve()
    )
    installed = shutil.which("redis-server", path=elsewhere)
    return {"embedded": embedded} | ({"installed": Path(installed)} if installed else {})


@pytest.fixture(scope="session", params=redis_binaries().values(), ids=redis_binaries().keys())
def redis_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalRedis]:
    """One real Redis of each kind for the session."""
    server = LocalRedis(free_port(), tmp_path_factory.mktemp("redis"), server=request.param)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def redis(redis_server: LocalRedis) -> AsyncIterator[Redis]:
    """A client of the session's Redis, which is empty when the test begins."""
    client = open_redis(redis_server.url)
    await client.flushall()
    yield client
    await client.aclose()
