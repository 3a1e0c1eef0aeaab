"""REST through a real gateway."""

import hashlib
import json
from datetime import timedelta, timezone

import grpc
import httpx
import pytest

from gateway.menu_csv import COLUMNS
from infra.clock import to_text, utc_now
from infra.errors import Violation
from shared_proto.restaurant.kitchen.v1 import kitchen_pb2
from shared_proto.restaurant.order.v1 import order_pb2
from tests.integration.gateway.fake_services import ToldError
from tests.integration.gateway.house import House

AN_ORDER = {"items": [{"sku": "bowl", "quantity": 2, "options": ["rice"]}], "note": "no onion"}


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
async def test_placed_order_has_a_location_that_leads_to_it(prefix: str) -> None:
    async with House().open() as house:
        answer = await house.call("POST", f"{prefix}/order", json=AN_ORDER)
        assert answer.status_code == 201
        assert answer.headers["location"] == f"{prefix}/order/{answer.json()['id']}"
        assert answer.headers["etag"] == '"1"'
        found = await house.call("GET", answer.headers["location"])
        assert found.status_code == 200
        assert found.json() == answer.json()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/order"),
        ("GET", "/menu"),
        ("GET", "/board"),
        ("GET", "/kitchen/tickets"),
        ("HEAD", "/order/stream"),
        ("HEAD", "/kitchen/stream"),
        ("HEAD", "/board/stream"),
    ],
)
async def test_every_path_is_served_at_the_root_and_under_the_api(method: str, path: str) -> None:
    async with House().open() as house:
        for prefix in ("", "/api/v1"):
            answer = await house.call(method, prefix + path, "carla", "kitchen")
            assert answer.status_code == 200


async def test_order_is_passed_on_with_key_and_digests_of_its_bytes_and_content() -> None:
    body = b' {"items":[{"sku":"bowl","quantity":2,"options":["rice"]}],"kitchen":"bar"}\n'
    async with House().open() as house:
        await house.http.post(
            "/order",
            content=body,
            headers={
                **house.headers("anna"),
                "Content-Type": "application/json; charset=utf-8",
                "Idempotency-Key": "k-1",
            },
        )
        (asked,) = house.orders.asked
    assert asked == order_pb2.PlaceOrderRequest(
        items=[order_pb2.LineRequest(sku="bowl", quantity=2, options=["rice"])],
        kitchen="bar",
        idempotency_key="k-1",
        body_sha256=hashlib.sha256(body).digest(),
        content_sha256=hashlib.sha256(
            b'{"items":[{"options":["rice"],"quantity":2,"sku":"bowl"}],"kitchen":"bar"}'
        ).digest(),
    )


async def test_same_order_written_another_way_has_the_same_digest_of_content() -> None:
    line = '"sku": "bowl", "quantity": 1'
    written = [
        f'{{"items": [{{{line}}}], "note": "no \u00f6nion"}}',
        f'{{"note": "no önion", "items": [{{{line}}}]}}',
        '{"items":[{"quantity":1,"sku":"bowl"}],"note":"no önion"}',
        f'{{"items": [{{{line}, "options": []}}], "note": "no önion", "kitchen": ""}}',
        '{"items": [{"sku": "bowl", "quantity": 1.0}], "note": "no önion"}',
        '{"items": [{"sku": "bowl", "quantity": 10e-1}], "note": "no önion"}',
    ]
    others = [
        f'{{"items": [{{{line}}}], "note": "no önion!"}}',
        f'{{"items": [{{{line}}}, {{{line}}}], "note": "no önion"}}',
        f'{{"items": [{{{line}, "options": ["rice"]}}], "note": "no önion"}}',
    ]
    async with House().open() as house:
        headers = house.headers("anna") | {"Content-Type": "application/json"}
        headers["Idempotency-Key"] = "k-1"
        for body in (*written, *others):
            answer = await house.http.post("/order", content=body, headers=headers)
            assert answer.status_code == 201, answer.text
        asked = [request.content_sha256 for request in house.orders.asked]
    assert len(set(asked[: len(written)])) == 1
    assert len(set(asked)) == 1 + len(others)


