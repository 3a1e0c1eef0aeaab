"""Who gets in, through the whole system."""

import asyncio
import json
from collections.abc import Mapping

import grpc
import httpx
import pytest

from infra.dev.guest import Guest
from infra.errors import read_refusal
from infra.grpc_runtime import open_channel, service_metadata, user_metadata
from infra.identity import TOKEN_KEY
from shared_proto.restaurant.auth.v1 import auth_pb2, auth_pb2_grpc
from shared_proto.restaurant.kitchen.v1 import kitchen_pb2, kitchen_pb2_grpc
from shared_proto.restaurant.order.v1 import order_pb2, order_pb2_grpc
from tests.stack import Stack, new_guest

WAIT_SECONDS = 30
ORDER = {"items": [{"sku": "fries", "quantity": 1}], "kitchen": "patio"}


async def sign_in(http: httpx.AsyncClient, guest: Guest) -> dict[str, str]:
    tokens: dict[str, str] = (await http.post("/login", json=guest.account)).json()
    return tokens


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_logout_ends_streams_and_is_known_to_every_service(
    stack: Stack, http: httpx.AsyncClient, guest: Guest
) -> None:
    tokens = await sign_in(http, guest)
    token = tokens["access_token"]
    async with (
        http.stream("GET", "/order/stream", headers=bearer(token)) as stream,
        open_channel(stack.layout.grpc_target("order")) as channel,
    ):
        assert stream.status_code == 200
        shown = {"refresh_token": tokens["refresh_token"]}
        assert (await http.post("/logout", json=shown)).status_code == 204
        async with asyncio.timeout(WAIT_SECONDS):
            # It ends by itself, or this waits in vain.
            async for _ in stream.aiter_bytes():
                pass
        assert (await http.get("/order", headers=bearer(token))).status_code == 401
        orders: order_pb2_grpc.OrderServiceAsyncStub = order_pb2_grpc.OrderServiceStub(channel)
        async with asyncio.timeout(WAIT_SECONDS):
            while await answer_of(orders, token) is not grpc.StatusCode.UNAUTHENTICATED:
                pass


async def answer_of(orders: "order_pb2_grpc.OrderServiceAsyncStub", token: str) -> grpc.StatusCode:
    try:
        await orders.ListOrders(order_pb2.ListOrdersRequest(), metadata=user_metadata(token))
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def test_anothers_order_is_not_there_whatever_is_asked_of_it(
    http: httpx.AsyncClient, guest: Guest
) -> None:
    placed = await guest.call("POST", "/order", json=ORDER)
    order = placed.raise_for_status().json()["id"]
    stranger = bearer((await sign_in(http, await new_guest(http)))["access_token"])
    calls: list[tuple[str, str, Mapping[str, object] | None]] = [
        ("GET", f"/order/{order}", None),
        ("GET", f"/order/{order}/stream", None),
        ("PUT", f"/order/{order}", {"note": "mine"}),
        ("PUT", "/order", {"id": order, "note": "mine"}),
        ("DELETE", f"/order/{order}", None),
        ("DELETE", f"/order?id={order}", None),
    ]
    for method, path, body in calls:
        answer = await http.request(method, path, json=body, headers=stranger)
        assert answer.status_code == 404, (method, path)
        assert answer.json()["type"] == "/problems/order-not-found"
    untouched = await guest.call("GET", f"/order/{order}")
    assert (untouched.json()["status"], untouched.json()["note"]) != ("cancelled", "mine")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/menu", {"currency": "EUR", "items": []}),
        ("PATCH", "/menu/fries", {"available": False}),
        ("PUT", "/house/pause", {"paused": True}),
        ("PUT", "/house/hours", {"hours": [], "time_zone": "UTC"}),
        ("GET", "/kitchen/tickets", None),
        ("GET", "/kitchen/stream", None),
        ("POST", "/kitchen/tickets/01M84H3W5V9ZK2Q7X4T6B8C1DE/start", {}),
    ],
)
async def test_guest_is_no_staff(guest: Guest, method: str, path: str, body: object) -> None:
    assert (await guest.call(method, path, json=body)).status_code == 403


async def test_role_is_not_had_by_asking_for_it(http: httpx.AsyncClient, guest: Guest) -> None:
    wish = guest.account | {"roles": ["admin"]}
    for path in ("/register", "/login", "/session"):
        answer = await http.post(path, json=wish, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/roles"]


async def test_service_may_not_call_what_only_another_may(stack: Stack) -> None:
    async with (
        open_channel(stack.layout.grpc_target("kitchen")) as kitchen,
        open_channel(stack.layout.grpc_target("order")) as order,
        open_channel(stack.layout.grpc_target("auth")) as auth,
    ):
        gateway = service_metadata("gateway", stack.secrets.credentials["gateway"])
        stolen_name = service_metadata("order", stack.secrets.credentials["gateway"])
        tickets: kitchen_pb2_grpc.KitchenServiceAsyncStub
        tickets = kitchen_pb2_grpc.KitchenServiceStub(kitchen)
        orders: order_pb2_grpc.OrderServiceAsyncStub = order_pb2_grpc.OrderServiceStub(order)
        accounts: auth_pb2_grpc.AuthServiceAsyncStub = auth_pb2_grpc.AuthServiceStub(auth)
        nothing = kitchen_pb2.PutTicketsRequest()
        assert await refusal(tickets.PutTickets(nothing, metadata=gateway)) == "NOT_ALLOWED"
        assert await refusal(tickets.PutTickets(nothing, metadata=stolen_name)) == "INVALID_TOKEN"
        changes = orders.PushChanges(iter(()), metadata=gateway)
        assert await refusal(changes.read()) == "NOT_ALLOWED"
        watch = accounts.WatchRevocations(auth_pb2.WatchRevocationsRequest())
        assert await refusal(watch.read()) == "INVALID_TOKEN"
        # A guest's token is no service's credential.
        as_guest = ((TOKEN_KEY, "Bearer some.guests.token"),)
        assert await refusal(tickets.PutTickets(nothing, metadata=as_guest)) == "INVALID_TOKEN"


async def refusal(call: object) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call  # type: ignore[misc]
    return read_refusal(refused.value).reason


async def test_no_log_tells_a_secret(stack: Stack, http: httpx.AsyncClient, guest: Guest) -> None:
    tokens = await sign_in(http, guest)
    await http.post("/login", json=guest.account | {"password": "my other password"})
    for name in ("gateway", "auth", "order", "kitchen"):
        log = stack.log_file(name).read_text(encoding="utf-8")
        for secret in (
            guest.account["password"],
            "my other password",
            tokens["access_token"],
            tokens["refresh_token"].partition(".")[2],
            *stack.secrets.credentials.values(),
        ):
            assert secret not in log, name
            assert json.dumps(secret) not in log
