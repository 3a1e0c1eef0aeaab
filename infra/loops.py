"""Endless loops that end when they are told to."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn


async def forever(step: Callable[[], Awaitable[object]]) -> NoReturn:
    """Runs ``step`` again and again, until the task is cancelled or ``step`` raises."""
    while True:
        await step()
        check_cancelled()


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
