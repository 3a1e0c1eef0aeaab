"""Connections to Redis, and the scripts that run in it."""

from importlib.resources import files

from redis.asyncio import BlockingConnectionPool, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import BusyLoadingError, ConnectionError, TimeoutError

from infra.measured_retry import MeasuredRetry
from infra.steady_connection import SteadyConnection, SteadyTlsConnection
from infra.trace_edges import SCRIPT_NAMES, commands_client

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


def read_lua(package: str, name: str) -> str:
    """The text of ``name`` in ``package``."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def load_script(redis: Redis, package: str, name: str, *, after: str = "") -> AsyncScript:
    """The Lua script ``name`` of ``package``, loaded into Redis when it is first called.

    ``after`` is Lua text that stands before it.
    """
    script = redis.register_script(after + read_lua(package, name))
    SCRIPT_NAMES[script.sha] = name.rpartition("/")[2]
    return script


async def ping(redis: Redis) -> None:
    """Raises what Redis raises when it does not answer: a readiness check."""
    await redis.ping()
