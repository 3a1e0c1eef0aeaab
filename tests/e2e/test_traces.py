"""One order, one trace, through every service and back to the guest's browser."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from infra.dev.guest import Guest
from infra.dev.opening import SAMPLE_MENU
from infra.redis_client import open_redis
from tests.e2e.conftest import SETTINGS
from tests.follower import Follower
from tests.otlp_receiver import OtlpReceiver, ReceivedSpan
from tests.stack import Stack, new_guest

BOWL = {"sku": "chicken-bowl", "quantity": 2, "options": ["rice", "guacamole"]}
ORDER_RPC = "restaurant.order.v1.OrderService/PlaceOrder"
LOGIN_RPC = "restaurant.auth.v1.AuthService/Login"


@pytest.fixture(scope="module")
def collector() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
async def traced(
    tmp_path_factory: pytest.TempPathFactory, collector: OtlpReceiver
) -> AsyncIterator[Stack]:
    """The whole system with traces on."""
    stack = Stack(
        tmp_path_factory.mktemp("traced"),
        SETTINGS
        | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            # How long spans wait to be sent together, in milliseconds.
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        },
    )
    stack.start()
    try:
        await stack.wait_ready()
        async with stack.http() as http:
            await stack.open_house(http, SAMPLE_MENU)
            yield stack
    finally:
        stack.stop()


@pytest.fixture
async def guest_of_traced(traced: Stack) -> AsyncIterator[Guest]:
    async with traced.http() as http:
        yield await new_guest(http)


def new_traceparent() -> tuple[str, str, str]:
    """A trace id, a span id, and the traceparent made of them, sampled."""
    trace_id, span_id = uuid.uuid4().hex, uuid.uuid4().hex[:16]
    return trace_id, span_id, f"00-{trace_id}-{span_id}-01"


async def place(guest: Guest, traceparent: str, kitchen: str = "main") -> str:
    answer = await guest.call(
        "POST",
        "/order",
        json={"items": [BOWL], "kitchen": kitchen},
        headers={"Idempotency-Key": str(uuid.uuid4()), "traceparent": traceparent},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def arrived(
    collector: OtlpReceiver, trace_id: str, wanted: Counter[tuple[str, str, str]]
) -> list[ReceivedSpan]:
    """The trace, once at least these spans, as service, kind and name, and their parents came."""

    def is_here() -> bool:
        spans = collector.of_trace(trace_id)
        parents = {span.parent_id for span in spans} - {span.span_id for span in spans}
        # That of the request is the client's own.
        return wanted <= what_is_in(spans) and len(parents) == 1

    await asyncio.to_thread(collector.until, is_here)
    return collector.of_trace(trace_id)


def what_is_in(spans: list[ReceivedSpan]) -> Counter[tuple[str, str, str]]:
    """How often each span is there, but for those of Redis, whose commands are not told here."""
    return Counter(
        (s.service, s.kind, s.name) for s in spans if "db.system.name" not in s.attributes
    )


def whole_life(events: int) -> Counter[tuple[str, str, str]]:
    """What happens to an order from the POST to the last of ``events`` its guest is told."""
    # Placed is told by the request, queued by the kitchen's answer.
    changes = events - 2
    return Counter(
        {
            ("gateway", "server", "POST /order"): 1,
            ("gateway", "client", ORDER_RPC): 1,
            ("order", "server", ORDER_RPC): 1,
            ("order", "consumer", "deliver ticket"): 1,
            ("kitchen", "consumer", "put ticket"): 1,
            ("kitchen", "internal", "start ticket"): 1,
            ("kitchen", "internal", "finish ticket"): 1,
            ("kitchen", "internal", "complete ticket"): 1,
            ("kitchen", "producer", "push change"): changes,
            ("order", "consumer", "apply change"): changes,
            ("gateway", "producer", "send event"): events,
        }
    )


async def test_order_is_one_trace_from_the_post_to_the_browser(
    collector: OtlpReceiver, guest_of_traced: Guest, traced: Stack
) -> None:
    trace_id, client_span_id, traceparent = new_traceparent()
    async with Follower(guest_of_traced) as follower:
        order_id = await place(guest_of_traced, traceparent)
        events = await follower.until_status(order_id, "completed")
    spans = await arrived(collector, trace_id, whole_life(len(events)))
    by_id = {span.span_id: span for span in spans}

    # On a machine that is busy enough promises are renewed, and what is not answered in time is
    # delivered again; all of that is told as well.
    late = ("kitchen", "internal", "renew promise")
    assert set(what_is_in(spans)) - {late} == set(whole_life(len(events)))
    roots = [span for span in spans if span.parent_id not in by_id]
    assert [(root.name, root.parent_id) for root in roots] == [("POST /order", client_span_id)]
    # A script is unknown to a Redis that was just started, and sent to it then.
    assert {s.attributes["error.type"] for s in spans if s.failed} <= {"NoScriptError"}

    def origin(span: ReceivedSpan) -> tuple[str, ...]:
        parent = by_id.get(span.parent_id)
        return (span.name, *(origin(parent) if parent else ()))

    placing = (ORDER_RPC, ORDER_RPC, "POST /order")
    queueing = ("deliver ticket", *placing)
    cooking = ("apply change", "push change", "put ticket", *queueing)
    told = Counter(origin(span) for span in spans if span.name == "send event")
    assert told == {
        ("send event", *placing): 1,
        ("send event", *queueing): 1,
        ("send event", *cooking): len(events) - 2,
    }
    commands = [span for span in spans if span.attributes.get("db.system.name") == "redis"]
    assert {(span.service, span.kind) for span in commands} == {("order", "client")}
    assert {origin(span)[1:] for span in commands} == {placing}
    of_orders = {s.attributes.get("brigade.order.id", order_id) for s in spans}
    assert of_orders == {order_id}
    await assert_log_agrees(traced, order_id, collector)


async def assert_log_agrees(stack: Stack, order_id: str, collector: OtlpReceiver) -> None:
    """Lines about the order name its trace, and a span of their own service."""
    lines = [
        (service, line["event"], line["traceparent"])
        for service in ("gateway", "order", "kitchen")
        for line in stack.log_lines(service)
        if line.get("order_id") == order_id and "traceparent" in line
    ]
    named = {(service, traceparent) for service, _, traceparent in lines}

    def are_known() -> bool:
        spans = tuple(collector.spans)
        return named <= {(s.service, f"00-{s.trace_id}-{s.span_id}-01") for s in spans}

    await asyncio.to_thread(collector.until, are_known)
    assert len({traceparent.split("-")[1] for _, traceparent in named}) == 1
    assert {(service, event) for service, event, _ in lines} >= {
        ("gateway", "order_placed"),
        ("order", "order_placed"),
        ("order", "ticket_sent"),
        ("kitchen", "ticket_taken"),
        ("order", "order_queued"),
        ("kitchen", "ticket_started"),
        ("order", "order_completed"),
    }


async def test_cooks_tap_is_in_the_orders_trace_and_linked_to_the_cooks(
    collector: OtlpReceiver, guest_of_traced: Guest, traced: Stack
) -> None:
    trace_id, _, traceparent = new_traceparent()
    cooks_trace_id, _, cooks_traceparent = new_traceparent()
    async with Follower(guest_of_traced) as follower:
        order_id = await place(guest_of_traced, traceparent, kitchen="patio")
        await follower.until_status(order_id, "queued")
        tapped = await traced.staff("cook").call(
            "POST",
            f"/kitchen/tickets/{order_id}/start?kitchen=patio",
            headers={"traceparent": cooks_traceparent},
        )
        assert tapped.status_code == 200, tapped.text
        events = await follower.until_status(order_id, "preparing")
    taps = Counter({("kitchen", "internal", "start ticket"): 1})
    taps["gateway", "producer", "send event"] = len(events)
    spans = await arrived(collector, trace_id, taps)
    [start] = [span for span in spans if span.name == "start ticket"]
    assert start.linked_trace_ids == (cooks_trace_id,)
    assert start.attributes["brigade.cause"] == "cook"
    await asyncio.to_thread(
        collector.until,
        lambda: {"gateway", "kitchen"} <= {s.service for s in collector.of_trace(cooks_trace_id)},
    )


async def test_call_that_takes_no_lane_is_in_the_trace_of_its_request(
    collector: OtlpReceiver, guest_of_traced: Guest, traced: Stack
) -> None:
    trace_id, _, traceparent = new_traceparent()
    async with traced.http() as http:
        answer = await http.post(
            "/login", json=guest_of_traced.account, headers={"traceparent": traceparent}
        )
    assert answer.status_code == 200, answer.text
    wanted = Counter(
        [
            ("gateway", "server", "POST /login"),
            ("gateway", "client", LOGIN_RPC),
            ("auth", "server", LOGIN_RPC),
        ]
    )
    assert what_is_in(await arrived(collector, trace_id, wanted)) == wanted


async def test_trace_that_is_not_sampled_is_neither_sent_nor_kept(
    collector: OtlpReceiver, guest_of_traced: Guest, traced: Stack
) -> None:
    trace_id, span_id, _ = new_traceparent()
    later, _, later_traceparent = new_traceparent()
    async with Follower(guest_of_traced) as follower:
        order_id = await place(guest_of_traced, f"00-{trace_id}-{span_id}-00")
        await follower.until_status(order_id, "queued")
        sampled = await place(guest_of_traced, later_traceparent)
        await follower.until_status(sampled, "queued")
    # What was recorded first is sent first, by each service.
    told = Counter({("gateway", "producer", "send event"): 2})
    await arrived(collector, later, told + Counter({("order", "consumer", "deliver ticket"): 1}))
    assert collector.of_trace(trace_id) == []
    assert trace_id not in await everything_about(traced, order_id)
    assert later in await everything_about(traced, sampled)


async def test_without_an_endpoint_nothing_is_kept_of_a_trace(stack: Stack, guest: Guest) -> None:
    trace_id, _, traceparent = new_traceparent()
    async with Follower(guest) as follower:
        order_id = await place(guest, traceparent)
        await follower.until_status(order_id, "queued")
    assert trace_id not in await everything_about(stack, order_id)


async def everything_about(stack: Stack, order_id: str) -> str:
    """All that Redis holds of an order and of everybody's events, as text."""
    found: list[Any] = []
    async with open_redis(stack.redis.url) as opened:
        redis: Redis = opened
        async for key in redis.scan_iter("*"):
            if order_id in key and await redis.type(key) == "hash":
                found.append(await redis.hgetall(key))
            elif await redis.type(key) == "stream":
                found.append(await redis.xrange(key))
    assert order_id in str(found)
    return str(found)
