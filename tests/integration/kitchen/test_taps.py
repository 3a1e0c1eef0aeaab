"""Cooks' taps: what they saw, what has moved since, and what was done already."""

from datetime import timedelta

import pytest

from kitchen import keys
from kitchen.domain import (
    Cause,
    KitchenNotFoundError,
    Move,
    MoveNotAllowedError,
    MoveOutcome,
    ReasonMissingError,
    Status,
    TicketMovedError,
    TicketNotFoundError,
)
from tests.integration.kitchen.kitchen_world import MAIN, NOON, World, command


async def test_taps_carry_a_ticket_from_queue_to_hand_over(world: World) -> None:
    await world.place("A")
    for tap, seq in (("start", 1), ("finish", 2), ("complete", 3)):
        await getattr(world.service, f"{tap}_ticket")(MAIN, "A", seq, "carla")

    assert await world.steps("A") == [
        (2, "queued", "preparing"),
        (3, "preparing", "ready"),
        (4, "ready", "completed"),
    ]
    assert {(c.cause, c.by) for c in await world.changes()} == {(Cause.COOK, "carla")}
    assert await world.shelves() == {}
    assert await world.redis.hgetall(keys.numbers(MAIN)) == {}


async def test_tap_on_a_ticket_that_moved_since_is_refused(world: World) -> None:
    await world.place("A")
    await world.service.start_ticket(MAIN, "A", 1, "carla")
    await world.service.finish_ticket(MAIN, "A", 2, "carla")

    with pytest.raises(TicketMovedError) as refused:
        await world.service.start_ticket(MAIN, "A", 1, "bob")
    assert refused.value.facts["status"] == "ready"
    assert refused.value.facts["seq"] == 3


async def test_tap_that_was_done_already_answers_the_ticket_as_it_is(world: World) -> None:
    await world.place("A")
    first = await world.service.start_ticket(MAIN, "A", 1, "carla")
    second = await world.service.start_ticket(MAIN, "A", 1, "bob")

    assert second == first
    assert await world.steps("A") == [(2, "queued", "preparing")]


async def test_tap_its_status_does_not_permit_is_refused(world: World) -> None:
    await world.place("A")

    with pytest.raises(MoveNotAllowedError) as refused:
        await world.service.complete_ticket(MAIN, "A", 1, "carla")
    assert refused.value.facts["status"] == "queued"


async def test_tap_on_an_unknown_ticket_or_kitchen_is_refused(world: World) -> None:
    with pytest.raises(TicketNotFoundError):
        await world.service.start_ticket(MAIN, "nobody", 0, "carla")
    with pytest.raises(KitchenNotFoundError):
        await world.service.start_ticket("roof", "A", 0, "carla")


async def test_cook_may_start_more_than_the_capacity(world: World) -> None:
    await world.place("A", "B", "C")
    for order_id in "ABC":
        await world.service.start_ticket(MAIN, order_id, 0, "carla")

    assert await world.statuses("A", "B", "C") == ["preparing"] * 3


async def test_recalled_ticket_is_held_until_a_cook_finishes_it(world: World) -> None:
    await world.place("A")
    await world.service.start_ticket(MAIN, "A", 0, "carla")
    await world.service.finish_ticket(MAIN, "A", 0, "carla")
    recalled = await world.service.recall_ticket(MAIN, "A", 3, "carla", "cold")
    assert (recalled.status, recalled.held, recalled.reason) == (Status.PREPARING, True, "cold")
    assert recalled.ready_at is None

    world.clock.advance(3600)
    await world.run_tick()
    assert await world.statuses("A") == ["preparing"]

    finished = await world.service.finish_ticket(MAIN, "A", 0, "carla")
    assert (finished.status, finished.held) == (Status.READY, False)
    [change] = [c for c in await world.changes() if c.reason]
    assert (change.reason, change.previous, change.status) == (
        "cold",
        Status.READY,
        Status.PREPARING,
    )


