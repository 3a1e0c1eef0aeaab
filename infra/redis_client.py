"""Connections to Redis, and the scripts that run in it."""

import asyncio
import builtins
from collections.abc import Iterable
from importlib.resources import files

from redis.asyncio import BlockingConnectionPool, Connection, Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import BusyLoadingError, ConnectionError, TimeoutError

from infra.measured_redis import MeasuredRedis, MeasuredRetry

# A blocking read asks for this long at most; its socket must outlast it.
BLOCK_MS = 2_000


class SteadyConnection(Connection):
    """A connection that neither loses a cancellation nor pays a task for each command.

    redis-py sends through ``asyncio.wait_for``. Before Python 3.12 that wraps each send in a task
    of its own, and swallows a cancellation that arrives as the send completes
    (https://github.com/python/cpython/issues/86296): a loop that was told to stop goes on.
    """

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        seconds, self.socket_timeout = self.socket_timeout, None
        try:
            async with asyncio.timeout(seconds):
                await super().send_packed_command(command, check_health)
        except builtins.TimeoutError:
            raise TimeoutError("Timeout writing to socket") from None
        except RuntimeError as error:
            # What uvloop says of a connection that was lost; redis-py knows OSError only.
            raise ConnectionError("the connection was lost while sending") from error
        finally:
            self.socket_timeout = seconds


def open_redis(url: str, *, blocking: bool = False, max_connections: int = 32) -> Redis:
    """A client whose pool waits for a free connection rather than failing at once.

    It asks again by itself when a reply was lost, which is why every script here is safe to run
    twice with the same arguments.

    Args:
        url: where Redis is, with user and password, such as ``redis://order:secret@redis:6379/0``.
        blocking: for blocking reads, whose sockets must outlast ``BLOCK_MS``; keep one such client
            for each endless reader.
        max_connections: how many connections the pool may open.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        connection_class=SteadyConnection,
        max_connections=max_connections,
        timeout=2,
        decode_responses=True,
        protocol=2,
        socket_connect_timeout=2,
        socket_timeout=BLOCK_MS / 1000 + 5 if blocking else 5,
        health_check_interval=15,
        retry=MeasuredRetry(
            ExponentialWithJitterBackoff(base=0.05, cap=0.5),
            retries=3,
            supported_errors=(ConnectionError, TimeoutError, BusyLoadingError),
        ),
    )
    # How long a blocking read waited says nothing about Redis.
    return (Redis if blocking else MeasuredRedis).from_pool(pool)


def load_script(redis: Redis, package: str, name: str) -> AsyncScript:
    """The Lua script ``name`` of ``package``, loaded into Redis when it is first called."""
    return redis.register_script(files(package).joinpath(name).read_text(encoding="utf-8"))


async def ping(redis: Redis) -> None:
    """Raises what Redis raises when it does not answer: a readiness check."""
    await redis.ping()
