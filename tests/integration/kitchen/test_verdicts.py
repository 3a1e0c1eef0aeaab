"""What the kitchen does with the order service's verdicts."""

from datetime import timedelta

import pytest

from kitchen import keys
from kitchen.domain import Flag, Status, Verdict, VerdictKind
from kitchen.service import Taken
from tests.integration.kitchen.kitchen_world import MAIN, NOON, World, command


async def verdict_on_first(world: World, kind: VerdictKind, **fields: object) -> Verdict:
    change = (await world.changes())[0]
    wanted = command(change.order_id, **fields) if fields else None
    return Verdict(change.id, change.order_id, kind, wanted, "")


async def settle_all(world: World) -> None:
    await world.service.settle(
        MAIN,
        [Verdict(c.id, c.order_id, VerdictKind.APPLIED, None, "") for c in await world.changes()],
    )


async def test_applied_change_is_forgotten(world: World) -> None:
    await world.start("A")
    await settle_all(world)

    assert await world.changes() == []
    assert (await world.ticket("A")).pending == ()


async def test_completed_ticket_expires_once_all_its_changes_are_applied(world: World) -> None:
    await world.place("A")
    for tap in ("start", "finish", "complete"):
        await getattr(world.service, f"{tap}_ticket")(MAIN, "A", 0, "carla")
    assert await world.redis.ttl(keys.ticket(MAIN, "A")) == -1

    await settle_all(world)

    assert await world.redis.ttl(keys.ticket(MAIN, "A")) == 24 * 3600


async def test_amended_ticket_goes_back_to_what_the_order_service_says(world: World) -> None:
    await world.start("A")
    await world.service.finish_ticket(MAIN, "A", 0, "carla")
    amended = await verdict_on_first(
        world,
        VerdictKind.AMENDED,
        version=5,
        revision=2,
        status=Status.QUEUED,
        applied_seq=1,
        note="extra hot",
        number=1,
        promised_at=NOON + timedelta(minutes=9),
    )

    assert await world.service.obey(MAIN, amended) == frozenset()

    ticket = await world.ticket("A")
    assert (ticket.status, ticket.seq, ticket.flag) == (Status.QUEUED, 1, Flag.CHANGED)
    assert (ticket.note, ticket.revision, ticket.version) == ("extra hot", 2, 5)
    assert ticket.promised_at == NOON + timedelta(minutes=9)
    assert (ticket.started_at, ticket.ready_at, ticket.pending) == (None, None, ())
    assert await world.changes() == []
    assert await world.shelves() == {"queued": ["A"], "promises": ["A"]}


@pytest.mark.parametrize("status", [Status.PREPARING, Status.READY])
async def test_amended_ticket_is_due_from_now_on(world: World, status: Status) -> None:
    await world.start("A")
    amended = await verdict_on_first(
        world, VerdictKind.AMENDED, version=5, status=status, applied_seq=4, number=1
    )
    world.clock.advance(30)
    await world.service.obey(MAIN, amended)

    wait = 60 if status is Status.PREPARING else 600
    world.clock.advance(wait - 1)
    assert await world.store.due(MAIN, status, world.clock(), 10) == []
    world.clock.advance(1)
    assert await world.store.due(MAIN, status, world.clock(), 10) == ["A"]


async def test_amended_to_placed_is_taken_again(world: World) -> None:
    await world.start("A")
    amended = await verdict_on_first(world, VerdictKind.AMENDED, version=2, revision=2)

    pending = await world.service.obey(MAIN, amended)

    [change] = await world.changes()
    assert pending == {change.id}
    assert (change.seq, change.previous, change.status) == (1, Status.PLACED, Status.QUEUED)
    assert (change.number, change.promised_at) == (1, NOON + timedelta(seconds=60))


async def test_taken_again_is_told_by_the_change_and_not_by_an_answer_too(world: World) -> None:
    await world.start("A")
    amended = await verdict_on_first(world, VerdictKind.AMENDED, version=2, revision=2)
    await world.service.obey(MAIN, amended)

    again = command("A", version=2, revision=2)
    assert await world.service.put_tickets([again]) == [Taken()]
    assert await world.steps("A") == [(1, "placed", "queued")]


async def test_completed_ticket_that_is_amended_gets_its_number_back(world: World) -> None:
    await world.place("A")
    for tap in ("start", "finish", "complete"):
        await getattr(world.service, f"{tap}_ticket")(MAIN, "A", 0, "carla")
    amended = await verdict_on_first(
        world, VerdictKind.AMENDED, version=2, status=Status.READY, applied_seq=3, number=1
    )
    await world.service.obey(MAIN, amended)

    assert await world.redis.hgetall(keys.numbers(MAIN)) == {"1": "A"}
    assert await world.statuses("A") == ["ready"]


async def test_amendment_of_a_change_that_is_not_pending_does_nothing(world: World) -> None:
    await world.start("A")
    amended = await verdict_on_first(
        world, VerdictKind.AMENDED, version=2, status=Status.READY, applied_seq=3
    )
    await settle_all(world)
    before = await world.dump()

    await world.service.obey(MAIN, amended)

    assert await world.dump() == before


async def test_amendment_keeps_the_content_of_a_later_edit_that_overtook_it(world: World) -> None:
    await world.start("A")
    await world.put(command("A", version=6, revision=3, note="latest"))
    amended = await verdict_on_first(
        world,
        VerdictKind.AMENDED,
        version=5,
        revision=2,
        status=Status.QUEUED,
        applied_seq=1,
        note="before",
    )
    await world.service.obey(MAIN, amended)

    ticket = await world.ticket("A")
    assert (ticket.status, ticket.note, ticket.revision) == (Status.QUEUED, "latest", 3)
    assert ticket.version == 6


