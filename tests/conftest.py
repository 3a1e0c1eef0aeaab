"""What every test may ask for: a real Redis of its own, and free ports."""

import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from redis.asyncio import Redis

from infra import redis_client
from infra.dev.free_ports import free_cluster_port
from infra.dev.local_redis import LocalRedis, find_redis_server
from infra.redis_client import open_redis
from infra.shared_pipeline import Script, SharedRedis

# The same commit is judged the same every time. --hypothesis-profile=default searches anew.
settings.register_profile("steady", derandomize=True, deadline=None)
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


CLUSTER = "cluster"


@pytest.fixture(scope="session", params=[*redis_binaries(), CLUSTER])
def redis_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalRedis]:
    """One real Redis of each kind for the session; the newest of them is a one-node cluster too."""
    binaries, is_cluster = redis_binaries(), request.param == CLUSTER
    server = LocalRedis(
        free_cluster_port() if is_cluster else free_port(),
        tmp_path_factory.mktemp("redis"),
        server=[*binaries.values()][-1] if is_cluster else binaries[request.param],
        cluster=is_cluster,
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def redis(redis_server: LocalRedis, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Redis]:
    """A client of the session's Redis, which is empty when the test begins.

    On a cluster the test fails of anything that left its slot, however it was taken.
    """
    client = open_redis(redis_server.url)
    await client.flushall()
    if redis_server.is_cluster:
        await client.config_resetstat()
        if (await client.info("server"))["redis_version"] >= "7":
            # One node has all slots. A Redis that is told the script's language takes it for new,
            # and watches that it stays in one of them.
            monkeypatch.setattr(redis_client, "Script", _script_in_one_slot)
    yield client
    errors = await client.info("errorstats") if redis_server.is_cluster else {}
    await client.aclose()
    assert "errorstat_CROSSSLOT" not in errors


def _script_in_one_slot(redis: SharedRedis, text: str, name: str) -> Script:
    return Script(redis, f"#!lua\n{text}", name)