@pytest.mark.parametrize("key", ["", "two words", "k" * 256, "clé"])
async def test_unfit_idempotency_key_is_refused(key: str) -> None:
    async with House().open() as house:
        answer = await house.http.post(
            "/order",
            json=AN_ORDER,
            headers={
                **{k.encode(): v.encode() for k, v in house.headers("anna").items()},
                b"Idempotency-Key": key.encode("latin-1"),
            },
        )
        assert answer.status_code == 400
        assert answer.json()["type"] == "/problems/invalid-idempotency-key"
        assert not house.orders.asked


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/items"),
        ({"items": []}, "/items"),
        ({"items": [{"sku": "bowl"}]}, "/items/0/quantity"),
        ({"items": [{"sku": "bowl", "quantity": "2"}]}, "/items/0/quantity"),
        ({"items": [{"sku": "bowl", "quantity": 2**31}]}, "/items/0/quantity"),
        ({"items": [{"sku": "bowl", "quantity": 1, "price": 1}]}, "/items/0/price"),
        ({**AN_ORDER, "total": 0}, "/total"),
        ({**AN_ORDER, "note": None}, "/note"),
        ({**AN_ORDER, "expected_total": 1980}, "/expected_currency"),
        ({**AN_ORDER, "expected_currency": "EUR"}, "/expected_total"),
        ({**AN_ORDER, "expected_total": None}, "/expected_currency"),
        ({**AN_ORDER, "expected_total": 0, "expected_currency": None}, "/expected_currency"),
        ({**AN_ORDER, "expected_total": -1, "expected_currency": "EUR"}, "/expected_total"),
        ({**AN_ORDER, "expected_total": 1, "expected_currency": "euro"}, "/expected_currency"),
    ],
)
async def test_body_of_another_shape_is_refused_with_pointers(body: object, pointer: str) -> None:
    async with House().open() as house:
        answer = await house.call("POST", "/order", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("method", "path", "body", "pointer"),
    [
        (
            "POST",
            "/order",
            '{"items": [{"sku": "bowl", "quantity": 1, "quantity": 12}]}',
            "/items/0/quantity",
        ),
        ("PUT", "/order/known", '{"note": "a", "note": "b"}', "/note"),
        ("PUT", "/menu", '{"currency": "EUR", "items": [], "currency": "USD"}', "/currency"),
        ("PATCH", "/menu/bowl", '{"available": true, "available": false}', "/available"),
        ("PUT", "/house/pause", '{"paused": true, "paused": false}', "/paused"),
        ("POST", "/kitchen/tickets/known/start", '{"seq": 1, "seq": 2}', "/seq"),
        ("POST", "/login", '{"login": "a", "password": "b", "login": "c"}', "/login"),
        ("POST", "/session", '{"login": "a", "password": "b", "password": "c"}', "/password"),
    ],
)
async def test_body_that_says_a_thing_twice_is_refused(
    method: str, path: str, body: str, pointer: str
) -> None:
    async with House().open() as house:
        headers = house.headers("boss", "admin", "kitchen") | {"Content-Type": "application/json"}
        headers["Origin"] = str(house.http.base_url).rstrip("/")
        answer = await house.http.request(method, path, content=body, headers=headers)
        assert not house.orders.asked
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"] == [{"pointer": pointer, "detail": "is there twice"}]


@pytest.mark.parametrize("written", ["{:.1f}", "{}e0"])
async def test_integers_may_be_written_as_json_schema_has_them(written: str) -> None:
    def line(number: int) -> str:
        return written.format(number)

    dish = {"sku": "tea", "name": "Tea", "category": "Drinks", "station": "bar"}
    group = (
        f'{{"name": "milk", "min": {line(0)}, "max": {line(1)},'
        f' "options": [{{"name": "oat", "price": {line(-50)}}}]}}'
    )
    menu = (
        f'{{"currency": "EUR", "items": [{json.dumps(dish)[:-1]}, "price": {line(250)},'
        f' "prep_seconds": {line(60)}, "option_groups": [{group}]}}]}}'
    )
    async with House().open() as house:
        headers = house.headers("boss", "admin", "kitchen") | {"Content-Type": "application/json"}
        answer = await house.http.put("/menu", content=menu, headers=headers)
        assert answer.status_code == 200, answer.text
        (tea,) = answer.json()["items"]
        assert (tea["price"], tea["prep_seconds"]) == (250, 60)
        assert tea["option_groups"][0] == {
            "name": "milk",
            "min": 0,
            "max": 1,
            "options": [{"name": "oat", "price": -50}],
        }
        order_id = house.orders.place("anna", "known")
        change = f'{{"items": [{{"sku": "tea", "quantity": {line(3)}}}]}}'
        owner = house.headers("anna") | {"Content-Type": "application/json"}
        answer = await house.http.put(f"/order/{order_id}", content=change, headers=owner)
        assert answer.status_code == 200, answer.text
        assert house.orders.asked[-1].items[0].quantity == 3


async def test_body_must_be_json_and_of_bearable_length() -> None:
    async with House().open() as house:
        headers = house.headers("anna")
        plain = await house.http.post("/order", content="hello", headers=headers)
        assert plain.status_code == 415
        headers["Content-Type"] = "application/json"
        assert (await house.http.post("/order", content="{", headers=headers)).status_code == 400
        long = json.dumps({**AN_ORDER, "note": "x" * 65_536})
        assert (await house.http.post("/order", content=long, headers=headers)).status_code == 413


async def test_known_version_is_not_sent_again() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "known")
        path = f"/order/{order_id}"
        etag = (await house.call("GET", path)).headers["etag"]
        for known in (etag, f"W/{etag}", f'"0", {etag}', "*"):
            answer = await house.call("GET", path, if_none_match=known)
            assert answer.status_code == 304
            assert answer.headers["etag"] == etag
            assert answer.content == b""
        house.orders.move(order_id, order_pb2.ORDER_STATUS_QUEUED)
        assert (await house.call("GET", path, if_none_match=etag)).status_code == 200


