"""Boards, live: a snapshot, then every change, and no gap that is not told."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from infra.dev.local_redis import LocalRedis
from infra.redis_client import open_redis
from kitchen.board import Board, BoardUpdate
from kitchen.domain import Flag, Status
from kitchen.redis_store import RedisFeeds
from tests.integration.kitchen.kitchen_world import MAIN, World, command


@pytest.fixture
async def blocking(redis_server: LocalRedis) -> AsyncIterator[Redis]:
    client = open_redis(redis_server.url, blocking=True)
    yield client
    await client.aclose()


@pytest.fixture
async def board(world: World, blocking: Redis) -> AsyncIterator[Board]:
    board = Board(MAIN, world.store, RedisFeeds(blocking), world.clock)
    running = asyncio.create_task(board.run())
    yield board
    running.cancel()
    await asyncio.wait({running})


async def following(updates: AsyncIterator[BoardUpdate]) -> BoardUpdate:
    async with asyncio.timeout(20):
        return await anext(updates)


async def seen_until(updates: AsyncIterator[BoardUpdate], order_id: str) -> list[tuple[str, str]]:
    """What a watcher sees of all tickets until this one has been seen."""
    seen: list[tuple[str, str]] = []
    while not any(shown == order_id for shown, _ in seen):
        update = await following(updates)
        if update.snapshot is not None:
            seen += [(t.order_id, str(t.status)) for t in update.snapshot.tickets]
        seen += [(e.ticket.order_id, str(e.ticket.status)) for e in update.events]
    return seen


async def shown(updates: AsyncIterator[BoardUpdate], status: str, flag: str, seq: int) -> None:
    """Returns when a ticket is shown like this."""
    while True:
        update = await following(updates)
        tickets = [event.ticket for event in update.events]
        if update.snapshot is not None:
            tickets += update.snapshot.tickets
        if any((t.status, t.flag, t.seq) == (status, flag, seq) for t in tickets):
            return


async def test_watch_begins_with_the_whole_board(world: World, board: Board) -> None:
    await world.place("A", "B")
    await world.run_tick()
    update = await following(board.watch())

    assert update.snapshot is not None
    assert [t.order_id for t in update.snapshot.tickets] == ["A", "B"]
    assert update.tick_at == update.as_of == world.clock()


async def test_changes_follow_the_snapshot(world: World, board: Board) -> None:
    updates = board.watch()
    await following(updates)
    await world.place("A")
    assert ("A", "queued") in await seen_until(updates, "A")

    await world.service.start_ticket(MAIN, "A", 0, "carla")
    assert ("A", "preparing") in await seen_until(updates, "A")


async def test_voided_and_acknowledged_tickets_are_told(world: World, board: Board) -> None:
    await world.place("A")
    await world.service.start_ticket(MAIN, "A", 0, "carla")
    updates = board.watch()
    await following(updates)

    await world.put(command("A", version=3, status=Status.CANCELLED))
    await seen_until(updates, "A")
    await world.service.acknowledge_ticket(MAIN, "A", "carla")
    while True:
        events = (await following(updates)).events
        if events and events[-1].ticket.flag is Flag.NONE:
            assert events[-1].ticket.status is Status.CANCELLED
            return


async def test_edits_resets_and_new_promises_are_told(world: World, board: Board) -> None:
    await world.place("A")
    updates = board.watch()
    await following(updates)

    await world.put(command("A", version=2, revision=2, note="new"))
    await shown(updates, "queued", "changed", 1)
    await world.renew("A")
    await shown(updates, "queued", "changed", 2)
    change = (await world.changes())[0]
    await world.store.reset(
        world.kitchen,
        change.id,
        command("A", version=3, revision=2, status=Status.READY, applied_seq=7),
        world.clock(),
    )
    await shown(updates, "ready", "changed", 7)


async def test_parked_ticket_leaves_the_board(world: World, board: Board) -> None:
    await world.start("A")
    updates = board.watch()
    await following(updates)
    # What is shown after the first snapshot tells that events are followed by now: a second
    # snapshot would show no ticket that was parked.
    await world.place("B")
    await seen_until(updates, "B")
    change = (await world.changes())[0]
    await world.store.park(MAIN, "A", change.id, "lost", world.clock())

    await shown(updates, "parked", "", 2)


async def test_every_watcher_sees_the_same(world: World, board: Board) -> None:
    watchers = [board.watch() for _ in range(3)]
    for updates in watchers:
        await following(updates)
    await world.place("A")

    assert all([("A", "queued") in await seen_until(updates, "A") for updates in watchers])


async def test_watcher_that_falls_behind_gets_a_new_snapshot(
    world: World, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kitchen.board.QUEUED_BATCHES", 2)
    slow, quick = board.watch(), board.watch()
    await following(slow)
    await following(quick)
    for order_id in "ABCDE":
        await world.place(order_id)
        await seen_until(quick, order_id)

    update = await following(slow)
    assert update.snapshot is not None
    assert {t.order_id for t in update.snapshot.tickets} == set("ABCDE")


async def test_quiet_board_says_how_fresh_it_is(
    world: World, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kitchen.board.AS_OF_SECONDS", 0.01)
    updates = board.watch()
    await following(updates)
    world.clock.advance(5)
    update = await following(updates)
    while update.snapshot is not None:
        update = await following(updates)

    assert update.as_of == world.clock()
    assert not update.events


async def test_watches_end_when_the_board_closes(board: Board) -> None:
    updates = board.watch()
    await following(updates)
    board.close()

    with pytest.raises(StopAsyncIteration):
        await following(updates)


async def test_events_are_read_again_once_somebody_watches_again(
    world: World, board: Board
) -> None:
    first = board.watch()
    await following(first)
    await first.aclose()
    await world.place("A")
    again = board.watch()
    await seen_until(again, "A")
    await world.place("B")
    await seen_until(again, "B")
