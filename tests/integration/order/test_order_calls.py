"""The use cases over gRPC: who may do what, and what a refusal says."""

import asyncio
import json
from datetime import timedelta

import grpc
import pytest

from infra.clock import utc_now
from infra.errors import read_refusal
from shared_proto.restaurant.order.v1 import order_pb2 as pb
from tests.integration.order.conftest import (
    ADMIN,
    ANNA,
    BORIS,
    COOK,
    OTHER_COOK,
    as_service,
    as_user,
)


def place(sku="bowl", quantity=1, options=("rice",), **fields):
    line = pb.LineRequest(sku=sku, quantity=quantity, options=options)
    return pb.PlaceOrderRequest(items=[line], **fields)


async def refusal_of(call):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return read_refusal(refused.value)


@pytest.fixture
async def order(stub) -> pb.Order:
    return (await stub.PlaceOrder(place(), metadata=as_user(ANNA))).order


async def push(stub, *changes):
    """Sends changes up a stream of their own and answers their verdicts."""
    call = stub.PushChanges(
        iter([pb.PushChangesRequest(kitchen="main", changes=changes)]),
        metadata=as_service("kitchen"),
    )
    return [verdict async for response in call for verdict in response.verdicts]


def change_of(order, seq, previous, status, **fields):
    return pb.TicketChange(
        change_id=f"main:{seq}-0",
        order_id=order.id,
        seq=seq,
        revision=fields.pop("revision", order.revision),
        previous=previous,
        status=status,
        cause=fields.pop("cause", pb.CAUSE_TIMER),
        by="main",
        **fields,
    )


def queue(order):
    return change_of(
        order, 1, pb.ORDER_STATUS_PLACED, pb.ORDER_STATUS_QUEUED, cause=pb.CAUSE_SYSTEM, number=7
    )


def start(order, **fields):
    return change_of(order, 2, pb.ORDER_STATUS_QUEUED, pb.ORDER_STATUS_PREPARING, **fields)


async def test_an_order_is_priced_by_the_menu(stub):
    placed = await stub.PlaceOrder(place(quantity=2, options=["egg"]), metadata=as_user(ANNA))
    order = placed.order
    assert (order.total, order.currency, order.version) == (2000, "EUR", 1)
    assert order.status == pb.ORDER_STATUS_PLACED
    assert list(order.allowed_actions) == ["edit", "cancel"]
    assert [entry.by for entry in order.history] == ["anna"]


async def test_a_repeated_key_gives_the_first_answer_even_when_sold_out_since(stub):
    request = place(idempotency_key="k1", body_sha256=b"1" * 32)
    first = await stub.PlaceOrder(request, metadata=as_user(ANNA))
    await stub.SetAvailability(
        pb.SetAvailabilityRequest(sku="bowl", available=False), metadata=as_user(COOK)
    )
    again = await stub.PlaceOrder(request, metadata=as_user(ANNA))
    assert again.replayed
    assert again.order == first.order
    request.body_sha256 = b"2" * 32
    refusal = await refusal_of(stub.PlaceOrder(request, metadata=as_user(ANNA)))
    assert refusal.reason == "IDEMPOTENCY_KEY_REUSED"


async def test_a_repeated_key_gives_the_order_as_it_was_first_whatever_came_of_it(stub):
    request = place(idempotency_key="k1", body_sha256=b"1" * 32, note="no onion, please")
    first = await stub.PlaceOrder(request, metadata=as_user(ANNA))
    await push(stub, queue(first.order))
    for note in ("x", "y"):
        edit = pb.UpdateOrderRequest(
            id=first.order.id, items=[pb.LineRequest(sku="tea", quantity=3)], note=note
        )
        await stub.UpdateOrder(edit, metadata=as_user(ANNA))
    cancel = pb.CancelOrderRequest(id=first.order.id, reason="no time")
    await stub.CancelOrder(cancel, metadata=as_user(ANNA))
    again = await stub.PlaceOrder(request, metadata=as_user(ANNA))
    assert again.replayed
    assert again.order == first.order


WRITTEN, OTHERWISE = b"1" * 32, b"2" * 32
CONTENT, OTHER_CONTENT = b"c" * 32, b"d" * 32


