"""Every script, run twice as the Redis client does when a reply was lost."""

import uuid
from collections.abc import Awaitable, Callable

import pytest

from kitchen.domain import Cause, Move, Status
from tests.integration.kitchen.kitchen_world import MAIN, World, command

Act = Callable[[World], Awaitable[object]]


async def put(world: World, **fields: object) -> object:
    return await world.store.put([(world.kitchen, command("A", **fields))], world.clock())


async def move(world: World, source: Status, target: Status, *, by_time: bool = False) -> object:
    asked = Move("A", source, target, Cause.COOK, "carla", reason="cold", by_time=by_time)
    return await world.store.move(world.kitchen, [asked], world.clock())


CASES: dict[str, tuple[list[str], Act]] = {
    "take": ([], put),
    "tombstone": ([], lambda w: put(w, status=Status.CANCELLED)),
    "rebuild": ([], lambda w: put(w, status=Status.READY, applied_seq=3)),
    "edit": (["place"], lambda w: put(w, version=2, revision=2, note="new")),
    "withdraw": (["place"], lambda w: put(w, version=2, status=Status.CANCELLED)),
    "void": (["place", "start"], lambda w: put(w, version=2, status=Status.CANCELLED)),
    "start": (["place"], lambda w: move(w, Status.QUEUED, Status.PREPARING)),
    "start by time": (
        ["place"],
        lambda w: move(w, Status.QUEUED, Status.PREPARING, by_time=True),
    ),
    "finish": (["place", "start"], lambda w: move(w, Status.PREPARING, Status.READY)),
    "recall": (["place", "start", "finish"], lambda w: move(w, Status.READY, Status.PREPARING)),
    "complete": (["place", "start", "finish"], lambda w: move(w, Status.READY, Status.COMPLETED)),
    "renew": (["place", "late"], lambda w: w.store.renew(w.kitchen, ["A"], w.clock())),
    "settle": (
        ["place", "start"],
        lambda w: w.store.settle(MAIN, [("A", w.first_change)], w.clock()),
    ),
    "amend": (
        ["place", "start"],
        lambda w: w.store.reset(
            w.kitchen,
            w.first_change,
            command("A", version=2, revision=2),
            w.clock(),
        ),
    ),
    "park": (
        ["place", "start"],
        lambda w: w.store.park(MAIN, "A", w.first_change, "lost", w.clock()),
    ),
    "acknowledge": (
        ["place", "start", "void"],
        lambda w: w.store.acknowledge(MAIN, "A", w.clock()),
    ),
}


async def prepare(world: World, steps: list[str]) -> None:
    for step in steps:
        match step:
            case "place":
                await world.place("A")
            case "late":
                world.clock.advance(600)
            case "void":
                await put(world, version=2, status=Status.CANCELLED)
            case tap:
                await getattr(world.service, f"{tap}_ticket")(MAIN, "A", 0, "carla")
    changes = await world.changes()
    world.first_change = changes[0].id if changes else ""


@pytest.mark.parametrize("case", CASES)
async def test_script_asked_again_changes_nothing_and_answers_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    steps, act = CASES[case]
    await prepare(world, steps)
    before = await world.dump()
    operation = uuid.UUID(int=7)
    monkeypatch.setattr(uuid, "uuid4", lambda: operation)

    first = await act(world)
    after_first = await world.dump()
    second = await act(world)

    assert after_first != before
    assert await world.dump() == after_first
    assert second == first