async def test_every_change_tells_number_and_promise(world: World) -> None:
    await world.start("A")
    await world.renew("A")
    await world.service.finish_ticket(MAIN, "A", 0, "carla")
    await world.service.recall_ticket(MAIN, "A", 0, "carla", "cold")
    for tap in ("finish", "complete"):
        await getattr(world.service, f"{tap}_ticket")(MAIN, "A", 0, "carla")

    renewed = (await world.ticket("A")).promised_at
    assert [(change.number, change.promised_at) for change in await world.changes()] == [
        (1, NOON + timedelta(seconds=60)),
        *[(1, renewed)] * 5,
    ]


async def test_recall_of_what_was_never_ready_is_refused(world: World) -> None:
    await world.place("A")
    await world.service.start_ticket(MAIN, "A", 0, "carla")

    with pytest.raises(MoveNotAllowedError):
        await world.service.recall_ticket(MAIN, "A", 0, "carla", "cold")


async def test_recall_needs_a_reason(world: World) -> None:
    with pytest.raises(ReasonMissingError):
        await world.service.recall_ticket(MAIN, "A", 0, "carla", "  ")


async def test_cancelled_ticket_can_not_be_tapped(world: World) -> None:
    await world.place("A")
    await world.put(command("A", version=2, status=Status.CANCELLED))

    with pytest.raises(MoveNotAllowedError):
        await world.service.start_ticket(MAIN, "A", 0, "carla")


async def test_acknowledging_clears_a_changed_flag_and_leaves_the_ticket(world: World) -> None:
    await world.place("A")
    await world.put(command("A", version=2, revision=2))

    ticket = await world.service.acknowledge_ticket(MAIN, "A", "carla")

    assert (ticket.status, ticket.flag) == (Status.QUEUED, "")
    with pytest.raises(TicketNotFoundError):
        await world.service.acknowledge_ticket(MAIN, "nobody", "carla")


async def test_times_of_cooking_are_kept(world: World) -> None:
    await world.place("A")
    world.clock.advance(5)
    started = await world.service.start_ticket(MAIN, "A", 0, "carla")
    world.clock.advance(50)
    finished = await world.service.finish_ticket(MAIN, "A", 0, "carla")

    assert (started.started_at, started.ready_at) == (NOON + timedelta(seconds=5), None)
    assert finished.ready_at == NOON + timedelta(seconds=55)


async def test_flag_goes_when_the_ticket_is_handed_over(world: World) -> None:
    await world.place("A")
    await world.put(command("A", version=2, revision=2))
    for tap in ("start", "finish", "complete"):
        ticket = await getattr(world.service, f"{tap}_ticket")(MAIN, "A", 0, "carla")

    assert ticket.flag == ""


@pytest.mark.parametrize("held", [False, True])
async def test_job_that_comes_too_early_moves_nothing(world: World, held: bool) -> None:
    await world.place("A")
    await world.service.start_ticket(MAIN, "A", 0, "carla")
    if held:
        await world.service.finish_ticket(MAIN, "A", 0, "carla")
        await world.service.recall_ticket(MAIN, "A", 0, "carla", "cold")
    early = Move("A", Status.PREPARING, Status.READY, Cause.TIMER, "kitchen", by_time=True)

    world.clock.advance(3600 if held else 59)
    [(outcome, _)] = await world.store.move(world.kitchen, [early], world.clock())

    assert outcome is MoveOutcome.NOT_DUE
    assert await world.statuses("A") == ["preparing"]


async def test_job_that_saw_room_that_is_gone_starts_nothing(world: World) -> None:
    await world.place("A", "B", "C")
    for order_id in "AB":
        await world.service.start_ticket(MAIN, order_id, 0, "carla")
    start = Move("C", Status.QUEUED, Status.PREPARING, Cause.TIMER, "kitchen", by_time=True)

    [(outcome, _)] = await world.store.move(world.kitchen, [start], world.clock())

    assert outcome is MoveOutcome.FULL
    assert await world.statuses("C") == ["queued"]


async def test_acknowledging_what_is_not_flagged_changes_nothing(world: World) -> None:
    await world.place("A")
    before = await world.dump()

    await world.service.acknowledge_ticket(MAIN, "A", "carla")

    assert await world.dump() == before