async def test_a_repeated_key_takes_the_same_content_however_it_is_written(stub):
    request = place(idempotency_key="k1", body_sha256=WRITTEN, content_sha256=CONTENT)
    first = await stub.PlaceOrder(request, metadata=as_user(ANNA))
    request.body_sha256 = OTHERWISE
    again = await stub.PlaceOrder(request, metadata=as_user(ANNA))
    assert again.replayed
    assert again.order == first.order
    request.content_sha256 = OTHER_CONTENT
    refusal = await refusal_of(stub.PlaceOrder(request, metadata=as_user(ANNA)))
    assert refusal.reason == "IDEMPOTENCY_KEY_REUSED"


OLD_GATEWAY = {"body_sha256": WRITTEN}
NEW_GATEWAY = {"body_sha256": WRITTEN, "content_sha256": CONTENT}


@pytest.mark.parametrize("sold_out", [False, True])
@pytest.mark.parametrize(
    ("first", "again"), [(OLD_GATEWAY, NEW_GATEWAY), (NEW_GATEWAY, OLD_GATEWAY)]
)
async def test_while_gateways_are_upgraded_the_very_bytes_are_known(stub, first, again, sold_out):
    placed = await stub.PlaceOrder(place(idempotency_key="k", **first), metadata=as_user(ANNA))
    if sold_out:
        await stub.SetAvailability(
            pb.SetAvailabilityRequest(sku="bowl", available=False), metadata=as_user(COOK)
        )
    same = await stub.PlaceOrder(place(idempotency_key="k", **again), metadata=as_user(ANNA))
    assert same.replayed
    assert same.order == placed.order
    other = place(idempotency_key="k", **{**again, "body_sha256": OTHERWISE})
    if "content_sha256" in again:
        other.content_sha256 = OTHER_CONTENT
    refusal = await refusal_of(stub.PlaceOrder(other, metadata=as_user(ANNA)))
    assert refusal.reason == "IDEMPOTENCY_KEY_REUSED"


async def test_the_same_key_of_another_guest_is_another_key(stub):
    request = place(idempotency_key="k1", body_sha256=b"1" * 32)
    first = await stub.PlaceOrder(request, metadata=as_user(ANNA))
    second = await stub.PlaceOrder(request, metadata=as_user(BORIS))
    assert first.order.id != second.order.id


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        (place(sku="pizza"), "/items/0/sku"),
        (place(quantity=0), "/items/0/quantity"),
        (place(quantity=1_000_000), "/items/0/quantity"),
        (pb.PlaceOrderRequest(), "/items"),
        (place(note="x" * 501), "/note"),
        (place(note="no\x00onion"), "/note"),
        (place(kitchen="Main Street!"), "/kitchen"),
    ],
)
async def test_a_bad_order_changes_nothing(stub, redis, request_, pointer):
    before = await redis.dbsize()
    refusal = await refusal_of(stub.PlaceOrder(request_, metadata=as_user(ANNA)))
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.pointer for violation in refusal.violations] == [pointer]
    assert await redis.dbsize() == before


async def test_another_guests_order_does_not_exist(stub, order):
    calls = [
        stub.GetOrder(pb.GetOrderRequest(id=order.id), metadata=as_user(BORIS)),
        stub.CancelOrder(pb.CancelOrderRequest(id=order.id), metadata=as_user(BORIS)),
        stub.UpdateOrder(pb.UpdateOrderRequest(id=order.id, note="x"), metadata=as_user(BORIS)),
    ]
    elsewhere = stub.GetOrder(pb.GetOrderRequest(id=order.id), metadata=as_user(OTHER_COOK))
    unknown = stub.GetOrder(pb.GetOrderRequest(id="nonsense"), metadata=as_user(ANNA))
    for call in (*calls, elsewhere, unknown):
        assert (await refusal_of(call)).reason == "ORDER_NOT_FOUND"


async def test_staff_may_not_edit_a_guests_order(stub, order):
    request = pb.UpdateOrderRequest(id=order.id, note="more salt")
    refusal = await refusal_of(stub.UpdateOrder(request, metadata=as_user(COOK)))
    assert refusal.reason == "ORDER_NOT_FOUND"


