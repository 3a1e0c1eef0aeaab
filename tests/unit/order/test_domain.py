"""Orders as pure values: prices, moves, and the verdict on a kitchen's change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order.changes import Answer, TicketChange, Verdict, judge
from order.domain import (
    Change,
    InvalidOrderError,
    LineRequest,
    Menu,
    MenuItem,
    MenuOption,
    OptionGroup,
    ReasonNeededError,
    SoldOutError,
    TransitionNotAllowedError,
    new_order,
    price_lines,
)
from order.lifecycle import Cause, Status, find_transition

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BOWL = MenuItem(
    sku="chicken-bowl",
    name="Chicken bowl",
    category="Bowls",
    station="grill",
    price=950,
    prep_seconds=240,
    option_groups=(
        OptionGroup("base", 1, 1, (MenuOption("rice"), MenuOption("salad", -50))),
        OptionGroup("extras", 0, 2, (MenuOption("guacamole", 150), MenuOption("cheese", 80))),
    ),
)
TEA = MenuItem("tea", "Tea", "Drinks", "bar", 250, 60, available=False)
MENU = Menu(1, "EUR", {"chicken-bowl": BOWL, "tea": TEA})


def bowl(quantity=1, *options):
    return LineRequest("chicken-bowl", quantity, options or ("rice",))


def test_what_is_added_to_an_order_is_priced_in_its_currency():
    (old,) = price_lines([bowl()], MENU)
    yen = replace(MENU, currency="JPY")
    more = [bowl(2), bowl(1, "salad")]
    with pytest.raises(InvalidOrderError) as refused:
        price_lines(more, yen, kept=[old], currency="EUR")
    assert [violation.pointer for violation in refused.value.violations] == ["/items/1/sku"]
    # What stays keeps its price.
    (kept,) = price_lines([bowl(2)], yen, kept=[old], currency="EUR")
    assert kept.unit_price == old.unit_price


def an_order(status=Status.PLACED, **changes):
    change = new_order(
        order_id="01KAR0000000000000000000A0",
        user_id="u1",
        kitchen="main",
        lines=price_lines([bowl(2)], MENU),
        currency="EUR",
        note="",
        by="anna",
        at=NOON,
        op="place",
    )
    return replace(change.order, status=status, **changes)


def test_options_change_the_price_of_every_piece():
    (line,) = price_lines([bowl(3, "salad", "guacamole")], MENU)
    assert line.unit_price == 950 - 50 + 150
    assert line.line_total == 3 * 1050


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        (bowl(0), "/items/0/quantity"),
        (bowl(-1), "/items/0/quantity"),
        (bowl(100), "/items/0/quantity"),
        (LineRequest("pizza", 1), "/items/0/sku"),
        (bowl(1, "rice", "anchovies"), "/items/0/options/1"),
        (bowl(1, "rice", "cheese", "cheese"), "/items/0/options/2"),
        (bowl(1, "rice", "salad"), "/items/0/options"),
        (bowl(1, "guacamole"), "/items/0/options"),
    ],
)
def test_what_cannot_be_ordered_is_named_by_pointer(request_, pointer):
    with pytest.raises(InvalidOrderError) as refused:
        price_lines([request_], MENU)
    assert pointer in [violation.pointer for violation in refused.value.violations]


def test_an_empty_order_is_refused():
    with pytest.raises(InvalidOrderError):
        price_lines([], MENU)


def test_sold_out_dishes_are_refused_by_name():
    with pytest.raises(SoldOutError) as refused:
        price_lines([bowl(), LineRequest("tea", 1)], MENU)
    assert refused.value.facts["skus"] == "tea"


def test_a_line_that_stays_keeps_its_price_and_a_new_one_pays_todays():
    kept = price_lines([bowl(1, "rice", "cheese")], MENU)
    dearer = replace(MENU, items={"chicken-bowl": replace(BOWL, price=2_000)})
    stays, new = price_lines([bowl(1, "cheese", "rice"), bowl(1, "rice")], dearer, kept)
    assert stays.unit_price == 1030
    assert new.unit_price == 2_000


def test_a_sold_out_dish_may_stay_but_not_grow():
    kept = price_lines([bowl(2)], MENU)
    sold_out = replace(MENU, items={"chicken-bowl": replace(BOWL, available=False)})
    assert price_lines([bowl(1)], sold_out, kept)[0].quantity == 1
    with pytest.raises(SoldOutError):
        price_lines([bowl(3)], sold_out, kept)


@given(st.sampled_from(Status), st.sampled_from(Status), st.sampled_from(Cause), st.text())
def test_an_order_moves_exactly_as_the_table_says(source, target, cause, reason):
    order = an_order(source)
    transition = find_transition(source, target, cause)

    def move():
        return order.move(target, cause, by="x", at=NOON, op="op", reason=reason)

    if transition is None:
        with pytest.raises(TransitionNotAllowedError):
            move()
    elif transition.needs_reason and not reason.strip():
        with pytest.raises(ReasonNeededError):
            move()
    else:
        change = move()
        assert change.order.status is target
        assert change.order.version == order.version + 1
        assert change.order.revision == order.revision
        assert change.previous is source


@pytest.mark.parametrize("status", set(Status) - {Status.PLACED, Status.QUEUED})
def test_content_is_fixed_once_cooking_began(status):
    order = an_order(status)
    with pytest.raises(TransitionNotAllowedError):
        order.edit(order.lines, "more salt", by="anna", at=NOON, op="op")


def test_staff_must_give_a_reason_even_early():
    with pytest.raises(ReasonNeededError):
        an_order().cancel(Cause.STAFF, by="boss", at=NOON, op="op", reason=" ")


def start(**changes):
    change = TicketChange(
        change_id="main:1-0",
        order_id="01KAR0000000000000000000A0",
        seq=2,
        revision=1,
        previous=Status.QUEUED,
        status=Status.PREPARING,
        cause=Cause.TIMER,
        by="main",
        at=NOON,
    )
    return replace(change, **changes)


QUEUED = an_order(Status.QUEUED, applied_seq=1)


def test_a_change_in_step_is_committed_with_its_seq():
    step = judge(QUEUED, start())
    assert isinstance(step, Change)
    assert (step.order.status, step.order.applied_seq) == (Status.PREPARING, 2)


@pytest.mark.parametrize(
    ("order", "change", "verdict"),
    [
        (None, start(), Verdict.UNKNOWN),
        (replace(QUEUED, status=Status.CANCELLED), start(), Verdict.VOID),
        (replace(QUEUED, applied_seq=2), start(), Verdict.DUPLICATE),
        (QUEUED, start(seq=3), Verdict.AMENDED),
        (replace(QUEUED, revision=2), start(), Verdict.AMENDED),
        (replace(QUEUED, status=Status.READY), start(), Verdict.AMENDED),
        (QUEUED, start(status=Status.COMPLETED), Verdict.AMENDED),
        (QUEUED, start(cause=Cause.GUEST), Verdict.AMENDED),
    ],
)
def test_a_change_out_of_step_is_not_applied(order, change, verdict):
    answer = judge(order, change)
    assert isinstance(answer, Answer)
    assert answer.verdict is verdict
    assert answer.order == order


def test_a_ticket_is_queued_whatever_the_revision():
    order = an_order(revision=3)
    taken = start(
        seq=1,
        previous=Status.PLACED,
        status=Status.QUEUED,
        cause=Cause.SYSTEM,
        number=7,
        promised_at=NOON + timedelta(minutes=5),
    )
    step = judge(order, taken)
    assert isinstance(step, Change)
    assert (step.order.number, step.order.promised_at) == (7, taken.promised_at)


def test_who_missed_that_an_order_was_queued_learns_it_from_the_next_change():
    order = an_order()
    soon = NOON + timedelta(minutes=9)
    step = judge(order, start(number=7, promised_at=soon))
    assert isinstance(step, Change)
    queued = step.order
    assert (queued.status, queued.number, queued.promised_at) == (Status.QUEUED, 7, soon)
    assert queued.applied_seq == 1
    step = judge(queued, start(number=7, promised_at=soon))
    assert isinstance(step, Change)
    assert (step.order.status, step.order.applied_seq) == (Status.PREPARING, 2)


@pytest.mark.parametrize("fields", [{"seq": 3}, {"previous": Status.PREPARING}])
def test_a_placed_order_is_not_queued_by_a_change_that_is_not_the_next(fields):
    answer = judge(an_order(), start(**fields))
    assert isinstance(answer, Answer)
    assert answer.verdict is Verdict.AMENDED


def test_a_renewed_promise_keeps_the_status():
    later = NOON + timedelta(minutes=9)
    step = judge(QUEUED, start(status=Status.QUEUED, promised_at=later))
    assert isinstance(step, Change)
    assert step.previous is step.order.status is Status.QUEUED
    assert step.order.promised_at == later
