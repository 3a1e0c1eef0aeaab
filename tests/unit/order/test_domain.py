"""Orders as pure values: prices, moves, and the verdict on a kitchen's change."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order.changes import Answer, TicketChange, Verdict, judge
from order.domain import (
    AgreedTotal,
    Change,
    InvalidOrderError,
    LineRequest,
    Menu,
    MenuItem,
    MenuOption,
    OptionGroup,
    PriceChangedError,
    ReasonNeededError,
    SoldOutError,
    TransitionNotAllowedError,
    adds_portions,
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


def bowl_with(quantity, options):
    return bowl(quantity, *options)


def portions(lines):
    """How many of each dish with its options."""
    counts = Counter()
    for line in lines:
        counts[line.dish] += line.quantity
    return counts


def test_what_is_added_to_an_order_is_priced_in_its_currency():
    (old,) = price_lines([bowl()], MENU)
    yen = replace(MENU, currency="JPY")
    more = [bowl(2), bowl(1, "salad")]
    with pytest.raises(InvalidOrderError) as refused:
        price_lines(more, yen, kept=[old], currency="EUR")
    pointers = [violation.pointer for violation in refused.value.violations]
    assert pointers == ["/items/0/sku", "/items/1/sku"]
    # What stays keeps its price.
    assert price_lines([bowl(1)], yen, kept=[old], currency="EUR") == (old,)


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


DEARER = replace(MENU, items={"chicken-bowl": replace(BOWL, price=2_000)})
SOLD_OUT = replace(MENU, items={"chicken-bowl": replace(BOWL, available=False)})


def prices_of(lines):
    return [(line.quantity, line.unit_price) for line in lines]


@pytest.mark.parametrize("menu", [DEARER, SOLD_OUT, replace(MENU, items={})])
def test_equal_lines_that_stay_all_keep_their_price_whatever_the_menu_did(menu):
    kept = price_lines([bowl(1), bowl(2), bowl(1)], MENU)
    assert price_lines([bowl(1), bowl(2), bowl(1)], menu, kept) == kept


@pytest.mark.parametrize("quantities", [(5, 1), (1, 5)])
def test_portions_that_stay_are_counted_not_lines(quantities):
    kept = price_lines([bowl(quantity) for quantity in quantities], MENU)
    assert prices_of(price_lines([bowl(5)], SOLD_OUT, kept)) == [(5, 950)]
    assert prices_of(price_lines([bowl(6)], SOLD_OUT, kept)) == [(6, 950)]
    with pytest.raises(SoldOutError):
        price_lines([bowl(7)], SOLD_OUT, kept)


def test_what_is_added_to_a_line_pays_todays_price_on_a_line_of_its_own():
    kept = price_lines([bowl(3)], MENU)
    grown = price_lines([bowl(5)], DEARER, kept)
    assert prices_of(grown) == [(3, 950), (2, 2_000)]
    # A guest's page shows it as one line; it stays as it is.
    assert price_lines([bowl(5)], MENU, grown) == grown
    assert prices_of(price_lines([bowl(4)], MENU, grown)) == [(3, 950), (1, 2_000)]


def test_what_is_added_at_the_same_price_joins_its_line():
    assert prices_of(price_lines([bowl(5)], MENU, price_lines([bowl(3)], MENU))) == [(5, 950)]


def test_an_edit_makes_no_order_of_more_lines_than_one_may_have():
    many = [bowl(1, "rice") for _ in range(50)]
    kept = price_lines(many, MENU)
    more = [*many[1:], bowl(2, "rice")]
    assert len(price_lines(more, MENU, kept)) == 50
    with pytest.raises(InvalidOrderError) as refused:
        price_lines(more, DEARER, kept)
    assert [violation.pointer for violation in refused.value.violations] == ["/items"]


def test_options_that_make_a_dish_cheaper_never_make_it_cost_less_than_nothing():
    sample = MenuItem(
        "sip", "Sip", "Drinks", "bar", 100, 10, True,
        (OptionGroup("size", 0, 2, (MenuOption("half", -70), MenuOption("tiny", -80))),),
    )  # fmt: skip
    menu = Menu(1, "EUR", {"sip": sample})
    for options, price in [(("half",), 30), (("half", "tiny"), 0)]:
        (line,) = price_lines([LineRequest("sip", 3, options)], menu)
        assert (line.unit_price, line.line_total) == (price, 3 * price)
        assert sample.price_of(options) == price


@pytest.mark.parametrize(
    ("before", "after", "adds"),
    [
        ([bowl(2)], [bowl(3)], True),
        ([bowl(2)], [bowl(1), bowl(1)], False),
        ([bowl(1), bowl(1)], [bowl(2)], False),
        ([bowl(2)], [bowl(1)], False),
        ([bowl(2)], [bowl(1), bowl(1, "salad")], True),
        ([bowl(2), bowl(1, "salad")], [bowl(3)], True),
        ([bowl(1, "rice", "cheese")], [bowl(1, "cheese", "rice")], False),
    ],
)
def test_an_edit_adds_where_it_has_more_portions_of_a_dish(before, after, adds):
    assert adds_portions(after, price_lines(before, MENU)) is adds


@pytest.mark.parametrize("agreed", [AgreedTotal(1_899, "EUR"), AgreedTotal(1_900, "USD")])
def test_another_price_than_was_agreed_is_told_with_every_line(agreed):
    order = an_order()
    AgreedTotal(1_900, "EUR").require_of(order)
    with pytest.raises(PriceChangedError) as refused:
        agreed.require_of(order)
    facts = refused.value.facts
    assert (facts["total"], facts["currency"], facts["currency_digits"]) == (1_900, "EUR", 2)
    assert json.loads(facts["items"]) == [
        {
            "sku": "chicken-bowl",
            "name": "Chicken bowl",
            "quantity": 2,
            "options": ["rice"],
            "unit_price": 950,
            "line_total": 1_900,
        }
    ]


OPTIONS = st.sampled_from([("rice",), ("salad",), ("rice", "cheese"), ("cheese", "rice")])
REQUESTS = st.lists(st.builds(bowl_with, st.integers(1, 9), OPTIONS), min_size=1, max_size=8)
PRICES = st.integers(0, 3_000)


def prices_paid(lines, dish):
    """The price of each portion of a dish, in the order of the lines."""
    of_dish = [line for line in lines if line.dish == dish]
    return [line.unit_price for line in of_dish for _ in range(line.quantity)]


@given(REQUESTS, st.lists(st.tuples(REQUESTS, PRICES), max_size=5), PRICES, st.booleans())
def test_portions_keep_their_price_through_any_edits(requests, edits, last_price, is_available):
    lines = price_lines(requests, MENU)
    for wanted, price in edits:
        menu = replace(MENU, items={"chicken-bowl": replace(BOWL, price=price)})
        before, lines = lines, price_lines(wanted, menu, lines)
        assert portions(lines) == portions(wanted)
        for dish, count in portions(wanted).items():
            # The dish's portions in the order of their lines, then as many new ones as it takes.
            had = [
                line.unit_price
                for line in before
                if line.dish == dish
                for _ in range(line.quantity)
            ]
            today = menu.items["chicken-bowl"].price_of(tuple(dish[1]))
            paid = [
                line.unit_price for line in lines if line.dish == dish for _ in range(line.quantity)
            ]
            assert paid == (had + [today] * count)[:count]
        assert adds_portions(wanted, before) is bool(portions(wanted) - portions(before))
    # The same lines saved again are the same order, whatever the menu did.
    menu = replace(
        MENU,
        items={"chicken-bowl": replace(BOWL, price=last_price, available=is_available)},
    )
    same = [LineRequest(line.sku, line.quantity, line.options) for line in lines]
    assert price_lines(same, menu, lines) == lines
    assert an_order(lines=lines).total == sum(line.unit_price * line.quantity for line in lines)


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
