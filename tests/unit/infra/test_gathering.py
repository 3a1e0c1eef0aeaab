"""How long a lane's messages gather: a part of what calls take, within bounds."""

from infra.lane import GATHER_SECONDS, GATHER_SHARE, Gathering

SHORTEST, LONGEST = GATHER_SECONDS


class Calls:
    """Calls of which each takes as long as is told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.under_way: set[int] = set()
        self.gathering = Gathering(self.under_way, lambda: self.now)

    def make(self, count: int, seconds: float) -> None:
        for call_id in range(count):
            self.under_way.add(call_id)
            self.gathering.watch(call_id)
            self.now += seconds
            self.under_way.remove(call_id)
            assert SHORTEST <= self.gathering.seconds <= LONGEST


def test_at_first_it_is_short() -> None:
    assert Calls().gathering.seconds == SHORTEST


def test_it_follows_what_calls_take() -> None:
    calls = Calls()
    seconds = (SHORTEST + LONGEST) / 2 / GATHER_SHARE
    calls.make(50, seconds)
    assert abs(calls.gathering.seconds - seconds * GATHER_SHARE) < SHORTEST / 100
    calls.make(50, SHORTEST)
    assert calls.gathering.seconds == SHORTEST


def test_one_slow_call_changes_it_within_bounds_and_not_for_long() -> None:
    calls = Calls()
    calls.make(1, 3_600)
    assert calls.gathering.seconds == LONGEST
    calls.make(100, SHORTEST)
    assert calls.gathering.seconds == SHORTEST


def test_call_that_is_under_way_says_nothing_yet() -> None:
    calls = Calls()
    calls.under_way.add(1)
    calls.gathering.watch(1)
    calls.now += 60
    assert calls.gathering.seconds == SHORTEST