async def test_an_edit_replaces_what_it_names_and_nothing_else(stub, order):
    items = [pb.LineRequest(sku="tea", quantity=2)]
    edited = await stub.UpdateOrder(
        pb.UpdateOrderRequest(id=order.id, items=items, if_version=1), metadata=as_user(ANNA)
    )
    assert (edited.order.total, edited.order.revision, edited.order.version) == (500, 2, 2)
    noted = await stub.UpdateOrder(
        pb.UpdateOrderRequest(id=order.id, note="lemon"), metadata=as_user(ANNA)
    )
    assert (noted.order.note, noted.order.total, noted.order.revision) == ("lemon", 500, 3)
    same = await stub.UpdateOrder(
        pb.UpdateOrderRequest(id=order.id, note="lemon"), metadata=as_user(ANNA)
    )
    assert same.order.version == noted.order.version


async def test_an_order_the_caller_has_read_is_told_again_when_it_has_changed(stub, order):
    known = pb.GetOrderRequest(id=order.id, known_version=1)
    assert not (await stub.GetOrder(known, metadata=as_user(ANNA))).HasField("order")
    for stranger in (BORIS, OTHER_COOK):
        refusal = await refusal_of(stub.GetOrder(known, metadata=as_user(stranger)))
        assert refusal.reason == "ORDER_NOT_FOUND"
    await push(stub, queue(order))
    assert (await stub.GetOrder(known, metadata=as_user(ANNA))).order.version == 2
    known.known_version = 7
    assert (await stub.GetOrder(known, metadata=as_user(ANNA))).order.version == 2


async def test_a_stale_version_is_refused_with_the_current_one(stub, order):
    request = pb.UpdateOrderRequest(id=order.id, note="x", if_version=9)
    refusal = await refusal_of(stub.UpdateOrder(request, metadata=as_user(ANNA)))
    assert (refusal.reason, refusal.facts["version"]) == ("VERSION_MISMATCH", "1")


async def test_cancelling_twice_succeeds_twice_and_happens_once(stub, order):
    request = pb.CancelOrderRequest(id=order.id)
    first = await stub.CancelOrder(request, metadata=as_user(ANNA))
    second = await stub.CancelOrder(request, metadata=as_user(ANNA))
    assert first.order == second.order
    assert first.order.version == 2
    assert not first.order.allowed_actions


async def test_what_is_being_cooked_only_staff_cancel_and_with_a_reason(stub, order):
    await push(stub, queue(order), start(order))
    request = pb.CancelOrderRequest(id=order.id)
    refusal = await refusal_of(stub.CancelOrder(request, metadata=as_user(ANNA)))
    assert refusal.reason == "TRANSITION_NOT_ALLOWED"
    assert refusal.facts["status"] == "preparing"
    assert refusal.facts["allowed_actions"] == ""
    refusal = await refusal_of(stub.CancelOrder(request, metadata=as_user(COOK)))
    assert refusal.reason == "REASON_NEEDED"
    request.reason = "dropped it"
    cancelled = await stub.CancelOrder(request, metadata=as_user(COOK))
    assert cancelled.order.reason == "dropped it"
    assert cancelled.order.history[-1].cause == pb.CAUSE_STAFF


async def test_calls_without_the_right_identity_are_refused(stub):
    nobody = await refusal_of(stub.PlaceOrder(place()))
    assert nobody.code is grpc.StatusCode.UNAUTHENTICATED
    guest = stub.ReadEvents(pb.ReadEventsRequest(user_id="anna-id"), metadata=as_user(ANNA))
    assert (await refusal_of(guest)).code is grpc.StatusCode.UNAUTHENTICATED
    kitchen = stub.ReadEvents(pb.ReadEventsRequest(user_id="x"), metadata=as_service("kitchen"))
    assert (await refusal_of(kitchen)).code is grpc.StatusCode.PERMISSION_DENIED
    forged = (("x-brigade-service", "gateway"), ("x-brigade-credential", "guess"))
    call = stub.ReadEvents(pb.ReadEventsRequest(user_id="x"), metadata=forged)
    assert (await refusal_of(call)).code is grpc.StatusCode.UNAUTHENTICATED


async def test_only_admins_import_and_only_staff_sell_out(stub):
    menu = (await stub.GetMenu(pb.GetMenuRequest())).menu
    request = pb.ImportMenuRequest(currency="EUR", items=menu.items)
    for caller in (ANNA, COOK):
        refusal = await refusal_of(stub.ImportMenu(request, metadata=as_user(caller)))
        assert refusal.reason == "NOT_ALLOWED"
    assert (await stub.ImportMenu(request, metadata=as_user(ADMIN))).menu.version == 2
    sold_out = pb.SetAvailabilityRequest(sku="tea", available=False)
    assert (await refusal_of(stub.SetAvailability(sold_out, metadata=as_user(ANNA)))).reason
    await stub.SetAvailability(sold_out, metadata=as_user(COOK))
    refusal = await refusal_of(stub.PlaceOrder(place("tea", options=[]), metadata=as_user(ANNA)))
    assert (refusal.reason, refusal.facts["skus"]) == ("SOLD_OUT", "tea")


