"""Long streams from other services: reading them so that every way to end looks like an end."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar, cast

import grpc

News = TypeVar("News", covariant=True)

# Services speak on their streams at least every five seconds; after so many they pass for dead.
SILENCE_SECONDS = 15


class UpstreamEndedError(Exception):
    """The other side ended the stream in good order, as it does when it stops. Expected."""


class _Readable(Protocol[News]):
    async def read(self) -> News | object: ...


async def read_news(call: _Readable[News], seconds: float = SILENCE_SECONDS) -> News:
    """The next message of a stream.

    Raises:
        UpstreamEndedError: there will be none.
        TimeoutError: the other side said nothing for ``seconds``; the call is cancelled.
        grpc.aio.AioRpcError: the stream broke.
    """
    with ending_as_error():
        async with asyncio.timeout(seconds):
            message = await call.read()
    if message is grpc.aio.EOF:
        raise UpstreamEndedError
    return cast(News, message)


@contextmanager
def ending_as_error() -> Iterator[None]:
    """Raises UpstreamEndedError where grpc.aio says CancelledError though nobody cancelled us.

    It does so when the other side ends a stream with the status CANCELLED, and a loop that took it
    at its word would be gone for good.
    """
    try:
        yield
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise UpstreamEndedError from None


def describe(error: BaseException) -> str:
    """What went wrong, in one line for the log: grpc's own text has many."""
    if isinstance(error, BaseExceptionGroup):
        return describe(error.exceptions[0])
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return repr(error)


class Backoff:
    """Waits longer after each failure in a row, and never as long as the others do."""

    def __init__(self, *, first_seconds: float = 0.1, most_seconds: float = 2.0) -> None:
        self._first = first_seconds
        self._most = most_seconds
        self._next = first_seconds

    def reset(self) -> None:
        """It worked: the next wait is a short one again."""
        self._next = self._first

    async def wait(self) -> None:
        """Waits out one failure."""
        await asyncio.sleep(self._next * random.uniform(0.5, 1))  # noqa: S311 - jitter, no secret
        self._next = min(self._next * 2, self._most)
