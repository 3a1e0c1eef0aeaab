"""Which changes may leave: each ticket's in order, and no more than the window."""

from datetime import UTC, datetime

from kitchen.domain import Cause, Change, Status
from kitchen.lanes import Lanes


def change(order_id: str, seq: int) -> Change:
    return Change(
        id=f"{order_id}-{seq}",
        kitchen="main",
        order_id=order_id,
        seq=seq,
        revision=1,
        previous=Status.PLACED,
        status=Status.QUEUED,
        cause=Cause.SYSTEM,
        by="kitchen",
        at=datetime(2026, 11, 23, tzinfo=UTC),
        number=1,
        promised_at=None,
        reason="",
    )


def test_second_change_of_a_ticket_waits_for_the_first() -> None:
    lanes = Lanes(window=10, held=10)
    first, second = change("A", 1), change("A", 2)

    assert lanes.add(first)
    assert not lanes.add(second)
    assert lanes.answered("A") is second
    assert lanes.answered("A") is None


def test_changes_of_other_tickets_do_not_wait() -> None:
    lanes = Lanes(window=10, held=10)

    assert lanes.add(change("A", 1))
    assert lanes.add(change("B", 1))


def test_only_unanswered_changes_use_up_the_window() -> None:
    lanes = Lanes(window=2, held=10)
    for order_id in "AB":
        lanes.add(change(order_id, 1))
    assert lanes.room == 0

    lanes.answered("A")
    assert lanes.room == 1


def test_change_to_be_sent_again_leaves_its_room_to_others_meanwhile() -> None:
    lanes = Lanes(window=1, held=10)
    failed = change("A", 1)
    lanes.add(failed)
    lanes.wait("A")
    assert lanes.room == 1

    assert lanes.resend("A") is failed
    assert lanes.room == 0


def test_waiting_changes_are_bounded_too() -> None:
    lanes = Lanes(window=10, held=3)
    for seq in range(1, 4):
        lanes.add(change("A", seq))
    assert lanes.room == 0

    lanes.answered("A")
    assert lanes.room == 1


def test_dropped_changes_never_leave() -> None:
    lanes = Lanes(window=10, held=10)
    changes = [change("A", seq) for seq in range(1, 5)]
    for each in changes:
        lanes.add(each)

    assert lanes.answered("A", keep={"A-4"}) is changes[3]
    assert lanes.answered("A", keep=set()) is None
    assert lanes.room == 10


def test_only_the_change_that_was_sent_is_expected_to_be_answered() -> None:
    lanes = Lanes(window=10, held=10)
    sent = change("A", 1)
    lanes.add(sent)
    lanes.add(change("A", 2))

    assert lanes.first("A", "A-1") is sent
    assert lanes.first("A", "A-2") is None
    assert lanes.first("B", "B-1") is None


def test_nothing_is_sent_again_once_it_is_gone() -> None:
    lanes = Lanes(window=10, held=10)
    lanes.add(change("A", 1))
    lanes.wait("A")
    lanes.answered("A")

    assert lanes.resend("A") is None
    assert lanes.room == 10