async def test_a_bad_menu_is_refused_whole_with_a_pointer_for_each_fault(stub):
    items = [
        pb.MenuItem(sku="Bad Sku", name="A", category="B", station="grill", price=1),
        pb.MenuItem(sku="ok", name="", category="B", station="grill", price=-1),
    ]
    request = pb.ImportMenuRequest(currency="EUR", items=items)
    refusal = await refusal_of(stub.ImportMenu(request, metadata=as_user(ADMIN)))
    pointers = [violation.pointer for violation in refusal.violations]
    assert pointers == ["/items/0/sku", "/items/1/price", "/items/1/name"]
    assert (await stub.GetMenu(pb.GetMenuRequest())).menu.version == 1


def agreed(total, currency="EUR"):
    return pb.AgreedTotal(total=total, currency=currency)


async def set_price(stub, sku, price, currency="EUR"):
    """As an owner who imports the menu with another price for one dish."""
    menu = (await stub.GetMenu(pb.GetMenuRequest())).menu
    for item in menu.items:
        if item.sku == sku:
            item.price = price
    request = pb.ImportMenuRequest(currency=currency, items=menu.items)
    await stub.ImportMenu(request, metadata=as_user(ADMIN))


async def test_an_order_is_placed_at_the_total_its_guest_agreed_to_or_not_at_all(stub):
    request = place(quantity=2, options=["egg"], agreed_total=agreed(2000))
    assert (await stub.PlaceOrder(request, metadata=as_user(ANNA))).order.total == 2000
    await set_price(stub, "bowl", 1800)
    refusal = await refusal_of(stub.PlaceOrder(request, metadata=as_user(ANNA)))
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "PRICE_CHANGED",
    )
    assert (refusal.facts["total"], refusal.facts["currency"]) == ("3800", "EUR")
    assert refusal.facts["currency_digits"] == "2"
    (line,) = json.loads(refusal.facts["items"])
    assert (line["sku"], line["unit_price"], line["line_total"]) == ("bowl", 1900, 3800)
    listed = await stub.ListOrders(pb.ListOrdersRequest(), metadata=as_user(ANNA))
    assert len(listed.orders) == 1
    request.agreed_total.total = 3800
    assert (await stub.PlaceOrder(request, metadata=as_user(ANNA))).order.total == 3800


async def test_the_same_figure_in_another_currency_is_another_price(stub):
    await set_price(stub, "bowl", 900, currency="JPY")
    request = place(agreed_total=agreed(900))
    refusal = await refusal_of(stub.PlaceOrder(request, metadata=as_user(ANNA)))
    assert refusal.reason == "PRICE_CHANGED"
    facts = refusal.facts
    assert (facts["total"], facts["currency"], facts["currency_digits"]) == ("900", "JPY", "0")


async def test_what_cannot_be_ordered_is_said_before_what_it_would_cost(stub):
    sold_out = pb.SetAvailabilityRequest(sku="tea", available=False)
    await stub.SetAvailability(sold_out, metadata=as_user(COOK))
    for request, reason in (
        (place("tea", options=[], agreed_total=agreed(1)), "SOLD_OUT"),
        (place("pizza", agreed_total=agreed(1)), "INVALID_ORDER"),
    ):
        refusal = await refusal_of(stub.PlaceOrder(request, metadata=as_user(ANNA)))
        assert refusal.reason == reason


async def test_a_repeated_key_gives_the_first_answer_though_the_price_moved_since(stub):
    request = place(idempotency_key="k1", body_sha256=b"1" * 32, agreed_total=agreed(900))
    first = await stub.PlaceOrder(request, metadata=as_user(ANNA))
    await set_price(stub, "bowl", 1800)
    again = await stub.PlaceOrder(request, metadata=as_user(ANNA))
    assert again.replayed
    assert again.order == first.order


