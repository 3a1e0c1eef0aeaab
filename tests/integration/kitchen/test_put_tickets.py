"""Commands of the order service: the highest version wins, whatever the order they come in."""

from datetime import timedelta
from typing import Any

import pytest

from kitchen import keys
from kitchen.domain import Cause, Flag, PutOutcome, Status
from kitchen.service import Failed, Rejected, Taken
from tests.integration.kitchen.kitchen_world import MAIN, NOON, World, command, kitchen, line


async def test_new_ticket_is_queued_with_number_and_promise(world: World) -> None:
    answers = await world.service.put_tickets([command("A")])

    ticket = await world.ticket("A")
    assert (ticket.status, ticket.number, ticket.seq) == (Status.QUEUED, 1, 1)
    assert ticket.promised_at == NOON + timedelta(seconds=60)
    assert (ticket.lines, ticket.note) == ((line(60),), "no onion")
    assert ticket.cause is Cause.SYSTEM
    # The answer tells it, and nothing else does.
    assert answers == [Taken(ticket)]
    assert (await world.changes(), ticket.pending) == ([], ())


async def test_promise_counts_one_prep_time_for_each_full_round_ahead(world: World) -> None:
    await world.place("A", "B", "C", prep_seconds=60)

    promises = [(await world.ticket(id)).promised_at for id in "ABC"]
    assert promises == [NOON + timedelta(seconds=s) for s in (60, 60, 120)]


async def test_prep_time_is_the_longest_line_divided_by_speed(world: World) -> None:
    fast = World(world.redis, kitchen(speed=10))
    await fast.put(command("A", lines=(line(60), line(300), line(10))))

    assert (await fast.ticket("A")).promised_at == NOON + timedelta(seconds=30)


async def test_repeated_command_does_nothing(world: World) -> None:
    await world.place("A")
    before = await world.dump()

    await world.place("A")

    assert await world.dump() == before


@pytest.mark.parametrize(
    "later", [{}, {"version": 2}, {"version": 2, "revision": 2, "lines": (line(300),)}]
)
async def test_order_that_still_is_placed_is_told_its_place_again(
    world: World, later: dict[str, Any]
) -> None:
    await world.place("A")
    first = await world.ticket("A")
    world.clock.advance(30)

    answers = await world.service.put_tickets([command("A", **later)])

    ticket = await world.ticket("A")
    assert answers == [Taken(ticket)]
    assert (ticket.seq, ticket.number, ticket.promised_at) == (1, 1, first.promised_at)
    assert await world.changes() == []


@pytest.mark.parametrize("later", [{}, {"version": 2, "revision": 2}])
async def test_once_a_cook_has_started_a_ticket_its_place_is_not_told(
    world: World, later: dict[str, Any]
) -> None:
    await world.start("A")

    assert await world.service.put_tickets([command("A", **later)]) == [Taken()]


async def test_once_its_promise_was_renewed_the_place_of_a_ticket_is_not_told(
    world: World,
) -> None:
    await world.place("A")
    await world.renew("A")
    assert await world.service.put_tickets([command("A")]) == [Taken()]

    [change] = await world.changes()
    await world.store.settle(MAIN, [("A", change.id)], world.clock())
    assert await world.service.put_tickets([command("A")]) == [Taken()]
    # An edit from just before the renewal was applied.
    edit = command("A", version=3, revision=2, status=Status.QUEUED, applied_seq=1)
    assert await world.service.put_tickets([edit]) == [Taken()]


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("status", [s for s in Status if s not in (Status.PLACED, Status.PARKED)])
async def test_order_that_is_not_placed_is_told_no_place(
    world: World, status: Status, known: bool
) -> None:
    if known:
        await world.place("A")
    later = command("A", version=2, status=status, number=1, applied_seq=1)

    assert await world.service.put_tickets([later]) == [Taken()]


async def test_command_that_comes_after_the_cancellation_is_told_no_place(world: World) -> None:
    await world.place("A")
    await world.put(command("A", version=2, status=Status.CANCELLED))

    assert await world.service.put_tickets([command("A")]) == [Taken()]


async def test_edit_replaces_content_and_flags_the_ticket(world: World) -> None:
    await world.place("A")
    await world.put(command("A", version=3, revision=2, note="with onion", lines=(line(90),)))

    ticket = await world.ticket("A")
    assert (ticket.note, ticket.lines, ticket.revision) == ("with onion", (line(90),), 2)
    assert (ticket.status, ticket.flag, ticket.seq) == (Status.QUEUED, Flag.CHANGED, 1)


async def test_later_version_without_new_content_flags_nothing(world: World) -> None:
    await world.place("A")
    await world.put(command("A", version=2, status=Status.QUEUED))

    ticket = await world.ticket("A")
    assert (ticket.version, ticket.flag) == (2, Flag.NONE)


async def test_older_edit_does_not_undo_a_newer_one(world: World) -> None:
    await world.place("A")
    await world.put(command("A", version=3, revision=3, note="newest"))
    await world.put(command("A", version=2, revision=2, note="older"))

    assert (await world.ticket("A")).note == "newest"


