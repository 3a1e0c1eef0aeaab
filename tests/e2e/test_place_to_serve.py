"""The first story: a guest orders, the kitchen cooks, everyone watches, whatever dies meanwhile."""

import uuid
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from infra.dev.guest import Guest
from infra.redis_client import open_redis
from tests.follower import Follower
from tests.stack import Stack, new_guest

LIFE = ["placed", "queued", "preparing", "ready", "completed"]
BOWL = {"sku": "chicken-bowl", "quantity": 2, "options": ["rice", "guacamole"]}
TART = {"sku": "lemon-tart", "quantity": 1, "options": []}


async def place(guest: Guest, *items: dict[str, Any], kitchen: str = "main") -> dict[str, Any]:
    answer = await guest.call(
        "POST",
        "/order",
        json={"items": list(items) or [BOWL], "note": "no onion", "kitchen": kitchen},
        headers={"Idempotency-Key": str(uuid.uuid4())},
    )
    assert answer.status_code == 201, answer.text
    order: dict[str, Any] = answer.json()
    return order


async def read(guest: Guest, order_id: str) -> dict[str, Any]:
    answer = await guest.call("GET", f"/order/{order_id}")
    assert answer.status_code == 200, answer.text
    order: dict[str, Any] = answer.json()
    return order


def assert_told_in_order(events: list[dict[str, Any]]) -> None:
    """From the first version on, each told once, and each move goes on from the one before."""
    assert [event["version"] for event in events] == list(range(1, len(events) + 1))
    statuses = [event["status"] for event in events]
    assert [event["previous"] for event in events] == [None, *statuses[:-1]]


# From order to hand-over