async def test_order_that_was_read_before_is_told_from_memory_while_it_is_so() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "again")
        path = f"/order/{order_id}"
        first = await house.call("GET", path)
        again = await house.call("GET", path)
        assert (again.json(), again.headers["etag"]) == (first.json(), first.headers["etag"])
        assert again.headers["content-type"] == "application/json"
        house.orders.move(order_id, order_pb2.ORDER_STATUS_QUEUED)
        moved = await house.call("GET", path)
        assert (moved.json()["status"], moved.headers["etag"]) == ("queued", '"2"')
        assert [asked.known_version for asked in house.orders.asked] == [0, 1, 1]


async def test_order_is_told_nobody_else_from_memory() -> None:
    async with House().open() as house:
        path = f"/order/{house.orders.place('anna', 'mine')}"
        assert (await house.call("GET", path)).status_code == 200
        for_boris = await house.call("GET", path, "boris")
        assert for_boris.status_code == 404
        assert [asked.known_version for asked in house.orders.asked] == [0, 0]


async def test_change_takes_the_current_version_when_it_names_one() -> None:
    async with House().open() as house:
        path = f"/order/{house.orders.place('anna', 'changed')}"
        note = {"note": "extra napkins"}
        for stale in ('"7"', 'W/"1"', '"abc"', "1"):
            answer = await house.call("PUT", path, json=note, if_match=stale)
            assert answer.status_code == 412
            assert answer.json()["type"] == "/problems/version-mismatch"
            assert answer.json()["version"] == 1
        answer = await house.call("PUT", path, json=note, if_match='"1"')
        assert answer.headers["etag"] == '"2"'
        assert (await house.call("PUT", path, json=note, if_match="*")).status_code == 200
        assert (await house.call("PUT", path, json=note)).status_code == 200
        assert (await house.call("DELETE", path, if_match='"1"')).status_code == 412


async def test_change_leaves_what_it_does_not_name() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "partly")
        await house.call("PUT", f"/order/{order_id}", json={"note": ""})
        await house.call("PUT", "/order", json={"id": order_id, "items": AN_ORDER["items"]})
        only_note, only_items = house.orders.asked
        assert only_note.HasField("note")
        assert not only_note.items
        assert not only_items.HasField("note")
        assert [line.sku for line in only_items.items] == ["bowl"]
        for empty in ("{}", '{"items": []}'):
            answer = await house.call("PUT", f"/order/{order_id}", json=json.loads(empty))
            assert answer.status_code == 422


async def test_order_is_cancelled_by_path_or_query() -> None:
    async with House().open() as house:
        first, second = house.orders.place("anna", "a"), house.orders.place("anna", "b")
        answer = await house.call("DELETE", f"/order/{first}?reason=too+late")
        assert answer.json()["status"] == "cancelled"
        answer = await house.call("DELETE", f"/order?id={second}")
        assert answer.json()["status"] == "cancelled"
        assert [asked.reason for asked in house.orders.asked] == ["too late", ""]
        assert (await house.call("DELETE", "/order")).status_code == 400


async def test_orders_are_listed_as_asked() -> None:
    async with House().open() as house:
        house.orders.place("anna", "one")
        there = "01KB0ZJ4T7X3Q5W8N2M6R9C1DE"
        answer = await house.call("GET", f"/order?status=placed&limit=100&cursor={there}")
        assert answer.json()["next_cursor"] == there
        assert len(answer.json()["orders"]) == 1
        assert house.orders.asked == [
            order_pb2.ListOrdersRequest(
                status=order_pb2.ORDER_STATUS_PLACED, limit=100, cursor=there
            )
        ]
        assert (await house.call("GET", "/order")).json()["next_cursor"] is None
        for bad in ("status=PLACED", "limit=0", "limit=101", "limit=ten", "limit=²", "cursor=no"):
            answer = await house.call("GET", f"/order?{bad}")
            assert answer.status_code == 400
            assert answer.json()["parameter"] == bad.partition("=")[0]


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/order?limit=1&limit=2", "limit"),
        ("GET", "/order?status=placed&cursor=&status=ready", "status"),
        ("GET", "/order?status=placed&st%61tus=placed", "status"),
        ("DELETE", "/order?id=a&id=b", "id"),
        ("DELETE", "/order/a?reason=a&reason=b", "reason"),
        ("GET", "/kitchen/tickets?kitchen=main&kitchen=bar", "kitchen"),
        ("POST", "/kitchen/tickets/a/start?kitchen=main&kitchen=bar", "kitchen"),
        ("GET", "/board?kitchen=main&kitchen=bar", "kitchen"),
        ("GET", "/board/stream?kitchen=main&kitchen=bar", "kitchen"),
        ("GET", "/order/stream?last_event_id=1-0&last_event_id=2-0", "last_event_id"),
        ("DELETE", "/session?all=true&all=false", "all"),
    ],
)
async def test_parameter_is_given_once(method: str, path: str, name: str) -> None:
    async with House().open() as house:
        headers = house.headers("boss", "admin", "kitchen") | {
            "Sec-Fetch-Site": "same-origin",
            "Cookie": "brigade_refresh=r1",
        }
        # An event stream would have no end to be read to.
        async with house.http.stream(method, path, headers=headers) as answer:
            assert answer.status_code == 400
            await answer.aread()
        assert answer.json()["type"] == "/problems/invalid-parameter"
        assert answer.json()["parameter"] == name
        assert not house.orders.asked


