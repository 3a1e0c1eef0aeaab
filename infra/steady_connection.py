"""redis-py's connections without two of their traps."""

import asyncio
import builtins
from collections.abc import Iterable
from typing import Any, cast

import hiredis
from redis.asyncio import Connection, SSLConnection
from redis.exceptions import ConnectionError, DataError, TimeoutError


def pack(args: tuple[Any, ...]) -> bytes:
    """A command as it is sent. Raises DataError for what can't be."""
    # redis-py names some commands by two words.
    if " " in args[0]:
        args = (*args[0].split(), *args[1:])
    try:
        return cast(bytes, hiredis.pack_command(args))
    except TypeError as error:
        raise DataError(f"{args[0]}: {error}") from None


class SteadyConnection(Connection):
    """A connection that neither loses a cancellation nor pays a task for each command.

    redis-py sends through ``asyncio.wait_for``. Before Python 3.12 that wraps each send in a task
    of its own, and swallows a cancellation that arrives as the send completes
    (https://github.com/python/cpython/issues/86296): a loop that was told to stop goes on.
    Commands are packed by hiredis, as replies are read by it.
    """

    @property
    def reader(self) -> asyncio.StreamReader:
        """What comes from Redis. A bug before it is connected."""
        return cast(asyncio.StreamReader, self._reader)

    @property
    def writer(self) -> asyncio.StreamWriter:
        """What goes to Redis. A bug before it is connected."""
        return cast(asyncio.StreamWriter, self._writer)

    def error_of(self, reply: str) -> Exception:
        """The exception redis-py has for an error reply."""
        parser: Any = self._parser
        return cast(Exception, parser.parse_error(reply))

    def pack_command(self, *args: Any) -> list[bytes]:
        return [pack(args)]

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


class SteadyTlsConnection(SteadyConnection, SSLConnection):
    """The same over TLS, for ``rediss://``."""