async def test_cancelled_before_cooking_leaves_the_board_and_frees_the_number(
    world: World,
) -> None:
    await world.place("A")
    await world.renew("A")
    await world.put(command("A", version=2, status=Status.CANCELLED, reason="changed my mind"))

    ticket = await world.ticket("A")
    assert (ticket.status, ticket.flag) == (Status.CANCELLED, Flag.NONE)
    assert await world.shelves() == {}
    assert await world.redis.hgetall(keys.numbers(MAIN)) == {}
    assert await world.changes() == []
    assert await world.redis.ttl(keys.ticket(MAIN, "A")) == 24 * 3600


@pytest.mark.parametrize("taps", [["start"], ["start", "finish"]])
async def test_cancelled_while_cooking_stays_on_the_board_until_acknowledged(
    world: World, taps: list[str]
) -> None:
    await world.place("A")
    for tap in taps:
        await getattr(world.service, f"{tap}_ticket")(MAIN, "A", 0, "carla")
    await world.put(command("A", version=4, status=Status.CANCELLED, reason="burnt"))

    [ticket] = await world.service.list_tickets(MAIN)
    assert (ticket.status, ticket.flag, ticket.reason) == (Status.CANCELLED, Flag.VOIDED, "burnt")
    assert await world.shelves() == {"flagged": ["A"]}

    await world.service.acknowledge_ticket(MAIN, "A", "carla")
    assert await world.service.list_tickets(MAIN) == []
    assert await world.shelves() == {}


async def test_voided_ticket_nobody_acknowledges_leaves_the_board_after_a_day(
    world: World,
) -> None:
    await world.place("A", "B")
    await world.run_tick()
    await world.put(command("A", version=4, status=Status.CANCELLED, reason="gone"))
    world.clock.advance(24 * 3600 + 1)
    await world.put(command("B", version=4, status=Status.CANCELLED, reason="gone"))

    assert await world.shelves() == {"flagged": ["B"]}


async def test_cancel_that_overtakes_its_order_is_not_undone_by_it(world: World) -> None:
    await world.put(command("A", version=2, status=Status.CANCELLED))
    assert await world.service.put_tickets([command("A", version=1)]) == [Taken()]

    assert (await world.ticket("A")).status is Status.CANCELLED
    assert await world.shelves() == {}
    assert await world.changes() == []
    assert await world.redis.ttl(keys.ticket(MAIN, "A")) > 0


async def test_command_for_a_completed_order_the_kitchen_forgot_only_leaves_a_tombstone(
    world: World,
) -> None:
    await world.put(command("A", version=9, status=Status.COMPLETED, number=7, applied_seq=4))

    assert await world.service.list_tickets(MAIN) == []
    assert await world.changes() == []
    assert await world.redis.hgetall(keys.numbers(MAIN)) == {}


@pytest.mark.parametrize("status", [Status.QUEUED, Status.PREPARING, Status.READY])
async def test_lost_ticket_is_rebuilt_where_the_order_service_knows_it(
    world: World, status: Status
) -> None:
    promised = NOON + timedelta(minutes=3)
    await world.put(
        command("A", version=7, status=status, number=42, promised_at=promised, applied_seq=3)
    )

    ticket = await world.ticket("A")
    assert (ticket.status, ticket.number, ticket.promised_at) == (status, 42, promised)
    assert ticket.seq == 3
    assert await world.changes() == []
    assert "A" in (await world.shelves())[status]


async def test_rebuilt_ticket_numbers_its_changes_on_from_the_applied_seq(world: World) -> None:
    await world.put(command("A", version=7, status=Status.QUEUED, number=42, applied_seq=3))
    await world.service.start_ticket(MAIN, "A", 3, "carla")

    assert await world.steps("A") == [(4, "queued", "preparing")]


async def test_what_a_kitchen_has_not_got_is_rejected_for_new_orders_only(world: World) -> None:
    grill_only = World(world.redis, kitchen(stations=frozenset({"grill"})))
    answers = await grill_only.service.put_tickets(
        [
            command("A"),
            command("B", lines=(line(60), line(60, "bar"))),
            command("C", kitchen="roof"),
            command("D", kitchen="roof", status=Status.CANCELLED),
            command("E", kitchen="roof", status=Status.QUEUED),
            command("F", status=Status.QUEUED, lines=(line(60, "bar"),)),
        ]
    )

    assert answers == [
        Taken(await grill_only.ticket("A")),
        Rejected("kitchen 'main' has no station 'bar'"),
        Rejected("there is no kitchen 'roof'"),
        Taken(),
        Failed("there is no kitchen 'roof'"),
        Taken(),
    ]
    assert [ticket.order_id for ticket in await grill_only.service.list_tickets(MAIN)] == ["A", "F"]


