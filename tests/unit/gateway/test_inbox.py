from collections.abc import Callable
from functools import partial

import pytest

from gateway.inbox import Inbox


def an_inbox(limit: int) -> Inbox[int]:
    return Inbox(limit, lambda: None)


def test_new_inbox_takes_nothing_in_until_its_stream_catches_up() -> None:
    inbox = an_inbox(2)
    inbox.put(1)
    inbox.refresh()
    inbox.put(2)
    assert inbox.take_all() == [2]
    assert inbox.take_all() == []


def test_full_inbox_drops_all_and_must_catch_up() -> None:
    inbox = an_inbox(2)
    inbox.refresh()
    for number in range(3):
        inbox.put(number)
    assert inbox.stale
    assert inbox.take_all() == []
    inbox.put(3)
    assert inbox.take_all() == []


def test_what_was_taken_is_not_taken_again() -> None:
    inbox = an_inbox(2)
    inbox.refresh()
    inbox.put(1)
    taken = inbox.take_all()
    inbox.put(2)
    assert taken == [1]
    assert inbox.take_all() == [2]


def test_heartbeat_is_due_once() -> None:
    inbox = an_inbox(2)
    assert not inbox.take_beat()
    inbox.beat()
    inbox.beat()
    assert inbox.take_beat()
    assert not inbox.take_beat()


@pytest.mark.parametrize(
    "happen",
    [partial(Inbox.put, item=1), Inbox.beat, Inbox.wake, Inbox.invalidate, Inbox.close],
)
def test_whatever_happens_is_told(happen: Callable[[Inbox[int]], None]) -> None:
    told: list[str] = []
    inbox: Inbox[int] = Inbox(2, lambda: told.append("news"))
    inbox.refresh()
    happen(inbox)
    assert told == ["news"]


def test_overflow_is_told() -> None:
    told: list[str] = []
    inbox: Inbox[int] = Inbox(1, lambda: told.append("news"))
    inbox.refresh()
    inbox.put(1)
    told.clear()
    inbox.put(2)
    assert told == ["news"]
