"""The table itself: what it permits, and above all what it does not."""

import pytest

from order.lifecycle import (
    EDITABLE,
    FINAL,
    TRANSITIONS,
    Action,
    Cause,
    Status,
    allowed_actions,
    find_transition,
)


def test_a_timer_never_cancels_recalls_or_rejects():
    by_timer = {(t.source, t.target) for t in TRANSITIONS if Cause.TIMER in t.causes}
    assert by_timer == {
        (Status.QUEUED, Status.PREPARING),
        (Status.PREPARING, Status.READY),
        (Status.READY, Status.COMPLETED),
    }


def test_finished_orders_stay_finished():
    assert {Status.COMPLETED, Status.CANCELLED, Status.REJECTED} == FINAL
    for source in FINAL:
        assert not any(find_transition(source, t, c) for t in Status for c in Cause)


def test_every_status_can_be_reached_from_a_new_order():
    reached, frontier = set(), {None}
    while frontier:
        targets = {t.target for t in TRANSITIONS if t.source in frontier}
        frontier = targets - reached
        reached |= targets
    assert reached == set(Status)


@pytest.mark.parametrize("status", Status)
def test_a_guest_may_cancel_exactly_what_he_may_edit(status):
    actions = allowed_actions(status)
    assert (Action.CANCEL in actions) == (Action.EDIT in actions) == (status in EDITABLE)


@pytest.mark.parametrize("status", [Status.PREPARING, Status.READY])
def test_only_staff_cancel_what_is_cooked_and_must_say_why(status):
    assert find_transition(status, Status.CANCELLED, Cause.GUEST) is None
    transition = find_transition(status, Status.CANCELLED, Cause.STAFF)
    assert transition is not None
    assert transition.needs_reason
    assert allowed_actions(status, Cause.STAFF) == (Action.CANCEL,)
