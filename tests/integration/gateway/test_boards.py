"""The cooks' and the public board through a real gateway."""

import asyncio

import pytest

from gateway import boards
from shared_proto.restaurant.order.v1.order_pb2 import (
    CAUSE_COOK,
    CAUSE_STAFF,
    CAUSE_SYSTEM,
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_COMPLETED,
    ORDER_STATUS_PREPARING,
    ORDER_STATUS_QUEUED,
    ORDER_STATUS_READY,
)
from tests.integration.gateway.house import WAIT_SECONDS, EventStream, House


async def test_public_board_shows_numbers_being_cooked_and_ready_and_nothing_else() -> None:
    async with House().open() as house:
        house.kitchen.put("o1", ORDER_STATUS_QUEUED, number=3)
        house.kitchen.put("o2", ORDER_STATUS_PREPARING, number=2)
        house.kitchen.put("o3", ORDER_STATUS_PREPARING, number=1)
        house.kitchen.put("o5", ORDER_STATUS_READY, number=5)
        house.kitchen.put("o4", ORDER_STATUS_READY, number=4)
        answer = await house.http.get("/board")
    assert answer.json() == {
        "kitchen": "main",
        "preparing": [1, 2],
        "ready": [5, 4],
        "tickets": [
            {"number": 1, "status": "preparing", "cause": "timer"},
            {"number": 2, "status": "preparing", "cause": "timer"},
            {"number": 3, "status": "queued", "cause": "timer"},
            {"number": 4, "status": "ready", "cause": "timer"},
            {"number": 5, "status": "ready", "cause": "timer"},
        ],
        "as_of": "2026-11-18T11:06:40.123Z",
    }


async def test_public_stream_tells_numbers_statuses_and_whose_word_they_are() -> None:
    async with House().open() as house:
        house.kitchen.put("o1", ORDER_STATUS_PREPARING, number=1)
        async with house.stream("/board/stream", "") as stream:
            told = await stream.take(1)
            house.kitchen.put("o2", ORDER_STATUS_QUEUED, number=2, cause=CAUSE_SYSTEM)
            # A renewed promise changes nothing that guests see.
            house.kitchen.put("o1", ORDER_STATUS_PREPARING, number=1)
            house.kitchen.put("o1", ORDER_STATUS_READY, number=1)
            # A cook confirms what the timer guessed.
            house.kitchen.put("o1", ORDER_STATUS_READY, number=1, cause=CAUSE_COOK)
            house.kitchen.put("o1", ORDER_STATUS_COMPLETED, number=1, cause=CAUSE_STAFF)
            told += await stream.take(4)
    shown = {"number": 1, "status": "preparing", "cause": "timer"}
    assert [(event.event, event.data, event.last_id) for event in told] == [
        ("snapshot", {"preparing": [1], "ready": [], "tickets": [shown]}, ""),
        ("status", {"number": 2, "status": "queued", "cause": "system"}, ""),
        ("status", {"number": 1, "status": "ready", "cause": "timer"}, ""),
        ("status", {"number": 1, "status": "ready", "cause": "cook"}, ""),
        ("status", {"number": 1, "status": "completed", "cause": "staff"}, ""),
    ]


async def test_kitchen_stream_tells_whole_tickets() -> None:
    async with House().open() as house:
        house.kitchen.put("o1", ORDER_STATUS_QUEUED, number=1)
        async with house.stream("/kitchen/stream", "carla", "kitchen") as stream:
            (snapshot,) = await stream.take(1)
            house.kitchen.put("o1", ORDER_STATUS_PREPARING, number=1)
            (told,) = await stream.take(1)
    assert snapshot.event == "snapshot"
    assert snapshot.data["event_id"] == snapshot.last_id == "1-0"
    assert [ticket["order_id"] for ticket in snapshot.data["tickets"]] == ["o1"]
    assert told.event == "ticket"
    assert told.last_id == told.data["id"] == "2-0"
    assert told.data["status"] == "preparing"
    assert told.data["items"] == [
        {
            "sku": "bowl",
            "name": "Bowl",
            "quantity": 1,
            "options": [],
            "station": "grill",
            "prep_seconds": 0,
        }
    ]


async def test_voided_ticket_stays_on_the_cooks_board_until_acknowledged() -> None:
    async with House().open() as house:
        house.kitchen.put("o1", ORDER_STATUS_PREPARING, number=1)
        async with house.stream("/kitchen/stream", "carla", "kitchen") as stream:
            await stream.take(1)
            house.kitchen.put("o1", ORDER_STATUS_CANCELLED, number=1, flag="voided")
            (told,) = await stream.take(1)
            assert told.data["flag"] == "voided"
            async with house.stream("/kitchen/stream", "carla", "kitchen") as later:
                (snapshot,) = await later.take(1)
            assert [ticket["flag"] for ticket in snapshot.data["tickets"]] == ["voided"]
            assert (await house.http.get("/board")).json()["preparing"] == []
            house.kitchen.put("o1", ORDER_STATUS_CANCELLED, number=1)
            await stream.take(1)
            async with house.stream("/kitchen/stream", "carla", "kitchen") as later:
                (snapshot,) = await later.take(1)
            assert snapshot.data["tickets"] == []


