"""Guests' event streams through a real gateway: no gap, no repeat, over every kind of trouble."""

import asyncio
import random

from shared_proto.restaurant.order.v1.order_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_COMPLETED,
    ORDER_STATUS_PREPARING,
    ORDER_STATUS_QUEUED,
    ORDER_STATUS_READY,
)
from shared_proto.sharding import shard_of
from tests.integration.gateway.house import WAIT_SECONDS, House

ROUND_AND_ROUND = [ORDER_STATUS_PREPARING, ORDER_STATUS_READY]


async def test_stream_begins_with_a_snapshot_then_tells_what_happens() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "first")
        house.orders.place("boris", "other")
        async with house.stream() as stream:
            assert stream.response.headers["content-type"].startswith("text/event-stream")
            assert stream.response.headers["cache-control"] == "no-store, no-transform"
            assert stream.response.headers["x-accel-buffering"] == "no"
            (snapshot,) = await stream.take(1)
            [event_id] = house.orders.move(order_id, ORDER_STATUS_QUEUED)
            (told,) = await stream.take(1)
    assert snapshot.event == "snapshot"
    assert [order["id"] for order in snapshot.data["orders"]] == [order_id]
    assert "history" not in snapshot.data["orders"][0]
    assert told.event == "status"
    assert told.last_id == event_id
    assert told.data == {
        "order_id": order_id,
        "status": "queued",
        "previous": "placed",
        "version": 2,
        "number": None,
        "cause": "system",
        "at": "2026-11-18T11:06:40.123Z",
        "promised_at": None,
        "allowed_actions": [],
    }


async def test_events_before_during_and_after_the_replay_are_told_once_and_in_order() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "racing")
        [first] = house.orders.move(order_id, ORDER_STATUS_QUEUED)
        missed = house.orders.move(order_id, *ROUND_AND_ROUND)
        house.orders.may_read.clear()
        async with house.stream(last_id=first) as stream:
            await house.orders.reads.get()
            # The stream waits for its replay, which will tell these as well.
            during = house.orders.move(order_id, *ROUND_AND_ROUND)
            house.orders.may_read.set()
            after = house.orders.move(order_id, *ROUND_AND_ROUND)
            told = await stream.take(6)
    assert [event.last_id for event in told] == [*missed, *during, *after]


async def test_replay_longer_than_a_page_is_told_whole() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "long")
        [first] = house.orders.move(order_id, ORDER_STATUS_QUEUED)
        missed = house.orders.move(order_id, *ROUND_AND_ROUND * 8)
        async with house.stream(last_id=first) as stream:
            told = await stream.take(len(missed))
    assert [event.last_id for event in told] == missed


async def test_readers_that_come_and_go_miss_nothing_and_see_nothing_twice() -> None:
    """Events go on without a pause while readers reconnect, and the Watch stream breaks."""
    chance = random.Random(7)
    async with House().open(stream_queue=8) as house:
        order_id = house.orders.place("anna", "busy")
        [first] = house.orders.move(order_id, ORDER_STATUS_QUEUED)
        happened: list[str] = []
        all_happened = asyncio.Event()

        async def happen() -> None:
            for step in range(60):
                happened.extend(house.orders.move(order_id, *ROUND_AND_ROUND * 2))
                if step % 15 == 14:
                    house.orders.break_watches()
                    await house.orders.openings.get()
                # A round trip through the gateway: lets everything else go on meanwhile.
                await house.call("GET", "/menu")
            house.orders.move(order_id, ORDER_STATUS_COMPLETED)
            all_happened.set()

        async def read() -> list[str]:
            seen = [first]
            while True:
                async with house.stream(last_id=seen[-1]) as stream:
                    for _ in range(chance.randint(1, 30)):
                        (told,) = await stream.take(1)
                        assert told.event == "status"
                        if told.data["status"] == "completed":
                            return seen[1:]
                        seen.append(told.last_id)

        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            await house.orders.openings.get()
            readers = [tasks.create_task(read()) for _ in range(4)]
            tasks.create_task(happen())
    for reader in readers:
        assert reader.result() == happened


async def test_stream_that_overflows_catches_up_from_the_last_id_it_told() -> None:
    async with House().open(stream_queue=3) as house:
        order_id = house.orders.place("anna", "burst")
        async with house.stream() as stream:
            await stream.take(1)
            house.orders.reads.get_nowait()
            # One message of the order service, so no reader can be fast enough.
            burst = house.orders.move(order_id, *ROUND_AND_ROUND * 10)
            told = await stream.take(len(burst))
            again = house.orders.reads.get_nowait()
    assert [event.last_id for event in told] == burst
    assert again.after_event_id == "1795000000000-0"