async def test_one_broken_ticket_does_not_fail_the_others(world: World) -> None:
    await world.redis.set(keys.ticket(MAIN, "B"), "not a hash")

    answers = await world.service.put_tickets([command("A"), command("B"), command("C")])

    assert [type(answer) for answer in answers] == [Taken, Failed, Taken]
    assert await world.statuses("A", "C") == ["queued", "queued"]


async def test_board_lists_first_promised_first_and_finds_by_number(world: World) -> None:
    await world.place("slow", prep_seconds=600)
    await world.place("quick", prep_seconds=30)

    listed = await world.service.list_tickets(MAIN)
    assert [ticket.order_id for ticket in listed] == ["quick", "slow"]
    assert [t.order_id for t in await world.service.list_tickets(MAIN, number=1)] == ["slow"]
    assert await world.service.list_tickets(MAIN, number=99) == []


@pytest.mark.parametrize(
    ("first", "then", "outcome"),
    [
        (None, {}, PutOutcome.TAKEN),
        (None, {"status": Status.READY}, PutOutcome.REBUILT),
        (None, {"status": Status.CANCELLED}, PutOutcome.CLOSED),
        ({}, {}, PutOutcome.KNOWN),
        ({}, {"version": 2}, PutOutcome.NOTED),
        ({}, {"version": 2, "revision": 2}, PutOutcome.CHANGED),
        ({}, {"version": 2, "status": Status.CANCELLED}, PutOutcome.WITHDRAWN),
        ({}, {"version": 2, "status": Status.REJECTED}, PutOutcome.CLOSED),
        ({"status": Status.READY}, {"version": 2, "status": Status.CANCELLED}, PutOutcome.VOIDED),
        ({"status": Status.CANCELLED}, {"version": 2}, PutOutcome.NOTED),
    ],
)
async def test_outcome_says_what_became_of_a_command(
    world: World, first: dict[str, Any] | None, then: dict[str, Any], outcome: PutOutcome
) -> None:
    if first is not None:
        await world.put(command("A", **first))
    [answer] = await world.store.put([(world.kitchen, command("A", **then))], world.clock())

    assert not isinstance(answer, Exception)
    assert answer[0] is outcome


async def test_voided_ticket_stays_flagged_when_its_cancellation_comes_again(
    world: World,
) -> None:
    await world.place("A")
    await world.run_tick()
    await world.put(command("A", version=3, status=Status.CANCELLED, reason="burnt"))
    await world.put(command("A", version=4, status=Status.CANCELLED, reason="burnt"))

    assert (await world.ticket("A")).flag is Flag.VOIDED
    assert await world.shelves() == {"flagged": ["A"]}


async def test_edit_of_a_ticket_completed_here_is_kept_for_its_return_and_flags_nothing(
    world: World,
) -> None:
    await world.place("A")
    for tap in ("start", "finish", "complete"):
        await getattr(world.service, f"{tap}_ticket")(MAIN, "A", 0, "carla")
    await world.put(command("A", version=2, revision=2, note="late wish"))

    ticket = await world.ticket("A")
    assert (ticket.status, ticket.note, ticket.flag) == (Status.COMPLETED, "late wish", Flag.NONE)


async def test_edit_to_a_longer_dish_brings_the_last_moment_to_start_forward(
    world: World,
) -> None:
    await world.place("A", prep_seconds=60)
    world.clock.advance(1)
    await world.put(command("A", version=2, revision=2, lines=(line(300),)))

    assert await world.store.late(MAIN, world.clock(), 10) == ["A"]


async def test_parked_ticket_of_a_cancelled_order_is_done_with(world: World) -> None:
    await world.start("A")
    [change] = await world.changes()
    await world.store.park(MAIN, "A", change.id, "lost", world.clock())
    await world.put(command("A", version=2, status=Status.CANCELLED, reason="gone"))

    assert await world.store.count_parked(MAIN) == 0
    ticket = await world.ticket("A")
    assert (ticket.status, ticket.reason) == (Status.CANCELLED, "gone")


TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER_TRACEPARENT = "00-a3ce929d0e0e47364bf92f3577b34da6-00f067aa0ba902b8-01"


async def test_all_changes_of_a_ticket_come_from_the_span_that_put_it(world: World) -> None:
    await world.put(command("A", traceparent=TRACEPARENT))
    before = await world.dump()
    # Another delivery of the same command is another span; the ticket stays with the first.
    await world.put(command("A", traceparent=OTHER_TRACEPARENT))
    assert await world.dump() == before

    await world.put(command("A", version=2, revision=2, traceparent=OTHER_TRACEPARENT))
    await world.run_tick()
    world.clock.advance(60)
    await world.run_tick()

    assert (await world.ticket("A")).traceparent == TRACEPARENT
    changes = await world.changes()
    assert [change.traceparent for change in changes] == [TRACEPARENT] * 2


async def test_ticket_without_a_span_keeps_nothing_of_one(world: World) -> None:
    await world.place("A")
    await world.run_tick()

    assert "traceparent" not in str(await world.dump())
    assert {change.traceparent for change in await world.changes()} == {""}