async def test_currency_of_a_menu_is_given_once() -> None:
    csv = f"{','.join(COLUMNS)}\ntea,Tea,Drinks,bar,250,60,,\n"
    async with House().open() as house:
        headers = house.headers("boss", "admin") | {"Content-Type": "text/csv"}
        path = "/menu?currency=EUR&currency=USD"
        answer = await house.http.put(path, content=csv, headers=headers)
    assert (answer.status_code, answer.json()["parameter"]) == (400, "currency")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Authorization", "Bearer another"),
        ("Content-Type", "application/json"),
        ("Content-Type", "text/csv"),
        ("Idempotency-Key", "k-1"),
        ("idempotency-key", "k-2"),
        ("Last-Event-ID", "1-0"),
        ("Origin", "https://evil.example"),
        ("Sec-Fetch-Site", "cross-site"),
    ],
)
async def test_header_that_has_one_value_is_given_once(name: str, other: str) -> None:
    async with House().open() as house:
        given = {
            **house.headers("anna"),
            "Content-Type": "application/json",
            "Idempotency-Key": "k-1",
            "Last-Event-ID": "0-0",
            "Origin": "http://127.0.0.1",
            "Sec-Fetch-Site": "same-origin",
        }
        content = json.dumps(AN_ORDER)
        once = await house.http.post("/order", content=content, headers=given)
        assert once.status_code == 201
        answer = await house.http.post(
            "/order", content=content, headers=[*given.items(), (name, other)]
        )
        assert len(house.orders.asked) == 1
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/malformed-http"
    assert name.lower() in answer.json()["detail"]


async def test_header_that_is_a_list_may_be_given_in_parts() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "known")
        path, owner = f"/order/{order_id}", [*house.headers("anna").items()]
        known = [("If-None-Match", '"7"'), ("If-None-Match", '"1"')]
        for tags in (known, known[::-1]):
            answer = await house.http.get(path, headers=[*owner, *tags])
            assert answer.status_code == 304
        wanted = [("If-Match", '"1"'), ("If-Match", '"7"')]
        for tags in (wanted, wanted[::-1]):
            await house.http.put(path, json={"note": "x"}, headers=[*owner, *tags])
            assert house.orders.asked[-1].if_version == 7
        accepted = [("Accept", "text/html"), ("Accept", "application/json")]
        for types in (accepted, accepted[::-1]):
            answer = await house.http.get("/lifecycle", headers=types)
            assert answer.status_code == 200


async def test_another_users_order_is_not_found() -> None:
    async with House().open() as house:
        answer = await house.call("GET", f"/order/{house.orders.place('boris', 'x')}")
        assert answer.status_code == 404
        assert answer.json()["type"] == "/problems/order-not-found"