async def test_watch_that_breaks_is_opened_again_where_it_left_off() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "steady")
        async with house.stream() as stream:
            await stream.take(1)
            [seen] = house.orders.move(order_id, ORDER_STATUS_QUEUED)
            assert await stream.statuses(1) == ["queued"]
            house.orders.openings.get_nowait()
            reads = house.orders.reads.qsize()

            house.orders.break_watches()
            house.orders.move(order_id, ORDER_STATUS_PREPARING)
            assert await stream.statuses(1) == ["preparing"]

            opening = await house.orders.openings.get()
            assert opening.cursors[shard_of("anna")] == seen
            assert list(opening.add_user_ids) == ["anna"]
            assert house.orders.reads.qsize() == reads, "the replay came on the Watch stream"


async def test_streams_of_a_reset_shard_catch_up_from_their_last_id() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "reset")
        async with house.stream() as stream:
            await stream.take(1)
            house.orders.reads.get_nowait()
            house.orders.trimmed.add(shard_of("anna"))
            house.orders.break_watches()
            house.orders.move(order_id, ORDER_STATUS_QUEUED)
            assert await stream.statuses(1) == ["queued"]
            assert house.orders.reads.get_nowait().after_event_id == "1795000000000-0"


async def test_user_who_comes_back_is_followed_again_after_he_was_forgotten() -> None:
    async with House().open(heartbeat_seconds=0.05) as house:
        order_id = house.orders.place("anna", "back")
        async with house.stream() as stream:
            await stream.take(1)
        async with asyncio.timeout(WAIT_SECONDS):
            assert await house.orders.unfollowed.get() == "anna"
        async with house.stream() as stream:
            await stream.take(1)
            house.orders.move(order_id, ORDER_STATUS_QUEUED)
            assert await stream.statuses(1) == ["queued"]


async def test_unusable_last_id_is_answered_by_reset_and_a_snapshot() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "old")
        [old] = house.orders.move(order_id, ORDER_STATUS_QUEUED)
        house.orders.trim_events()
        for last_id in (old, "no id at all", "99999999999999-0"):
            async with house.stream(last_id=last_id) as stream:
                told = await stream.take(2)
            assert [event.event for event in told] == ["reset", "snapshot"]


async def test_last_event_id_may_stand_in_the_query_but_the_header_counts_more() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "asked")
        first, second = house.orders.move(order_id, *ROUND_AND_ROUND)
        path = f"/order/stream?last_event_id={first}"
        async with house.stream(path) as stream:
            assert await stream.statuses(1) == ["ready"]
        async with house.stream(path, last_id=second) as stream:
            house.orders.move(order_id, ORDER_STATUS_COMPLETED)
            assert await stream.statuses(1) == ["completed"]


async def test_stream_opens_while_the_order_service_is_away_and_joins_when_it_is_back() -> None:
    async with House().open(order_service=False, heartbeat_seconds=0.05) as house:
        house.orders.place("anna", "late")
        async with house.stream() as stream:
            heartbeat = await stream.next("heartbeat")
            assert heartbeat is not None
            assert heartbeat.data["as_of"] is None
            assert "order" in heartbeat.data["away"]
            await house.start_order_service()
            (told,) = await stream.take(1)
        assert told.event == "snapshot"


async def test_stream_survives_a_restart_of_the_order_service() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "lasting")
        async with house.stream() as stream:
            await stream.take(1)
            await house.stop_order_service()
            house.orders.move(order_id, ORDER_STATUS_QUEUED)
            await house.start_order_service()
            house.orders.move(order_id, ORDER_STATUS_PREPARING)
            assert await stream.statuses(2) == ["queued", "preparing"]


async def test_heartbeats_say_how_fresh_the_data_is() -> None:
    async with House().open(heartbeat_seconds=0.05) as house:
        async with house.stream() as stream:
            await stream.take(1)
            house.orders.say_hello()
            async with asyncio.timeout(WAIT_SECONDS):
                while (beat := await stream.next("heartbeat")) and beat.data["as_of"] is None:
                    pass
        assert beat is not None
        at = "2026-11-18T11:06:40.123Z"
        assert beat.data == {"kitchen_tick_at": {"main": at}, "as_of": at, "away": []}


async def test_lost_order_service_is_told_at_once() -> None:
    async with House().open(heartbeat_seconds=3_600) as house, house.stream() as stream:
        await stream.take(1)
        await house.stop_order_service()
        async with asyncio.timeout(WAIT_SECONDS):
            while (beat := await stream.next("heartbeat")) and beat.data["away"] != ["order"]:
                pass
        assert beat is not None


async def test_stream_ends_when_its_token_expires() -> None:
    async with House().open() as house, house.stream(seconds=1.5) as stream:
        await stream.take(1)
        assert await stream.next() is None


async def test_stream_of_one_order_tells_of_no_other_and_ends_after_its_last_status() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "mine")
        other_id = house.orders.place("anna", "another")
        async with house.stream(f"/order/{order_id}/stream") as stream:
            (snapshot,) = await stream.take(1)
            house.orders.move(other_id, ORDER_STATUS_QUEUED)
            house.orders.move(order_id, ORDER_STATUS_CANCELLED)
            (told,) = await stream.take(1)
            assert await stream.next() is None
        assert [order["id"] for order in snapshot.data["orders"]] == [order_id]
        assert told.data["order_id"] == order_id
        assert told.data["status"] == "cancelled"