async def test_board_that_was_lost_is_shown_anew() -> None:
    async with House().open() as house:
        house.kitchen.put("o1", ORDER_STATUS_PREPARING, number=1)
        async with (
            house.stream("/kitchen/stream", "carla", "kitchen") as cooks,
            house.stream("/board/stream", "") as guests,
        ):
            await cooks.take(1)
            await guests.take(1)
            house.kitchen.break_watches()
            house.kitchen.put("o2", ORDER_STATUS_READY, number=2, tell=False)
            (for_cooks,) = await cooks.take(1)
            (for_guests,) = await guests.take(1)
    assert [ticket["order_id"] for ticket in for_cooks.data["tickets"]] == ["o1", "o2"]
    assert (for_guests.data["preparing"], for_guests.data["ready"]) == ([1], [2])


async def test_slow_board_reader_gets_a_new_snapshot_instead_of_what_it_missed() -> None:
    async with (
        House().open(stream_queue=2) as house,
        house.stream("/kitchen/stream", "carla", "kitchen") as stream,
    ):
        await stream.take(1)
        house.kitchen.put_together(
            [(f"o{number}", ORDER_STATUS_QUEUED, number) for number in range(1, 6)]
        )
        (told,) = await stream.take(1)
    assert told.event == "snapshot"
    assert [ticket["number"] for ticket in told.data["tickets"]] == [1, 2, 3, 4, 5]


async def test_boards_heartbeats_tell_of_its_own_kitchen() -> None:
    async with (
        House().open(heartbeat_seconds=0.05) as house,
        house.stream("/board/stream?kitchen=bar", "") as stream,
        asyncio.timeout(WAIT_SECONDS),
    ):
        await stream.take(1)
        house.kitchen.say_hello("bar")
        while (beat := await stream.next("heartbeat")) and not beat.data["kitchen_tick_at"]:
            pass
    assert beat is not None
    at = "2026-11-18T11:06:40.123Z"
    assert beat.data == {"kitchen_tick_at": {"bar": at}, "as_of": at, "away": []}


async def test_board_of_an_unknown_kitchen_is_not_found() -> None:
    async with House().open() as house:
        for path in ("/board", "/board/stream", "/kitchen/stream"):
            answer = await house.call("GET", f"{path}?kitchen=nowhere", "carla", "kitchen")
            assert answer.status_code == 404
            assert answer.json()["type"] == "/problems/kitchen-not-found"


async def test_board_of_a_kitchen_service_that_is_away_is_unavailable_but_its_stream_opens() -> (
    None
):
    async with House().open(kitchen_target="127.0.0.1:1", connect_seconds=0.05) as house:
        answer = await house.http.get("/board")
        assert answer.status_code == 503
        assert "Retry-After" in answer.headers
        async with house.stream("/board/stream", ""):
            pass


async def test_kitchen_stream_is_for_cooks_of_that_kitchen() -> None:
    async with House().open() as house:
        for roles in (("customer",), ("kitchen:bar",)):
            answer = await house.call("GET", "/kitchen/stream", "anna", *roles)
            assert answer.status_code == 403
        for roles in (("kitchen",), ("kitchen:main",), ("admin",)):
            async with house.stream("/kitchen/stream", "carla", *roles) as stream:
                await stream.take(1)
        assert (await house.http.get("/kitchen/stream")).status_code == 401


@pytest.mark.parametrize("path", ["/board/stream", "/kitchen/stream", "/order/stream"])
async def test_lost_kitchen_is_told_at_once_and_its_return_too(path: str) -> None:
    async with (
        House().open(heartbeat_seconds=3_600, board_heartbeat_seconds=3_600) as house,
        house.stream(path, "carla", "kitchen") as stream,
        asyncio.timeout(WAIT_SECONDS),
    ):
        await stream.take(1)
        await told_away(stream, [])
        await house.stop_kitchen_service()
        await told_away(stream, ["kitchen"])
        await house.start_kitchen_service()
        await told_away(stream, [])


async def told_away(stream: EventStream, services: list[str]) -> None:
    """Returns when a heartbeat says that these services are away."""
    while (beat := await stream.next("heartbeat")) and beat.data["away"] != services:
        pass
    assert beat is not None


async def test_frozen_kitchen_is_told_once_it_was_silent_for_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(boards, "SILENCE_SECONDS", 0.2)
    async with (
        House().open(heartbeat_seconds=3_600, board_heartbeat_seconds=3_600) as house,
        asyncio.timeout(WAIT_SECONDS),
    ):
        async with house.stream("/board/stream", "") as stream:
            await stream.take(1)
            house.kitchen.is_frozen = True
            await told_away(stream, ["kitchen"])
        async with house.stream("/board/stream", "") as opened_meanwhile:
            await told_away(opened_meanwhile, ["kitchen"])


async def test_screens_on_walls_are_told_more_often_how_fresh_they_are() -> None:
    async with (
        House().open(heartbeat_seconds=3_600, board_heartbeat_seconds=0.05) as house,
        house.stream("/board/stream", "") as stream,
        asyncio.timeout(WAIT_SECONDS),
    ):
        await stream.take(1)
        for _ in range(3):
            assert await stream.next("heartbeat")


async def test_tickets_are_shown_in_the_order_in_which_the_job_takes_them() -> None:
    """By the promise; where that is the same, as Redis sorts the members of its set."""
    async with House().open() as house:
        for order_id, number in (("o3", 3), ("o2", 1), ("o1", 2), ("o0", 2)):
            house.kitchen.put(order_id, ORDER_STATUS_QUEUED, number=number)
        async with house.stream("/kitchen/stream", "carla", "kitchen") as stream:
            (snapshot,) = await stream.take(1)
    ids = [ticket["order_id"] for ticket in snapshot.data["tickets"]]
    assert ids == ["o2", "o0", "o1", "o3"]
