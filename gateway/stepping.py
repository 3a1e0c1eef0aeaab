"""Coroutines that hardly ever have to wait, without a task for each."""

from collections.abc import Coroutine, Generator
from typing import Any

Steps = Coroutine[Any, Any, None]


class Rest:
    """What is left of a coroutine that had to wait. To be awaited once, in a task, or let go."""

    def __init__(self, steps: Steps, waited_for: object) -> None:
        self._steps = steps
        self._waited_for = waited_for

    def __await__(self) -> Generator[Any, Any, None]:
        try:
            # What it waits for goes to the task just as it would have come from there.
            yield self._waited_for
        except BaseException:
            # Cancelled while it waits: it cleans up where it stands.
            self._steps.close()
            raise
        yield from self._steps.__await__()


def begin(steps: Steps) -> Rest | None:
    """Runs a coroutine up to the first time it waits.

    Returns:
        What is left to be done; None when it did not have to wait.

    Whatever ``steps`` raises comes out here. Up to where it first waits it has no task of its own,
    so there it must not ask for the current one, as ``asyncio.timeout`` does.
    """
    try:
        waited_for = steps.send(None)
    except StopIteration:
        return None
    return Rest(steps, waited_for)