async def test_a_key_whose_price_was_refused_is_free_for_the_new_price(stub):
    await set_price(stub, "bowl", 1800)
    request = place(idempotency_key="k1", body_sha256=b"1" * 32, agreed_total=agreed(900))
    assert (await refusal_of(stub.PlaceOrder(request, metadata=as_user(ANNA)))).reason
    request.agreed_total.total, request.body_sha256 = 1800, b"2" * 32
    assert (await stub.PlaceOrder(request, metadata=as_user(ANNA))).order.total == 1800


async def test_an_edit_is_saved_at_the_total_its_guest_agreed_to_or_not_at_all(stub, order):
    await set_price(stub, "bowl", 1800)
    rice = pb.LineRequest(sku="bowl", quantity=2, options=["rice"])
    request = pb.UpdateOrderRequest(id=order.id, items=[rice], agreed_total=agreed(1800))
    refusal = await refusal_of(stub.UpdateOrder(request, metadata=as_user(ANNA)))
    assert (refusal.reason, refusal.facts["total"]) == ("PRICE_CHANGED", "2700")
    # One keeps its price, one is new.
    lines = json.loads(refusal.facts["items"])
    assert [(line["quantity"], line["unit_price"]) for line in lines] == [(1, 900), (1, 1800)]
    now = (await stub.GetOrder(pb.GetOrderRequest(id=order.id), metadata=as_user(ANNA))).order
    assert (now.version, now.total) == (order.version, 900)
    request.agreed_total.total = 2700
    saved = (await stub.UpdateOrder(request, metadata=as_user(ANNA))).order
    assert (saved.total, saved.version) == (2700, order.version + 1)
    # The same lines again: what stays keeps its price.
    again = pb.UpdateOrderRequest(
        id=order.id,
        items=[
            pb.LineRequest(sku=line.sku, quantity=line.quantity, options=line.options)
            for line in saved.items
        ],
        agreed_total=agreed(2700),
    )
    await set_price(stub, "bowl", 5000)
    assert (await stub.UpdateOrder(again, metadata=as_user(ANNA))).order == saved
    note = pb.UpdateOrderRequest(id=order.id, note="no egg", agreed_total=agreed(2600))
    assert (await refusal_of(stub.UpdateOrder(note, metadata=as_user(ANNA)))).reason
    note.agreed_total.total = 2700
    assert (await stub.UpdateOrder(note, metadata=as_user(ANNA))).order.note == "no egg"


async def test_a_refused_price_tells_as_many_lines_as_an_order_may_have(stub):
    name = "Bowl" + " of many good things" * 5
    names = [letter * 120 for letter in "abc"]
    extras = pb.OptionGroup(name="extras", max=3, options=[pb.MenuOption(name=n) for n in names])
    item = pb.MenuItem(
        sku="big",
        name=name,
        category="Bowls",
        station="grill",
        price=900,
        available=True,
        option_groups=[extras],
    )
    menu = pb.ImportMenuRequest(currency="EUR", items=[item])
    await stub.ImportMenu(menu, metadata=as_user(ADMIN))
    line = pb.LineRequest(sku="big", quantity=1, options=names)
    request = pb.PlaceOrderRequest(items=[line] * 50, agreed_total=agreed(1))
    refusal = await refusal_of(stub.PlaceOrder(request, metadata=as_user(ANNA)))
    assert refusal.reason == "PRICE_CHANGED"
    assert len(json.loads(refusal.facts["items"])) == 50


@pytest.mark.parametrize("currency", ["ABC", "XAU", "XXX", "eur", "978", "EURO", ""])
async def test_a_menu_in_what_is_no_currency_is_refused(stub, currency):
    menu = (await stub.GetMenu(pb.GetMenuRequest())).menu
    request = pb.ImportMenuRequest(currency=currency, items=menu.items)
    refusal = await refusal_of(stub.ImportMenu(request, metadata=as_user(ADMIN)))
    assert [violation.pointer for violation in refusal.violations] == ["/currency"]


async def test_a_menu_kept_in_an_unknown_currency_is_sold_as_before(stub, redis):
    """As one that was imported by an earlier release."""
    await redis.hset("order:menu", "_currency", "HRK")
    await redis.hincrby("order:menu", "_version", 1)
    placed = await stub.PlaceOrder(place(agreed_total=agreed(900, "HRK")), metadata=as_user(ANNA))
    assert (placed.order.total, placed.order.currency) == (900, "HRK")


async def pause(stub):
    await stub.SetPause(pb.SetPauseRequest(paused=True), metadata=as_user(COOK))


