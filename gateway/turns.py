"""Turns of many on the one event loop."""

import asyncio
from collections import deque
from typing import Protocol

# Together they take a few milliseconds, and whatever else there is to do waits so long.
TURNS_IN_A_ROW = 200


class TakesTurns(Protocol):
    """Somebody who has something short to do now and then."""

    def take_turn(self) -> None:
        """Does it. Never raises."""


class Turns:
    """Lets each who waits take a turn, first come, first served, soon and not at once: so one who
    makes news for thousands, or much for one, has done with it before any of it is sent, and others
    get their turn in between."""

    def __init__(self) -> None:
        self._waiting: deque[TakesTurns] = deque()
        self._is_called = False

    def wait_for_one(self, one: TakesTurns) -> None:
        """Gives ``one`` a turn."""
        self._waiting.append(one)
        if not self._is_called:
            self._is_called = True
            asyncio.get_running_loop().call_soon(self._give)

    def _give(self) -> None:
        for _ in range(min(TURNS_IN_A_ROW, len(self._waiting))):
            self._waiting.popleft().take_turn()
        self._is_called = bool(self._waiting)
        if self._is_called:
            asyncio.get_running_loop().call_soon(self._give)