async def test_registered_guest_signs_in(http: httpx.AsyncClient) -> None:
    account = {"login": f"anna-{uuid.uuid4().hex[:8]}", "password": "correct horse battery"}
    registered = await http.post("/register", json=account)
    assert registered.status_code == 201
    assert account["password"] not in registered.text
    tokens = (await http.post("/login", json=account)).json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 15 * 60
    orders = await http.get("/order", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert orders.json() == {"orders": [], "next_cursor": None}


async def test_order_is_told_from_placed_to_completed(guest: Guest) -> None:
    async with Follower(guest) as follower:
        order = await place(guest)
        events = await follower.until_status(order["id"], "completed")
    assert follower.events[0] == ("snapshot", {"orders": []})
    moves = [event for event in events if event["status"] != event["previous"]]
    assert [event["status"] for event in moves] == LIFE
    assert_told_in_order(events)
    assert {event["cause"] for event in events} == {"guest", "system", "timer"}
    assert 1 <= events[-1]["number"] <= 999


async def test_placed_order_answers_as_documented(guest: Guest) -> None:
    answer = await guest.call("POST", "/order", json={"items": [BOWL], "note": "no onion"})
    assert answer.status_code == 201
    order = answer.json()
    assert answer.headers["Location"].endswith(f"/order/{order['id']}")
    assert answer.headers["ETag"] == '"1"'
    assert order["status"] == "placed"
    assert order["items"] == [
        {
            "sku": "chicken-bowl",
            "name": "Chicken Bowl",
            "quantity": 2,
            "options": ["rice", "guacamole"],
            "unit_price": 990 + 190,
            "line_total": 2 * (990 + 190),
        }
    ]
    assert (order["total"], order["currency"]) == (2360, "EUR")
    assert (order["note"], order["kitchen"]) == ("no onion", "main")
    assert order["allowed_actions"] == ["edit", "cancel"]


async def test_finished_order_keeps_its_history(guest: Guest) -> None:
    async with Follower(guest) as follower:
        placed = await place(guest)
        await follower.until_status(placed["id"], "completed")
    order = await read(guest, placed["id"])
    assert [e["status"] for e in order["history"] if e["status"]] == LIFE
    assert order["history"][0]["by"] == guest.login
    assert order["allowed_actions"] == []
    assert order["total"] == placed["total"]


async def test_order_that_has_not_changed_is_not_sent_again(guest: Guest) -> None:
    order = await place(guest, kitchen="patio")
    async with Follower(guest, f"/order/{order['id']}/stream") as follower:
        await follower.until(lambda: _newest(follower, order["id"])["status"] == "queued")
    first = await guest.call("GET", f"/order/{order['id']}")
    again = await guest.call(
        "GET", f"/order/{order['id']}", headers={"If-None-Match": first.headers["ETag"]}
    )
    assert again.status_code == 304
    assert again.content == b""


async def test_stream_of_one_order_ends_with_its_last_status(guest: Guest) -> None:
    order = await place(guest)
    async with Follower(guest, f"/order/{order['id']}/stream") as follower:
        await follower.until(lambda: follower.ended)
    assert _newest(follower, order["id"])["status"] == "completed"


def _newest(follower: Follower, order_id: str) -> dict[str, Any]:
    """The order as the snapshot and the events after it show it."""
    shown: dict[str, Any] = {"status": None}
    for name, data in follower.events:
        if name == "snapshot":
            shown = next((o for o in data["orders"] if o["id"] == order_id), shown)
        elif name == "status" and data["order_id"] == order_id:
            shown = data
    return shown


async def test_repeated_request_places_one_order(guest: Guest) -> None:
    request = {"json": {"items": [TART]}, "headers": {"Idempotency-Key": str(uuid.uuid4())}}
    first = await guest.call("POST", "/order", **request)
    again = await guest.call("POST", "/order", **request)
    assert first.status_code == again.status_code == 201
    assert first.json()["id"] == again.json()["id"]
    told = [answer.headers.get("Idempotent-Replayed") for answer in (first, again)]
    assert told == [None, "true"]
    listed = (await guest.call("GET", "/order")).json()["orders"]
    assert [order["id"] for order in listed] == [first.json()["id"]]


async def test_key_of_another_request_is_refused(guest: Guest) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    await guest.call("POST", "/order", json={"items": [TART]}, headers=headers)
    other = await guest.call("POST", "/order", json={"items": [BOWL]}, headers=headers)
    assert other.status_code == 422


async def test_orders_are_listed_page_by_page_newest_first(guest: Guest) -> None:
    placed = [(await place(guest, TART, kitchen="patio"))["id"] for _ in range(5)]
    listed: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await guest.call(
            "GET", "/order", params={"limit": 2, **({"cursor": cursor} if cursor else {})}
        )
        assert len(page.json()["orders"]) <= 2
        listed += [order["id"] for order in page.json()["orders"]]
        cursor = page.json()["next_cursor"]
    assert listed == placed[::-1]


# Changing one's mind


async def test_queued_order_can_be_changed(guest: Guest) -> None:
    async with Follower(guest) as follower:
        order = await place(guest, kitchen="patio")
        await follower.until_status(order["id"], "queued")
        answer = await guest.call("PUT", f"/order/{order['id']}", json={"items": [BOWL, TART]})
        assert answer.status_code == 200
        changed = answer.json()
        assert changed["total"] == order["total"] + 560
        await follower.until(
            lambda: follower.statuses_of(order["id"])[-1]["version"] == changed["version"]
        )
    event = follower.statuses_of(order["id"])[-1]
    assert event["status"] == event["previous"] == "queued"
    assert_told_in_order(follower.statuses_of(order["id"]))
    assert (await read(guest, order["id"]))["note"] == "no onion"


async def test_change_of_an_older_version_is_refused(guest: Guest) -> None:
    async with Follower(guest) as follower:
        order = await place(guest, kitchen="patio")
        await follower.until_status(order["id"], "queued")
    answer = await guest.call(
        "PUT", f"/order/{order['id']}", json={"note": "x"}, headers={"If-Match": '"1"'}
    )
    assert answer.status_code == 412
    assert (await read(guest, order["id"]))["note"] == "no onion"


async def test_order_named_in_the_body_is_changed(guest: Guest) -> None:
    order = await place(guest, kitchen="patio")
    answer = await guest.call("PUT", "/order", json={"id": order["id"], "note": "extra napkins"})
    assert answer.status_code == 200
    assert answer.json()["note"] == "extra napkins"


async def test_queued_order_can_be_cancelled_and_stays_so(guest: Guest) -> None:
    async with Follower(guest) as follower:
        order = await place(guest, kitchen="patio")
        await follower.until_status(order["id"], "queued")
        answers = [await guest.call("DELETE", f"/order/{order['id']}") for _ in range(2)]
        assert [(a.status_code, a.json()["status"]) for a in answers] == [(200, "cancelled")] * 2
        events = await follower.until_status(order["id"], "cancelled")
    assert_told_in_order(events)
    edit = await guest.call("PUT", f"/order/{order['id']}", json={"note": "x"})
    assert edit.status_code == 409
    assert edit.headers["Content-Type"] == "application/problem+json"
    assert edit.json()["status"] == 409
    assert edit.json()["allowed_actions"] == []


async def test_order_named_in_the_query_is_cancelled(guest: Guest) -> None:
    order = await place(guest, kitchen="patio")
    answer = await guest.call("DELETE", "/order", params={"id": order["id"]})
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")


async def test_cooks_taps_reach_the_guest_and_bar_changes(stack: Stack, guest: Guest) -> None:
    cook = stack.staff("cook")
    async with Follower(guest) as follower:
        order = await place(guest, kitchen="patio")
        await follower.until_status(order["id"], "queued")
        ticket = f"/kitchen/tickets/{order['id']}"
        patio = {"kitchen": "patio"}
        assert (await cook.call("POST", f"{ticket}/start", params=patio)).status_code == 200
        await follower.until_status(order["id"], "preparing")
        edit = await guest.call("PUT", f"/order/{order['id']}", json={"note": "x"})
        cancel = await guest.call("DELETE", f"/order/{order['id']}")
        assert (edit.status_code, cancel.status_code) == (409, 409)
        assert (await cook.call("POST", f"{ticket}/ready", params=patio)).status_code == 200
        assert (await cook.call("POST", f"{ticket}/complete", params=patio)).status_code == 200
        events = await follower.until_status(order["id"], "completed")
    assert [event["status"] for event in events] == LIFE
    assert [event["cause"] for event in events[2:]] == ["cook"] * 3


# What is refused


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"items": []}, "/items"),
        ({"items": [{"sku": "unicorn", "quantity": 1}]}, "/items/0/sku"),
        ({"items": [TART, {**TART, "quantity": 0}]}, "/items/1/quantity"),
        ({"items": [{**TART, "quantity": "many"}]}, "/items/0/quantity"),
        ({"items": [{**BOWL, "options": ["rice", "gold"]}]}, "/items/0/options/1"),
        ({"items": [{**BOWL, "options": []}]}, "/items/0/options"),
        ({"note": "nothing"}, "/items"),
    ],
)
async def test_bad_order_is_refused_and_the_fault_is_named(
    guest: Guest, body: dict[str, Any], pointer: str
) -> None:
    answer = await guest.call("POST", "/order", json=body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert (await guest.call("GET", "/order")).json()["orders"] == []


async def test_price_the_guest_names_does_not_count(guest: Guest) -> None:
    answer = await guest.call("POST", "/order", json={"items": [{**TART, "unit_price": 1}]})
    assert answer.status_code == 422 or answer.json()["total"] == 560


async def test_malformed_json_is_refused(guest: Guest) -> None:
    answer = await guest.call(
        "POST", "/order", content=b"{", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400


async def test_nobody_orders_without_signing_in(http: httpx.AsyncClient) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        answer = await http.post("/order", json={"items": [TART]}, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_order_of_somebody_else_does_not_exist(http: httpx.AsyncClient, guest: Guest) -> None:
    order = await place(guest, kitchen="patio")
    stranger = await new_guest(http)
    path = f"/order/{order['id']}"
    answers = [
        await stranger.call("GET", path),
        await stranger.call("PUT", path, json={"note": "x"}),
        await stranger.call("DELETE", path),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert (await read(guest, order["id"]))["status"] in ("placed", "queued")


async def test_guest_is_no_cook_and_no_admin(guest: Guest) -> None:
    assert (await guest.call("GET", "/kitchen/tickets")).status_code == 403
    menu = await guest.call("PUT", "/menu", json={"currency": "EUR", "items": []})
    assert menu.status_code == 403


# What dies meanwhile


async def test_orders_are_taken_while_the_kitchen_is_down(stack: Stack, guest: Guest) -> None:
    async with Follower(guest) as follower:
        stack.kill("kitchen")
        try:
            kept = await place(guest)
            cancelled = await place(guest)
            answer = await guest.call("DELETE", f"/order/{cancelled['id']}")
            assert answer.json()["status"] == "cancelled"
        finally:
            stack.start_service("kitchen")
        events = await follower.until_status(kept["id"], "completed")
    assert_told_in_order(events)
    assert [e["status"] for e in follower.statuses_of(cancelled["id"])] == ["placed", "cancelled"]
    await stack.wait_ready()


async def test_streams_outlast_the_order_service(
    stack: Stack, http: httpx.AsyncClient, guest: Guest
) -> None:
    async with Follower(guest) as follower:
        before = await place(guest)
        await follower.until_status(before["id"], "completed")
        stack.kill("order")
        try:
            token = (await _login(http, guest))["access_token"]
            refused = await http.post(
                "/order",
                json={"items": [TART]},
                headers={"Authorization": f"Bearer {token}"},
            )
            assert refused.status_code == 503
            assert int(refused.headers["Retry-After"]) >= 1
            assert refused.headers["Content-Type"] == "application/problem+json"
            await follower.until_heartbeats(2)
        finally:
            stack.start_service("order")
        # Guest.call tries again while the answer is 503.
        after = await place(guest)
        events = await follower.until_status(after["id"], "completed")
    assert_told_in_order(events)
    assert_told_in_order(follower.statuses_of(before["id"]))
    assert [name for name, _ in follower.events].count("snapshot") == 1
    await stack.wait_ready()


async def _login(http: httpx.AsyncClient, guest: Guest) -> dict[str, Any]:
    answer = await http.post("/login", json=guest.account)
    tokens: dict[str, Any] = answer.raise_for_status().json()
    return tokens


async def test_acknowledged_order_survives_the_death_of_redis(stack: Stack, guest: Guest) -> None:
    async with Follower(guest) as follower:
        order = await place(guest)
        stack.restart("redis")
        events = await follower.until_status(order["id"], "completed")
    assert_told_in_order(events)
    assert (await read(guest, order["id"]))["status"] == "completed"
    await stack.wait_ready()


async def test_streams_outlast_the_gateway(stack: Stack, guest: Guest) -> None:
    async with Follower(guest) as follower:
        order = await place(guest)
        await follower.until_status(order["id"], "queued")
        stack.restart("gateway")
        events = await follower.until_status(order["id"], "completed")
    assert_told_in_order(events)
    assert [name for name, _ in follower.events].count("snapshot") == 1
    await stack.wait_ready()


# What is left behind


async def test_logs_tell_the_life_of_an_order_by_its_id(stack: Stack, guest: Guest) -> None:
    async with Follower(guest) as follower:
        order = await place(guest)
        await follower.until_status(order["id"], "completed")
    for service in ("gateway", "order", "kitchen"):
        lines = [line for line in stack.log_lines(service) if line.get("order_id") == order["id"]]
        assert lines, f"{service} says nothing of the order"
        assert {line["service"] for line in lines} == {service}
    events = [
        line["event"]
        for line in stack.log_lines("order")
        if line.get("order_id") == order["id"] and line["level"] == "info"
    ]
    assert events[0] == "order_placed"
    assert len(events) >= len(LIFE)


async def test_request_id_joins_the_lines_of_one_request(stack: Stack, guest: Guest) -> None:
    request_id = uuid.uuid4().hex
    answer = await guest.call(
        "POST", "/order", json={"items": [TART]}, headers={"X-Request-ID": request_id}
    )
    assert answer.headers["X-Request-ID"] == request_id
    # A service writes what a turn of its loop had to tell after that: before its next answer.
    await guest.call("GET", "/order")
    for service in ("gateway", "order"):
        assert [line for line in stack.log_lines(service) if line.get("request_id") == request_id]


async def test_no_log_line_shows_a_password_or_a_token(
    stack: Stack, http: httpx.AsyncClient
) -> None:
    guest = await new_guest(http)
    tokens = await _login(http, guest)
    # What was told with the answers to those is written by now, as above.
    await _login(http, guest)
    await guest.call("GET", "/order")
    for service in ("gateway", "auth", "order", "kitchen"):
        log = stack.log_file(service).read_text(encoding="utf-8")
        assert guest.account["password"] not in log
        assert tokens["access_token"] not in log
        assert tokens["refresh_token"] not in log


async def test_keys_in_redis_are_the_documented_ones(stack: Stack, guest: Guest) -> None:
    async with Follower(guest) as follower:
        order = await place(guest, kitchen="patio")
        await follower.until_status(order["id"], "queued")
    redis = open_redis(stack.redis.url)
    try:
        shard = order["id"][-1]
        kind = {
            f"order:{{{shard}}}:{order['id']}": "hash",
            f"order:{{{shard}}}:{order['id']}:history": "list",
            f"order:{{{shard}}}:events": "stream",
            f"order:{{{shard}}}:open": "zset",
            "order:menu": "hash",
            f"kitchen:{{patio}}:ticket:{order['id']}": "hash",
            "kitchen:{patio}:queued": "zset",
            "kitchen:{patio}:events": "stream",
        }
        assert {key: await redis.type(key) for key in kind} == kind
        kept = await redis.hgetall(f"order:{{{shard}}}:{order['id']}")
        assert kept["status"] == "queued"
        assert await redis.zscore(f"order:{{{shard}}}:open", order["id"]) is not None
        assert await redis.xlen(f"order:{{{shard}}}:outbox") == 0
        await _assert_account_is_kept(redis, guest)
    finally:
        await redis.aclose()


async def _assert_account_is_kept(redis: Redis, guest: Guest) -> None:
    user_id = await redis.get(f"auth:login:{guest.login}")
    assert user_id is not None
    account = await redis.hgetall(f"auth:user:{user_id}")
    assert guest.account["password"] not in str(account)
