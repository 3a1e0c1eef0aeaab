"""Telling an outage from a start: what is not there yet is not away."""

import time
from collections.abc import Callable

from infra.logs import get_logger

log = get_logger()

GRACE_SECONDS = 30.0
"""How long after a start the others may take to come: several times what they take on a machine
that is short of CPU, and less than passes before a person looks."""


class Outage:
    """Logs that another process is away: once each time, and after a start not before the grace is
    over. Tries in between are logged as DEBUG.

    Args:
        clock: the time now, in seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._grace_ends_at = clock() + GRACE_SECONDS
        self._is_told = False

    def come(self) -> None:
        """The other one is there, though it has done nothing yet: the grace is over."""
        self._grace_ends_at = 0.0

    def over(self) -> None:
        """The other one works: the next failure is a new outage."""
        self.come()
        self._is_told = False

    def tell(self, event: str, *, has_answered: bool = False, **facts: object) -> None:
        """The other one did not answer; logged as ``event``, a warning if it is news.

        ``has_answered`` says that it is there and has refused, which no waiting mends.
        """
        if has_answered:
            self.come()
        if self._is_told or self._clock() < self._grace_ends_at:
            log.debug(event, **facts)
        else:
            self._is_told = True
            log.warning(event, **facts)