async def test_stream_of_a_finished_and_fully_told_order_answers_204() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "done")
        before, last = house.orders.move(order_id, ORDER_STATUS_QUEUED, ORDER_STATUS_CANCELLED)
        path = f"/order/{order_id}/stream"
        async with house.stream(path, last_id=before) as stream:
            assert await stream.statuses(1) == ["cancelled"]
            assert await stream.next() is None
        # Past it, too: ids of his other orders count.
        [later] = house.orders.move(house.orders.place("anna", "next"), ORDER_STATUS_QUEUED)
        for last_id in (last, later):
            answer = await house.call("GET", path, last_event_id=last_id)
            assert answer.status_code == 204


async def test_stream_of_a_fully_told_order_ends_though_the_order_service_was_away() -> None:
    async with House().open(order_service=False) as house:
        order_id = house.orders.place("anna", "done")
        [last] = house.orders.move(order_id, ORDER_STATUS_CANCELLED)
        async with house.stream(f"/order/{order_id}/stream", last_id=last) as stream:
            await house.start_order_service()
            assert await stream.next() is None


async def test_order_finished_long_ago_is_shown_once() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "ancient")
        house.orders.move(order_id, ORDER_STATUS_COMPLETED)
        house.orders.forget_finished(order_id)
        house.orders.trim_events()
        path = f"/order/{order_id}/stream"
        async with house.stream(path) as stream:
            (snapshot,) = await stream.take(1)
            assert await stream.next() is None
        assert [order["status"] for order in snapshot.data["orders"]] == ["completed"]
        again = await house.call("GET", path, last_event_id=snapshot.last_id)
        assert again.status_code == 204


async def test_stream_of_another_users_order_is_not_found() -> None:
    async with House().open() as house:
        order_id = house.orders.place("boris", "secret")
        answer = await house.call("GET", f"/order/{order_id}/stream")
        assert answer.status_code == 404


async def test_another_users_order_stays_hidden_though_the_order_service_was_away() -> None:
    async with House().open(order_service=False) as house:
        order_id = house.orders.place("boris", "hidden")
        async with house.stream(f"/order/{order_id}/stream") as stream:
            await house.start_order_service()
            assert await stream.next() is None


async def test_staff_may_watch_a_guests_order() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "watched")
        async with house.stream(f"/order/{order_id}/stream", "carla", "kitchen") as stream:
            await stream.take(1)
            house.orders.move(order_id, ORDER_STATUS_QUEUED)
            assert await stream.statuses(1) == ["queued"]


async def test_user_with_too_many_streams_is_refused_until_one_closes() -> None:
    async with House().open(streams_per_user=1) as house:
        async with house.stream() as stream:
            await stream.take(1)
            refused = await house.call("GET", "/order/stream")
            async with house.stream(user_id="boris") as other:
                await other.take(1)
        assert refused.status_code == 429
        assert "Retry-After" in refused.headers
        async with asyncio.timeout(WAIT_SECONDS):
            while (await _status(house)) == 429:
                pass


async def test_process_with_too_many_streams_refuses_more() -> None:
    async with House().open(streams_limit=1) as house, house.stream() as stream:
        await stream.take(1)
        refused = await house.call("GET", "/order/stream", "boris")
        assert refused.status_code == 503
        assert "Retry-After" in refused.headers


async def test_board_and_guests_take_no_place_of_each_other() -> None:
    async with (
        House().open(streams_limit=1, board_streams_limit=2) as house,
        house.stream("/board/stream", "") as first,
        house.stream("/board/stream", "") as second,
    ):
        await first.take(1)
        await second.take(1)
        refused = await house.http.get("/board/stream")
        assert refused.status_code == 503
        assert "Retry-After" in refused.headers
        async with house.stream() as guest:
            await guest.take(1)
            refused = await house.call("GET", "/kitchen/stream", "carla", "kitchen")
            assert refused.status_code == 503, "staff are users like guests"


async def _status(house: House) -> int:
    async with house.http.stream("GET", "/order/stream", headers=house.headers("anna")) as answer:
        return answer.status_code


async def test_gateway_that_stops_ends_its_streams_in_good_order() -> None:
    connected = asyncio.Event()

    async def read_to_the_end(house: House) -> object:
        async with house.stream() as stream:
            await stream.take(1)
            connected.set()
            return await stream.next()

    async with asyncio.timeout(WAIT_SECONDS), House().open(drain_seconds=60) as house:
        reading = asyncio.create_task(read_to_the_end(house))
        await connected.wait()
    assert await reading is None


async def test_stream_takes_a_valid_token() -> None:
    async with House().open() as house:
        for headers in ({}, {"Authorization": "Bearer forged"}, house.headers("a", seconds=-60)):
            answer = await house.http.get("/order/stream", headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_head_of_a_stream_ends_at_once() -> None:
    async with House().open() as house:
        answer = await house.http.head("/order/stream", headers=house.headers("anna"))
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
