"""How long to wait before trying again, and when to give a change up."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """Waits double up to a limit, with jitter: or all who lost one server would return at once."""

    reconnect_seconds: float = 0.1
    reconnect_most_seconds: float = 2.0
    resend_seconds: float = 1.0
    resend_most_seconds: float = 30.0
    failures: int = 5
    """After so many failures a ticket is parked."""

    def reconnect_after(self, attempts: int) -> float:
        """Seconds until the next connection, after so many in vain."""
        return _wait(self.reconnect_seconds, self.reconnect_most_seconds, attempts)

    def resend_after(self, failures: int) -> float:
        """Seconds until a change is sent again that has failed so often."""
        return _wait(self.resend_seconds, self.resend_most_seconds, failures - 1)


def _wait(first: float, most: float, doublings: int) -> float:
    return min(most, first * 2.0 ** min(doublings, 16)) * random.uniform(0.5, 1)  # noqa: S311


class Failures:
    """Counts how often each ticket's change has failed, and tells a bad ticket from an outage.

    While several tickets fail and none gets through it is no ticket's fault, and nothing counts.
    """

    def __init__(self) -> None:
        self._answered = 0
        self._counts: dict[str, int] = {}
        self._answered_at: dict[str, int] = {}

    def count(self, order_id: str) -> int:
        """A change of this ticket failed: how often that makes, at least 1."""
        known = self._counts.get(order_id, 0)
        others_get_through = self._answered > self._answered_at.get(order_id, -1)
        if others_get_through or len(self._counts) == 1:
            known += 1
        self._counts[order_id] = known
        self._answered_at[order_id] = self._answered
        return known

    def answered(self, order_id: str) -> None:
        """A change of this ticket was judged."""
        self._answered += 1
        self._counts.pop(order_id, None)
        self._answered_at.pop(order_id, None)