async def test_held_ticket_stays_held_when_it_is_amended_to_preparing(world: World) -> None:
    await world.place("A")
    for tap in ("start", "finish"):
        await getattr(world.service, f"{tap}_ticket")(MAIN, "A", 0, "carla")
    await world.service.recall_ticket(MAIN, "A", 0, "carla", "cold")
    amended = await verdict_on_first(
        world, VerdictKind.AMENDED, version=2, status=Status.PREPARING, applied_seq=4, number=1
    )
    await world.service.obey(MAIN, amended)

    world.clock.advance(3600)
    await world.run_tick()
    assert await world.statuses("A") == ["preparing"]


async def test_void_verdict_voids_a_ticket_being_cooked_and_drops_its_changes(
    world: World,
) -> None:
    await world.start("A")
    await world.renew("A")
    void = await verdict_on_first(
        world, VerdictKind.VOID, version=3, status=Status.CANCELLED, reason="guest left"
    )

    assert await world.service.obey(MAIN, void) == frozenset()

    ticket = await world.ticket("A")
    assert (ticket.status, ticket.flag) == (Status.CANCELLED, Flag.VOIDED)
    assert await world.changes() == []
    assert await world.shelves() == {"flagged": ["A"]}


async def test_void_verdict_after_the_void_command_changes_nothing_more(world: World) -> None:
    await world.start("A")
    void = await verdict_on_first(world, VerdictKind.VOID, version=3, status=Status.CANCELLED)
    await world.put(command("A", version=3, status=Status.CANCELLED))
    before = await world.dump()

    await world.service.obey(MAIN, void)

    assert await world.dump() == before


async def test_ticket_the_order_service_does_not_know_is_parked(world: World) -> None:
    await world.start("A", "B")
    unknown = await verdict_on_first(world, VerdictKind.UNKNOWN)

    await world.service.obey(MAIN, unknown)

    assert await world.store.count_parked(MAIN) == 1
    assert [t.order_id for t in await world.service.list_tickets(MAIN)] == ["B"]
    assert [change.order_id for change in await world.changes()] == ["B"]


async def test_parked_ticket_hangs_again_after_a_new_command(world: World) -> None:
    await world.start("A")
    await world.service.obey(MAIN, await verdict_on_first(world, VerdictKind.UNKNOWN))
    await world.put(command("A", version=2, status=Status.PREPARING, number=1, applied_seq=2))

    assert await world.store.count_parked(MAIN) == 0
    assert await world.statuses("A") == ["preparing"]


async def test_parked_ticket_is_done_with_when_acknowledged(world: World) -> None:
    await world.start("A")
    await world.service.obey(MAIN, await verdict_on_first(world, VerdictKind.UNKNOWN))

    await world.service.acknowledge_ticket(MAIN, "A", "carla")

    assert await world.store.count_parked(MAIN) == 0
    assert await world.redis.ttl(keys.ticket(MAIN, "A")) == 24 * 3600


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.REJECTED])
async def test_amended_to_an_order_that_is_over_leaves_the_board(
    world: World, status: Status
) -> None:
    await world.start("A")
    amended = await verdict_on_first(
        world, VerdictKind.AMENDED, version=5, status=status, applied_seq=4, number=1
    )
    await world.service.obey(MAIN, amended)

    assert await world.statuses("A") == [status]
    assert await world.shelves() == {}
    assert await world.changes() == []
    assert await world.redis.hgetall(keys.numbers(MAIN)) == {}


@pytest.mark.parametrize("kind", [VerdictKind.AMENDED, VerdictKind.UNKNOWN, VerdictKind.APPLIED])
async def test_verdict_on_a_ticket_that_is_gone_only_removes_the_change(
    world: World, kind: VerdictKind
) -> None:
    await world.start("A")
    verdict = await verdict_on_first(world, kind, version=5, status=Status.READY)
    await world.redis.delete(keys.ticket(MAIN, "A"))

    if kind.settles:
        assert await world.service.settle(MAIN, [verdict]) == {}
    else:
        await world.service.obey(MAIN, verdict)

    assert await world.changes() == []
    assert not await world.redis.exists(keys.ticket(MAIN, "A"))


async def test_cancellation_of_an_order_not_applied_here_is_known_from_the_verdict_alone(
    world: World,
) -> None:
    await world.place("A")
    await world.renew("A")
    void = await verdict_on_first(
        world, VerdictKind.VOID, version=2, status=Status.CANCELLED, reason="changed my mind"
    )
    await world.service.obey(MAIN, void)

    ticket = await world.ticket("A")
    assert (ticket.status, ticket.flag) == (Status.CANCELLED, Flag.NONE)
    assert await world.shelves() == {}


async def test_parking_frees_the_number_and_drops_every_change_of_the_ticket(
    world: World,
) -> None:
    await world.start("A")
    await world.renew("A")
    await world.service.obey(MAIN, await verdict_on_first(world, VerdictKind.UNKNOWN))

    assert await world.changes() == []
    assert (await world.ticket("A")).pending == ()
    assert await world.redis.hgetall(keys.numbers(MAIN)) == {}


async def test_ticket_whose_change_was_judged_before_is_not_parked(world: World) -> None:
    await world.start("A")
    unknown = await verdict_on_first(world, VerdictKind.UNKNOWN)
    await settle_all(world)
    before = await world.dump()

    await world.service.obey(MAIN, unknown)

    assert await world.dump() == before
