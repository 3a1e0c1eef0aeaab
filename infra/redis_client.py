"""Connections to Redis, and the scripts that run in it."""

from importlib.resources import files
from typing import cast

from redis.asyncio import BlockingConnectionPool, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    ResponseError,
    TimeoutError,
)

from infra.measured_retry import MeasuredRetry
from infra.shared_pipeline import Script, SharedRedis, read_hash
from infra.steady_connection import SteadyConnection, SteadyTlsConnection
from infra.trace_edges import commands_client

# A blocking read asks for this long at most; its socket must outlast it.
BLOCK_MS = 2_000
RETRIES = 3
MAX_CONNECTIONS = 32


def open_redis(url: str, *, blocking: bool = False) -> Redis:
    """A client for all callers of a process, or for one endless reader.

    It asks again by itself when a reply was lost, which is why every script here is safe to run
    twice with the same arguments.

    Args:
        url: where Redis is, with user and password, such as ``redis://order:secret@redis:6379/0``.
        blocking: for blocking reads, whose sockets must outlast ``BLOCK_MS``; keep one such client
            for each endless reader.
    """
    backoff = ExponentialWithJitterBackoff(base=0.05, cap=0.5)
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        timeout=2,
        decode_responses=True,
        protocol=2,
        socket_connect_timeout=2,
        socket_timeout=BLOCK_MS / 1000 + 5 if blocking else 5,
        health_check_interval=15,
        retry=MeasuredRetry(
            backoff,
            retries=RETRIES,
            supported_errors=(ConnectionError, TimeoutError, BusyLoadingError),
        )
        if blocking
        # The shared client makes its calls again itself.
        else Retry(NoBackoff(), 0),
    )
    is_tls = issubclass(pool.connection_class, SSLConnection)
    pool.connection_class = SteadyTlsConnection if is_tls else SteadyConnection
    if blocking:
        return Redis.from_pool(pool)
    return commands_client()(pool, retries=RETRIES, backoff=backoff)


def load_script(redis: Redis, package: str, *names: str) -> Script:
    """The Lua script of ``package`` that the files ``names`` make in a row, called by the last.

    Args:
        redis: a client for commands (``open_redis``).
        package: where its folder ``lua`` is.
        names: without the folder and the ending.
    """
    folder = files(package).joinpath("lua")
    text = "".join(folder.joinpath(f"{name}.lua").read_text("utf-8") for name in names)
    return Script(cast(SharedRedis, redis), text, f"{names[-1]}.lua")


async def is_cluster(redis: Redis) -> bool:
    """True when Redis is a node of a cluster, where all keys of a command must lie in one slot.

    Raises RedisError.
    """
    # What INFO and CLUSTER would tell as well is not for a service's user in users.acl.
    [about] = await cast(SharedRedis, redis).fetch(("HELLO",))
    return read_hash(about)["mode"] == "cluster"


def has_answered(error: Exception) -> bool:
    """Return whether Redis is there and refuses: a wrong password, a missing right."""
    return isinstance(error, AuthenticationError | ResponseError)


async def ping(redis: Redis) -> None:
    """Raises what Redis raises when it does not answer: a readiness check."""
    await redis.ping()