@pytest.mark.parametrize(
    ("code", "reason", "status"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ORDER", 422),
        (grpc.StatusCode.INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REUSED", 422),
        (grpc.StatusCode.NOT_FOUND, "DISH_NOT_FOUND", 404),
        (grpc.StatusCode.ALREADY_EXISTS, "LOGIN_TAKEN", 409),
        (grpc.StatusCode.FAILED_PRECONDITION, "SOLD_OUT", 409),
        (grpc.StatusCode.ABORTED, "VERSION_MISMATCH", 412),
        (grpc.StatusCode.ABORTED, "ACCOUNT_CHANGED", 409),
        (grpc.StatusCode.UNAUTHENTICATED, "INVALID_TOKEN", 401),
        (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED", 403),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "HASHING_BUSY", 429),
        (grpc.StatusCode.UNAVAILABLE, "BACKLOG_FULL", 503),
    ],
)
async def test_refusal_becomes_its_problem(code: grpc.StatusCode, reason: str, status: int) -> None:
    async with House().open() as house:
        house.orders.refuse_with = ToldError(code, reason)
        answer = await house.call("POST", "/order", json=AN_ORDER)
    assert answer.status_code == answer.json()["status"] == status
    assert answer.json()["type"] == f"/problems/{reason.lower().replace('_', '-')}"
    assert answer.json()["detail"] == "no, and here is why"
    assert ("Retry-After" in answer.headers) == (status in (429, 503))
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


async def test_refusals_facts_and_violations_become_members_of_the_problem() -> None:
    async with House().open() as house:
        house.orders.refuse_with = ToldError(
            grpc.StatusCode.FAILED_PRECONDITION,
            "TRANSITION_NOT_ALLOWED",
            Violation("/items/0/sku", "is gone"),
            order_id="o1",
            status="queued",
            allowed_actions="edit cancel",
            version=4,
        )
        problem = (await house.call("GET", "/order/o1")).json()
        house.orders.refuse_with = ToldError(
            grpc.StatusCode.FAILED_PRECONDITION,
            "TRANSITION_NOT_ALLOWED",
            allowed_actions="",
        )
        assert (await house.call("GET", "/order/o1")).json()["allowed_actions"] == []
    assert problem == {
        "type": "/problems/transition-not-allowed",
        "title": "Transition not allowed",
        "status": 409,
        "detail": "no, and here is why",
        "order_id": "o1",
        "current_status": "queued",
        "allowed_actions": ["edit", "cancel"],
        "version": 4,
        "errors": [{"pointer": "/items/0/sku", "detail": "is gone"}],
    }


EXPECTED = {"expected_total": 1980, "expected_currency": "EUR"}


async def test_agreed_total_is_passed_on_with_orders_and_with_edits() -> None:
    async with House().open() as house:
        placed = await house.call("POST", "/order", json=AN_ORDER | EXPECTED)
        assert placed.status_code == 201
        order_id = placed.json()["id"]
        for path, edit in (
            (f"/order/{order_id}", {"note": "x"}),
            ("/order", {"id": order_id, "note": "x"}),
        ):
            answer = await house.call("PUT", path, json=edit | EXPECTED)
            assert answer.status_code == 200
            alone = await house.call("PUT", path, json=edit | {"expected_total": 1980})
            assert alone.status_code == 422
        agreed = order_pb2.AgreedTotal(total=1980, currency="EUR")
        assert [asked.agreed_total for asked in house.orders.asked] == [agreed] * 3


async def test_price_that_changed_is_told_with_its_lines() -> None:
    lines = [{"sku": "bowl", "name": "Bowl", "quantity": 2, "options": [], "unit_price": 49500}]
    async with House().open() as house:
        house.orders.refuse_with = ToldError(
            grpc.StatusCode.FAILED_PRECONDITION,
            "PRICE_CHANGED",
            items=json.dumps(lines),
            total=99000,
            currency="HUF",
            currency_digits=2,
        )
        answer = await house.call("POST", "/order", json=AN_ORDER | EXPECTED)
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"] == "/problems/price-changed"
    assert problem["items"] == lines
    assert (problem["total"], problem["currency"], problem["currency_digits"]) == (99000, "HUF", 2)


@pytest.mark.parametrize(
    ("currency", "digits"), [("EUR", 2), ("HUF", 2), ("JPY", 0), ("KWD", 3), ("HRK", 2)]
)
async def test_digits_of_the_minor_units_stand_beside_every_currency(
    currency: str, digits: int
) -> None:
    async with House().open() as house:
        house.orders.menu.currency = currency
        order_id = house.orders.place("anna", "foreign", currency)
        whole = await house.call("GET", f"/order/{order_id}")
        listed = await house.call("GET", "/order")
        edited = await house.call("PUT", f"/order/{order_id}", json={"note": "x"})
        async with house.stream("/order/stream", "anna") as events:
            snapshot = await events.next("snapshot")
        menu = await house.http.get("/menu")
        imported = await house.call(
            "PUT", "/menu", "boss", "admin", json={"currency": currency, "items": []}
        )
    assert snapshot is not None
    for told in (
        whole.json(),
        listed.json()["orders"][0],
        edited.json(),
        snapshot.data["orders"][0],
        menu.json(),
        imported.json(),
    ):
        assert (told["currency"], told["currency_digits"]) == (currency, digits)


async def test_failure_of_a_service_shows_nothing_of_its_inside() -> None:
    async with House().open() as house:
        house.orders.refuse_with = ValueError("postgres://secret")
        answer = await house.call("GET", "/order/o1")
    assert answer.status_code == 502
    assert "secret" not in answer.text


async def test_service_that_is_away_is_unavailable_for_now() -> None:
    async with House().open(order_service=False) as house:
        for method, path in (("GET", "/menu"), ("GET", "/order"), ("POST", "/order")):
            answer = await house.call(method, path, json=AN_ORDER)
            assert answer.status_code == 503
            assert answer.json()["type"] == "/problems/service-unavailable"
            assert 1 <= int(answer.headers["Retry-After"]) <= 5
            assert "127.0.0.1" not in answer.text


async def test_callers_without_a_valid_token_are_refused_before_any_service_is_asked() -> None:
    async with House().open(order_service=False) as house:
        for headers in ({}, {"Authorization": "Basic YTpi"}, house.headers("a", seconds=-60)):
            answer = await house.http.post("/order", json=AN_ORDER, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.json()["type"] == "/problems/invalid-token"


async def test_menu_is_read_by_anyone_and_known_versions_are_not_sent_again() -> None:
    async with House().open() as house:
        answer = await house.http.get("/menu")
        assert answer.json() == {
            "version": 3,
            "currency": "EUR",
            "currency_digits": 2,
            "items": [],
        }
        again = await house.http.get("/menu", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304


async def test_menu_comes_back_as_it_was_imported() -> None:
    menu = {
        "currency": "EUR",
        "items": [
            {
                "sku": "bowl",
                "name": "Bowl",
                "category": "Bowls",
                "station": "grill",
                "price": 990,
                "prep_seconds": 420,
                "available": False,
                "option_groups": [
                    {
                        "name": "base",
                        "min": 1,
                        "max": 1,
                        "options": [{"name": "rice", "price": 0}, {"name": "none", "price": -50}],
                    }
                ],
            }
        ],
    }
    async with House().open() as house:
        answer = await house.call("PUT", "/menu", "ada", "admin", json=menu)
        assert answer.json() == {"version": 4, "currency_digits": 2, **menu}
        refused = await house.call("PUT", "/menu", "carla", "kitchen", json=menu)
        assert refused.status_code == 403


async def test_kitchen_marks_a_dish_sold_out() -> None:
    async with House().open() as house:
        answer = await house.call(
            "PATCH", "/menu/bowl", "carla", "kitchen", json={"available": False}
        )
        assert answer.json()["sku"] == "bowl"
        assert answer.json()["available"] is False


@pytest.mark.parametrize(
    ("tap", "request_type"),
    [
        ("start", kitchen_pb2.StartTicketRequest),
        ("ready", kitchen_pb2.FinishTicketRequest),
        ("complete", kitchen_pb2.CompleteTicketRequest),
    ],
)
async def test_tap_is_passed_on_with_the_seq_the_cook_saw(
    tap: str,
    request_type: type[
        kitchen_pb2.StartTicketRequest
        | kitchen_pb2.FinishTicketRequest
        | kitchen_pb2.CompleteTicketRequest
    ],
) -> None:
    async with House().open() as house:
        path = f"/kitchen/tickets/o1/{tap}"
        answer = await house.call("POST", f"{path}?kitchen=bar", "c", "kitchen", json={"seq": 5})
        assert answer.json()["order_id"] == "o1"
        assert (await house.call("POST", path, "c", "kitchen")).status_code == 200
        assert house.kitchen.asked == [
            request_type(order_id="o1", kitchen="bar", seq=5),
            request_type(order_id="o1", kitchen="main", seq=0),
        ]
        assert (await house.call("POST", path, "anna", "customer")).status_code == 403


async def test_recall_takes_a_reason() -> None:
    async with House().open() as house:
        path = "/kitchen/tickets/o1/recall"
        answer = await house.call("POST", path, "c", "kitchen", json={"seq": 5})
        assert answer.status_code == 422
        await house.call("POST", path, "c", "kitchen", json={"seq": 5, "reason": "cold"})
        assert house.kitchen.asked == [
            kitchen_pb2.RecallTicketRequest(order_id="o1", kitchen="main", seq=5, reason="cold")
        ]


async def test_void_cancels_the_order_and_acknowledge_clears_the_ticket() -> None:
    async with House().open() as house:
        order_id = house.orders.place("anna", "void")
        path = f"/kitchen/tickets/{order_id}"
        answer = await house.call("POST", f"{path}/void", "c", "kitchen", json={"reason": "fire"})
        assert answer.json()["status"] == "cancelled"
        assert house.orders.asked == [order_pb2.CancelOrderRequest(id=order_id, reason="fire")]
        await house.call("POST", f"{path}/acknowledge", "c", "kitchen")
        assert house.kitchen.asked == [
            kitchen_pb2.AcknowledgeTicketRequest(order_id=order_id, kitchen="main")
        ]


async def test_ticket_that_moved_says_where_it_stands() -> None:
    async with House().open() as house:
        house.kitchen.refuse_with = ToldError(
            grpc.StatusCode.FAILED_PRECONDITION,
            "TICKET_MOVED",
            status="ready",
            seq=9,
        )
        answer = await house.call("POST", "/kitchen/tickets/o1/start", "c", "kitchen")
    assert answer.status_code == 409
    assert answer.json()["current_status"] == "ready"
    assert answer.json()["seq"] == 9


async def test_tickets_are_found_by_number() -> None:
    async with House().open() as house:
        house.kitchen.put("o1", order_pb2.ORDER_STATUS_QUEUED, number=7)
        answer = await house.call("GET", "/kitchen/tickets?number=7", "c", "kitchen")
        assert [ticket["number"] for ticket in answer.json()["tickets"]] == [7]
        assert house.kitchen.asked == [kitchen_pb2.ListTicketsRequest(kitchen="main", number=7)]
        bad = await house.call("GET", "/kitchen/tickets?number=1000", "c", "kitchen")
        assert bad.status_code == 400


async def test_accounts_are_passed_on_to_auth() -> None:
    async with House().open() as house:
        anna = {"login": "anna", "password": "correct horse"}
        registered = await house.http.post("/register", json=anna)
        assert registered.status_code == 201
        assert registered.json() == {"user_id": "new-id", "login": "anna", "roles": ["customer"]}
        tokens = await house.http.post("/login", json=anna)
        assert tokens.headers["cache-control"] == "no-store"
        pair = tokens.json()
        bearer = {"Authorization": f"Bearer {pair.pop('access_token')}"}
        assert (await house.http.get("/session", headers=bearer)).json()["user_id"] == "anna"
        assert pair == {
            "token_type": "Bearer",
            "expires_in": 900,
            "refresh_token": "refresh-anna",
        }
        shown = {"refresh_token": "r1"}
        fresh = await house.http.post("/api/v1/token/refresh", json=shown)
        assert fresh.json()["refresh_token"] == "refresh-r1"
        assert (await house.http.post("/logout", json=shown)).status_code == 204
        assert house.auth.logged_out == ["r1"]


async def test_unknown_paths_and_methods_are_problems() -> None:
    async with House().open() as house:
        for path in ("/nowhere", "/api/v1/nowhere"):
            answer = await house.http.get(path)
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"
        assert (await house.http.patch("/order")).status_code == 405


async def test_gateway_is_ready_while_the_services_behind_it_answer() -> None:
    async with House().open() as house, httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{house.ops_url}/readyz")).status_code == 200
        await house.stop_order_service()
        answer = await http.get(f"{house.ops_url}/readyz")
        assert answer.status_code == 503
        assert answer.json()["order"]["ok"] is False
        assert answer.json()["auth"]["ok"] is True
        assert (await http.get(f"{house.ops_url}/healthz")).status_code == 200
        assert "gateway_streams" in (await http.get(f"{house.ops_url}/metrics")).text


async def test_lifecycle_is_the_order_services_own_table() -> None:
    async with House().open() as house:
        answer = (await house.http.get("/lifecycle")).json()
    assert answer["final"] == ["completed", "cancelled", "rejected"]
    moves = {(move["from"], move["to"]): move["causes"] for move in answer["transitions"]}
    assert moves[None, "placed"] == ["guest"]
    assert moves["preparing", "cancelled"] == ["staff"]


async def test_menu_is_imported_from_csv_and_refused_by_line() -> None:
    csv = f"{','.join(COLUMNS)}\ntea,Tea,Drinks,bar,250,60,,\n"
    async with House().open() as house:
        headers = house.headers("boss", "admin") | {"Content-Type": "text/csv; charset=utf-8"}
        path = "/menu?currency=EUR"
        answer = await house.http.put(path, content=csv, headers=headers)
        assert [dish["sku"] for dish in answer.json()["items"]] == ["tea"]
        again = await house.http.put("/menu", content=csv, headers=headers)
        assert again.json()["currency"] == "EUR"
        house.orders.refuse_with = ToldError(
            grpc.StatusCode.INVALID_ARGUMENT, "INVALID_MENU", Violation("/items/0/price", "too low")
        )
        refused = await house.http.put(path, content=csv, headers=headers)
        assert refused.status_code == 422
        assert refused.json()["errors"] == [
            {"pointer": "/lines/2/price", "detail": "line 2: too low"}
        ]
        latin = await house.http.put(path, content=csv.encode() + b"\xe9", headers=headers)
        assert latin.status_code == 422


async def test_house_tells_its_hours_and_pauses() -> None:
    async with House().open() as house:
        always = {
            "hours": [],
            "time_zone": "UTC",
            "paused": False,
            "reason": None,
            "until": None,
            "serving": True,
        }
        assert (await house.http.get("/house")).json() == always
        lunch = {"day": "sunday", "opens": "11:30", "closes": "14:00"}
        hours = {"hours": [lunch], "time_zone": "Europe/Berlin"}
        answer = await house.call("PUT", "/house/hours", "boss", "admin", json=hours)
        assert answer.json()["hours"] == [lunch]
        assert house.orders.house.hours[0].day == 7
        pause = {"paused": True, "reason": "the fryer is broken"}
        answer = await house.call("PUT", "/house/pause", "carla", "kitchen", json=pause)
        assert (answer.json()["paused"], answer.json()["reason"]) == (True, pause["reason"])
        # As it is told, so it may be said.
        resumed = {"paused": False, "reason": None}
        answer = await house.call("PUT", "/house/pause", "carla", "kitchen", json=resumed)
        assert resumed.items() <= answer.json().items()
        unfit = {"hours": [lunch | {"opens": "24:30"}], "time_zone": "UTC"}
        refused = await house.call("PUT", "/house/hours", "boss", "admin", json=unfit)
        assert refused.json()["errors"][0]["pointer"] == "/hours/0/opens"


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
async def test_slash_at_the_end_makes_another_path(prefix: str) -> None:
    """A redirect would name the request's ``Host``, which anyone may have chosen, over ``http:``,
    and lose the body of an order on its way."""
    async with House().open() as house:
        for method, path in (
            ("POST", "/order/"),
            ("GET", "/menu/"),
            ("GET", "/order/stream/"),
            ("GET", "/docs/"),
            ("GET", "/kitchen/"),
            ("GET", "/board/"),
            ("GET", "/"),
            ("GET", ""),
        ):
            if not prefix and path in ("", "/"):
                continue
            answer = await house.http.request(
                method, prefix + path, headers={"Host": "evil.example", "Accept": "*/*"}
            )
            assert answer.status_code == 404, path
            assert answer.headers["content-type"] == "application/problem+json"
            assert "location" not in answer.headers


async def test_options_names_the_methods_of_a_path_and_of_the_whole_server() -> None:
    read = "GET, HEAD, OPTIONS"
    async with House().open() as house:
        for path, allow in (
            ("/", read),
            ("/kitchen", read),
            ("/board", read),
            ("/pages/any/words.js", read),
            ("/docs", read),
            ("/openapi.json", read),
            ("/board/stream", read),
            ("/order", "DELETE, GET, HEAD, OPTIONS, POST, PUT"),
        ):
            told = await house.http.options(path)
            assert (told.status_code, told.headers["allow"]) == (204, allow), path
        whole = await house.http.options("/", extensions={"target": b"*"})
        assert whole.status_code == 204
        assert whole.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
        assert whole.headers["x-request-id"]
        of_operations = await house.http.options(house.ops_url, extensions={"target": b"*"})
        assert of_operations.headers["allow"] == read


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html", ""])
async def test_head_is_answered_wherever_get_is(accept: str) -> None:
    async with House().open() as house:
        for path in ("/", "/kitchen", "/board", "/menu", "/house", "/docs", "/openapi.json"):
            headers = {"Accept": accept}
            read = await house.http.get(path, headers=headers)
            head = await house.http.head(path, headers=headers)
            assert head.status_code == read.status_code, path
            assert head.headers.get("content-type") == read.headers.get("content-type")
            assert head.content == b""


async def test_page_is_answered_at_the_root_alone_and_numbers_under_the_api_too() -> None:
    async with House().open() as house:
        page = await house.http.get("/", headers={"Accept": "*/*"})
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        for path in ("/board", "/api/v1/board"):
            assert (await house.http.get(path)).json()["kitchen"] == "main"
        for_people = {"Accept": "text/html"}
        assert (await house.http.get("/board", headers=for_people)).text.startswith("<!doctype")
        assert (await house.http.get("/api/v1/board", headers=for_people)).status_code == 406


DISH = {
    "sku": "tea",
    "name": "Tea",
    "category": "Drinks",
    "station": "bar",
    "price": 250,
    "prep_seconds": 60,
}
A_MENU = {"currency": "EUR", "items": [DISH]}
CHANGES = [
    ("/menu", "PUT", "/menu", A_MENU),
    ("/menu", "PATCH", "/menu/tea", {"available": False}),
    ("/house", "PUT", "/house/hours", {"hours": [], "time_zone": "Europe/Berlin"}),
    ("/house", "PUT", "/house/pause", {"paused": True}),
]


@pytest.mark.parametrize(("read", "method", "path", "body"), CHANGES)
async def test_change_is_of_the_version_that_was_read(
    read: str, method: str, path: str, body: object
) -> None:
    async with House().open() as house:
        await house.call("PUT", "/menu", "boss", "admin", json=A_MENU)
        seen = (await house.http.get(read)).headers["etag"]
        done = await house.call(method, path, "boss", "admin", json=body, if_match=seen)
        assert done.status_code == 200
        assert done.headers["etag"] == (await house.http.get(read)).headers["etag"] != seen
        for stale in (seen, f"W/{seen}", '"another"'):
            refused = await house.call(method, path, "boss", "admin", json=body, if_match=stale)
            assert refused.status_code == 412
            assert refused.json()["type"] == "/problems/version-mismatch"
        for tag in (done.headers["etag"], "*"):
            again = await house.call(method, path, "boss", "admin", json=body, if_match=tag)
            assert again.status_code == 200


async def test_house_is_not_read_again_while_it_stays_as_it_was() -> None:
    async with House().open() as house:
        tag = (await house.http.get("/house")).headers["etag"]
        known = {"If-None-Match": tag}
        assert (await house.http.get("/house", headers=known)).status_code == 304
        # It opens or closes without a change of its settings.
        house.orders.house.serving = not house.orders.house.serving
        assert (await house.http.get("/house", headers=known)).status_code == 200


async def test_pause_has_an_end_where_it_is_given_one() -> None:
    async with House().open() as house:
        soon = utc_now() + timedelta(minutes=20)
        body = {"paused": True, "until": soon.astimezone(timezone(timedelta(hours=1))).isoformat()}
        ages_ago = "0001-01-01T00:00:00+14:00"
        paused = await house.call("PUT", "/house/pause", "boss", "admin", json=body)
        assert paused.json()["until"] == to_text(soon)
        assert (await house.http.get("/house")).json()["until"] == to_text(soon)
        for until in ("2027-01-01T12:00:00", "soon", 7, "9999-12-31T23:59:59.999-12:00", ages_ago):
            unfit = await house.call(
                "PUT", "/house/pause", "boss", "admin", json={"paused": True, "until": until}
            )
            assert unfit.status_code == 422
            assert unfit.json()["errors"][0]["pointer"] == "/until"
