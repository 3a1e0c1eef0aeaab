"""Endless loops that end when they are told to."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn


async def forever(step: Callable[[], Awaitable[object]]) -> NoReturn:
    """Runs ``step`` again and again, until the task is cancelled or ``step`` raises."""
    while True:
        await step()
        check_cancelled()


class Pace:
    """Lets what comes often gather, so that it shares the cost of a step; the first goes at once.

    Args:
        seconds: no step begins sooner after the one before it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._began_at = float("-inf")

    async def keep(self) -> None:
        """Returns when the next step may begin: now, unless the last one is so recent."""
        loop = asyncio.get_running_loop()
        left = self._began_at + self.seconds - loop.time()
        if left > 0:
            await asyncio.sleep(left)
        self._began_at = loop.time()


class CrowdPace(Pace):
    """A pace that is slower the more there is: few things wait for nothing, a crowd gathers.

    Args:
        seconds: the longest time between two steps.
        crowd: how many things a second make it so long; for half as many it is half of that.
    """

    def __init__(self, seconds: float, crowd: float) -> None:
        super().__init__(0)
        self._longest = seconds
        self._crowd = crowd
        self._rate = 0.0
        self._counted_at = float("-inf")

    def count(self, things: int, now: float) -> None:
        """The step that was begun last is for so many things; ``now`` is the loop's time."""
        elapsed = max(now - self._counted_at, self._longest / 10)
        self._counted_at = now
        # Of late: what was a second ago counts little, what was five seconds ago nothing.
        weight = min(1.0, elapsed * 5)
        self._rate += (things / elapsed - self._rate) * weight
        self.seconds = self._longest * min(1.0, self._rate / self._crowd)


def check_cancelled() -> None:
    """Raises CancelledError when the current task was cancelled and something swallowed that.

    Two things do, and a loop that catches errors and does not look would go on for ever: a
    TaskGroup raises its tasks' errors in the place of a cancellation that came at the same moment
    (before Python 3.13), and ``asyncio.wait_for`` may lose one that comes as its task completes
    (before 3.12, https://github.com/python/cpython/issues/86296).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