async def close(stub):
    the_day_before_yesterday = (utc_now() - timedelta(days=2)).isoweekday()
    hours = pb.OpeningHours(day=the_day_before_yesterday, opens="10:00", closes="11:00")
    request = pb.SetHoursRequest(hours=[hours], time_zone="UTC")
    await stub.SetHours(request, metadata=as_user(ADMIN))


@pytest.mark.parametrize(("stop", "reason"), [(pause, "ORDERS_PAUSED"), (close, "HOUSE_CLOSED")])
async def test_where_no_orders_are_taken_an_edit_takes_away_and_does_not_add(stub, stop, reason):
    items = [
        pb.LineRequest(sku="bowl", quantity=2, options=["rice"]),
        pb.LineRequest(sku="tea", quantity=1),
    ]
    placed = await stub.PlaceOrder(pb.PlaceOrderRequest(items=items), metadata=as_user(ANNA))
    await stop(stub)

    def edit(*lines, **fields):
        items = [
            pb.LineRequest(sku=sku, quantity=quantity, options=options)
            for sku, quantity, *options in lines
        ]
        request = pb.UpdateOrderRequest(id=placed.order.id, items=items, **fields)
        return stub.UpdateOrder(request, metadata=as_user(ANNA))

    for more in (
        [("bowl", 99, "rice"), ("bowl", 99, "rice"), ("tea", 1)],
        [("bowl", 3, "rice")],
        [("bowl", 2, "rice"), ("tea", 1), ("tea", 1)],
        [("bowl", 1, "rice"), ("bowl", 1, "egg")],
    ):
        assert (await refusal_of(edit(*more))).reason == reason
    assert (await edit(note="no onion")).order.note == "no onion"
    assert (await edit(("tea", 1), ("bowl", 1, "rice"), ("bowl", 1, "rice"))).order.total == 2050
    assert (await edit(("bowl", 1, "rice"))).order.total == 900


