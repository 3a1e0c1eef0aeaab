"""One read for all who ask at the same moment."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedRead(Generic[T]):
    """Reads something once for all callers of one turn of the loop.

    No caller is given what was read before it asked: a read begins in the turn after, and who comes
    later waits for the next one.
    """

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._waiting: list[asyncio.Future[T]] = []
        self._reading: set[asyncio.Task[None]] = set()

    async def __call__(self) -> T:
        """What is read now. Raises what ``read`` raises."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._waiting.append(answer)
        if len(self._waiting) == 1:
            reading = loop.create_task(self._run())
            self._reading.add(reading)
            reading.add_done_callback(self._reading.discard)
        return await answer

    async def _run(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            found = await self._read()
        except Exception as error:
            for answer in waiting:
                if not answer.done():
                    answer.set_exception(error)
            return
        for answer in waiting:
            if not answer.done():
                answer.set_result(found)