async def test_an_edit_is_refused_while_too_many_commands_wait_for_the_kitchen(
    stub, store, order, monkeypatch
):
    monkeypatch.setattr(store, "_outbox_limit", 1)
    edit = pb.UpdateOrderRequest(id=order.id, note="x")
    refusal = await refusal_of(stub.UpdateOrder(edit, metadata=as_user(ANNA)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "BACKLOG_FULL")
    now = (await stub.GetOrder(pb.GetOrderRequest(id=order.id), metadata=as_user(ANNA))).order
    assert (now.version, now.note) == (order.version, "")
    # Calling it off is no more work for the kitchen.
    await stub.CancelOrder(pb.CancelOrderRequest(id=order.id), metadata=as_user(ANNA))


async def test_a_kitchens_changes_are_applied_in_order_and_answered_one_by_one(stub, order):
    verdicts = await push(stub, queue(order), start(order), start(order))
    kinds = [verdict.kind for verdict in verdicts]
    assert kinds == [
        pb.VERDICT_KIND_APPLIED,
        pb.VERDICT_KIND_APPLIED,
        pb.VERDICT_KIND_DUPLICATE,
    ]
    now = (await stub.GetOrder(pb.GetOrderRequest(id=order.id), metadata=as_user(ANNA))).order
    assert (now.status, now.number, now.version) == (pb.ORDER_STATUS_PREPARING, 7, 3)
    assert [entry.cause for entry in now.history][-1] == pb.CAUSE_TIMER


async def test_that_an_order_was_queued_is_made_up_for_with_the_next_change(stub, order):
    verdicts = await push(stub, start(order), start(order))
    kinds = [verdict.kind for verdict in verdicts]
    assert kinds == [pb.VERDICT_KIND_APPLIED, pb.VERDICT_KIND_DUPLICATE]
    now = (await stub.GetOrder(pb.GetOrderRequest(id=order.id), metadata=as_user(ANNA))).order
    assert [entry.status for entry in now.history] == [
        pb.ORDER_STATUS_PLACED,
        pb.ORDER_STATUS_QUEUED,
        pb.ORDER_STATUS_PREPARING,
    ]
    assert now.version == 3
    assert now.number == start(order).number


async def test_an_edit_beats_a_start_though_that_an_order_was_queued_was_missed(stub, order):
    await stub.UpdateOrder(pb.UpdateOrderRequest(id=order.id, note="x"), metadata=as_user(ANNA))
    (verdict,) = await push(stub, start(order))
    assert verdict.kind == pb.VERDICT_KIND_AMENDED
    assert (verdict.command.status, verdict.command.applied_seq) == (pb.ORDER_STATUS_QUEUED, 1)


async def test_another_change_under_an_applied_seq_is_amended_not_swallowed(stub, order):
    await push(stub, queue(order), start(order))
    other = start(order)
    other.change_id = "main:99-0"
    (verdict,) = await push(stub, other)
    assert verdict.kind == pb.VERDICT_KIND_AMENDED
    assert verdict.command.status == pb.ORDER_STATUS_PREPARING
    assert verdict.command.applied_seq == 2


async def test_an_edit_beats_a_start_with_the_old_content(stub, order):
    await push(stub, queue(order))
    await stub.UpdateOrder(pb.UpdateOrderRequest(id=order.id, note="x"), metadata=as_user(ANNA))
    (verdict,) = await push(stub, start(order))
    assert verdict.kind == pb.VERDICT_KIND_AMENDED
    assert verdict.command.revision == 2
    assert verdict.command.note == "x"


async def test_a_cancelled_order_voids_whatever_the_kitchen_says(stub, order):
    await stub.CancelOrder(pb.CancelOrderRequest(id=order.id), metadata=as_user(ANNA))
    verdicts = await push(stub, queue(order), start(order))
    assert {verdict.kind for verdict in verdicts} == {pb.VERDICT_KIND_VOID}
    assert verdicts[0].command.status == pb.ORDER_STATUS_CANCELLED


async def test_one_bad_change_fails_alone(stub, store, redis, order):
    other = (await stub.PlaceOrder(place(), metadata=as_user(BORIS))).order
    lost = queue(order)
    lost.order_id = order.id[:10] + "0" * 15 + order.id[-1]
    unreadable = queue(order)
    unreadable.status, unreadable.change_id = 99, "main:98-0"
    await redis.hset(f"order:{{{other.id[-1]}}}:{other.id}", "items", "not json")
    # As after a restart: what it committed itself it need not read again.
    store._recent.clear()
    broken = queue(other)
    broken.change_id = "main:97-0"
    lost.change_id = "main:96-0"
    verdicts = await push(stub, lost, unreadable, broken, queue(order))
    assert [verdict.kind for verdict in verdicts] == [
        pb.VERDICT_KIND_UNKNOWN,
        pb.VERDICT_KIND_FAILED,
        pb.VERDICT_KIND_FAILED,
        pb.VERDICT_KIND_APPLIED,
    ]


async def test_a_guests_cancel_races_the_kitchens_start_and_both_sides_agree(stub):
    for _ in range(10):
        order = (await stub.PlaceOrder(place(), metadata=as_user(ANNA))).order
        await push(stub, queue(order))
        cancelling = stub.CancelOrder(pb.CancelOrderRequest(id=order.id), metadata=as_user(ANNA))
        (verdict,), cancelled = await asyncio.gather(
            push(stub, start(order)), asyncio.gather(cancelling, return_exceptions=True)
        )
        now = (await stub.GetOrder(pb.GetOrderRequest(id=order.id), metadata=as_user(ANNA))).order
        if isinstance(cancelled[0], Exception):
            assert verdict.kind == pb.VERDICT_KIND_APPLIED
            assert now.status == pb.ORDER_STATUS_PREPARING
        else:
            assert verdict.kind == pb.VERDICT_KIND_VOID
            assert now.status == pb.ORDER_STATUS_CANCELLED


async def test_a_full_redis_is_unavailable_and_loses_nothing(stub, redis, order):
    await redis.config_set("maxmemory", "1")
    try:
        refusal = await refusal_of(stub.PlaceOrder(place(), metadata=as_user(ANNA)))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "STORE_FULL")
    finally:
        await redis.config_set("maxmemory", "0")
    listed = await stub.ListOrders(pb.ListOrdersRequest(), metadata=as_user(ANNA))
    assert [o.id for o in listed.orders] == [order.id]


async def test_an_order_for_a_kitchen_that_is_not_there_is_refused(stub):
    for kitchen in ("roof", "Main", "cold bar"):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.PlaceOrder(
                pb.PlaceOrderRequest(
                    items=[pb.LineRequest(sku="tea", quantity=1)], kitchen=kitchen
                ),
                metadata=as_user(ANNA),
            )
        refusal = read_refusal(refused.value)
        assert (refusal.reason, refusal.violations[0].pointer) == ("INVALID_ORDER", "/kitchen")
