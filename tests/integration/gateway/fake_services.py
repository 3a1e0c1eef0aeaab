"""The services the gateway calls, as honest stand-ins: they keep state, and tests can make things
happen in them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.timestamp_pb2 import Timestamp

from infra.errors import Answer, Answers, RefusedError, Violation, abort
from infra.identity import (
    ALGORITHM,
    AUDIENCE,
    CLIENT_KEY,
    ISSUER,
    TOKEN_TYPE,
    current_caller,
)
from order.wire import render_lifecycle
from shared_proto.restaurant.auth.v1 import auth_pb2, auth_pb2_grpc
from shared_proto.restaurant.kitchen.v1 import kitchen_pb2, kitchen_pb2_grpc
from shared_proto.restaurant.order.v1 import order_pb2, order_pb2_grpc
from shared_proto.roles import is_staff
from shared_proto.sharding import SHARDS, shard_of

Context = grpc.aio.ServicerContext[Any, Any]

SOME_TIME = Timestamp(seconds=1_795_000_000, nanos=123_000_000)
EVENTS_PAGE = 5
FINAL = (
    order_pb2.ORDER_STATUS_COMPLETED,
    order_pb2.ORDER_STATUS_CANCELLED,
    order_pb2.ORDER_STATUS_REJECTED,
)


class OrderNotFoundError(RefusedError):
    """There is no such order for this caller."""


class ChangedError(RefusedError):
    """What the caller replaces is at another version by now."""


class KitchenNotFoundError(RefusedError):
    """There is no such kitchen."""


class ToldError(RefusedError):
    """A refusal that a test made up."""

    def __init__(
        self, code: grpc.StatusCode, reason: str, *violations: Violation, **facts: Any
    ) -> None:
        super().__init__("no, and here is why", **facts)
        self.answer = Answer(code, reason)
        self.violations = violations


async def refuse_as_told(told: Exception | None, context: Context) -> None:
    """Ends the call if a test told so."""
    if isinstance(told, ToldError):
        await abort(context, told.answer, told)
    if told is not None:
        raise told


ANSWERS: Answers = {
    OrderNotFoundError: Answer(grpc.StatusCode.NOT_FOUND, "ORDER_NOT_FOUND"),
    KitchenNotFoundError: Answer(grpc.StatusCode.NOT_FOUND, "KITCHEN_NOT_FOUND"),
    ChangedError: Answer(grpc.StatusCode.ABORTED, "VERSION_MISMATCH"),
}


class FakeAuth(auth_pb2_grpc.AuthServiceServicer):
    """Signs tokens with a key of its own, and knows one account."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.logged_out: list[str] = []
        self.addresses: list[str] = []
        """Where each login came from, as the gateway told."""
        self.refuse_with: Exception | None = None
        """What every call about sessions fails with."""
        self._revoked: list[auth_pb2.Revocation] = []
        self._watchers: list[asyncio.Queue[Sequence[auth_pb2.Revocation]]] = []

    def revoke(self, *, session: str = "", user_id: str = "") -> None:
        """Says that the tokens of a session, or those of a user so far, count no longer."""
        now_ms = time.time_ns() // 1_000_000
        revocation = auth_pb2.Revocation(
            session_id=session,
            user_id=user_id,
            revoked_at_ms=now_ms,
            expires_at_ms=now_ms + 900_000,
        )
        self._revoked.append(revocation)
        for watcher in self._watchers:
            watcher.put_nowait([revocation])

    async def WatchRevocations(
        self, request: auth_pb2.WatchRevocationsRequest, context: Context
    ) -> AsyncIterator[auth_pb2.WatchRevocationsResponse]:
        watcher: asyncio.Queue[Sequence[auth_pb2.Revocation]] = asyncio.Queue()
        watcher.put_nowait(self._revoked)
        self._watchers.append(watcher)
        while True:
            yield auth_pb2.WatchRevocationsResponse(revocations=await watcher.get())

    def token(
        self, user_id: str, *roles: str, expires_at: float, session: str = "some-session"
    ) -> str:
        """An access token as auth signs them."""
        issued_at = expires_at - 900
        claims = {
            "sub": user_id,
            "preferred_username": user_id,
            "roles": list(roles),
            "exp": expires_at,
            "iat": issued_at,
            "nbf": issued_at,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "jti": "1",
            "sid": session,
        }
        headers = {"kid": "test", "typ": TOKEN_TYPE}
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers=headers)

    async def GetPublicKeys(
        self, request: auth_pb2.GetPublicKeysRequest, context: Context
    ) -> auth_pb2.GetPublicKeysResponse:
        key = jwt.algorithms.OKPAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        jwks = {"keys": [{**key, "kid": "test", "alg": ALGORITHM, "use": "sig"}]}
        return auth_pb2.GetPublicKeysResponse(jwks_json=json.dumps(jwks))

    async def Register(
        self, request: auth_pb2.RegisterRequest, context: Context
    ) -> auth_pb2.RegisterResponse:
        account = auth_pb2.Account(user_id="new-id", login=request.login, roles=["customer"])
        return auth_pb2.RegisterResponse(account=account)

    async def Login(
        self, request: auth_pb2.LoginRequest, context: Context
    ) -> auth_pb2.LoginResponse:
        await refuse_as_told(self.refuse_with, context)
        self.addresses.append(str(dict(context.invocation_metadata() or ())[CLIENT_KEY]))
        return auth_pb2.LoginResponse(tokens=self._tokens(request.login))

    async def RefreshToken(
        self, request: auth_pb2.RefreshTokenRequest, context: Context
    ) -> auth_pb2.RefreshTokenResponse:
        await refuse_as_told(self.refuse_with, context)
        user = request.refresh_token.removeprefix("refresh-")
        return auth_pb2.RefreshTokenResponse(tokens=self._tokens(user))

    async def Logout(
        self, request: auth_pb2.LogoutRequest, context: Context
    ) -> auth_pb2.LogoutResponse:
        await refuse_as_told(self.refuse_with, context)
        others = " and all others" if request.all else ""
        self.logged_out.append(request.refresh_token + others)
        return auth_pb2.LogoutResponse()

    async def VerifyToken(
        self, request: auth_pb2.VerifyTokenRequest, context: Context
    ) -> auth_pb2.VerifyTokenResponse:
        raise NotImplementedError

    def _tokens(self, user_id: str) -> auth_pb2.TokenPair:
        return auth_pb2.TokenPair(
            access_token=self.token(user_id, "customer", expires_at=time.time() + 900),
            token_type="Bearer",
            expires_in=900,
            refresh_token=f"refresh-{user_id}",
        )


@dataclass
class Watcher:
    """One open Watch stream."""

    users: set[str]
    telling: asyncio.Queue[order_pb2.WatchResponse | None] = field(default_factory=asyncio.Queue)


class FakeOrders(order_pb2_grpc.OrderServiceServicer):
    """Orders with users' event streams, the feed, and Watch as the contract has it.

    ``refuse_with`` makes every call for users fail.
    """

    def __init__(self) -> None:
        self.refuse_with: Exception | None = None
        self.asked: list[Any] = []
        """Every request for users, in order."""
        self.openings: asyncio.Queue[order_pb2.WatchRequest] = asyncio.Queue()
        """The first message of each Watch stream."""
        self.followed: asyncio.Queue[str] = asyncio.Queue()
        self.unfollowed: asyncio.Queue[str] = asyncio.Queue()
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.reads: asyncio.Queue[order_pb2.ReadEventsRequest] = asyncio.Queue()
        """Every ReadEvents; it is answered while ``may_read`` is set, as things are then."""
        self.trimmed: set[str] = set()
        """Shards of the feed, and users, whose cursors are of no use any more."""
        self.watchers: list[Watcher] = []
        self._orders: dict[str, order_pb2.Order] = {}
        self._events: list[order_pb2.OrderEvent] = []
        self._lost_before = 0
        self.menu = order_pb2.Menu(version=3, currency="EUR")
        self.house = order_pb2.House(time_zone="UTC", serving=True)

    # What tests make happen.

    def place(self, user_id: str, name: str, currency: str = "EUR") -> str:
        """A new order; its id."""
        order_id = f"{name}{shard_of(user_id)}"
        self._orders[order_id] = order_pb2.Order(
            id=order_id,
            user_id=user_id,
            kitchen="main",
            version=0,
            currency=currency,
            total=1980,
            placed_at=SOME_TIME,
            updated_at=SOME_TIME,
            items=[order_pb2.OrderLine(sku="bowl", name="Bowl", quantity=2, unit_price=990)],
        )
        self.move(order_id, order_pb2.ORDER_STATUS_PLACED)
        return order_id

    def move(self, order_id: str, *statuses: order_pb2.OrderStatus.ValueType) -> list[str]:
        """Moves an order through ``statuses``, told in one message; the ids of the events."""
        order = self._orders[order_id]
        events = []
        for status in statuses:
            previous, order.status = order.status, status
            order.version += 1
            events.append(
                order_pb2.OrderEvent(
                    id=f"{1_795_000_000_000 + len(self._events) // 2}-{len(self._events) % 2}",
                    user_id=order.user_id,
                    order_id=order_id,
                    status=status,
                    previous=previous,
                    version=order.version,
                    cause=order_pb2.CAUSE_SYSTEM,
                    at=SOME_TIME,
                )
            )
            self._events.append(events[-1])
        shard = shard_of(order.user_id)
        for watcher in self.watchers:
            if order.user_id in watcher.users:
                watcher.telling.put_nowait(
                    order_pb2.WatchResponse(events=events, cursors={shard: events[-1].id})
                )
        return [event.id for event in events]

    def forget_finished(self, order_id: str) -> None:
        """As if the order had been finished so long ago that no snapshot has it."""
        self._orders[order_id].reason = "long ago"

    def trim_events(self) -> None:
        """Every id of an event so far is of no use any more."""
        self._lost_before = len(self._events)

    def break_watches(self) -> None:
        """Ends every Watch stream."""
        for watcher in self.watchers:
            watcher.telling.put_nowait(None)
        self.watchers.clear()

    def say_hello(self) -> None:
        """Tells every watcher how fresh all is."""
        for watcher in self.watchers:
            watcher.telling.put_nowait(
                order_pb2.WatchResponse(as_of=SOME_TIME, kitchen_tick_at={"main": SOME_TIME})
            )

    # What the gateway asks in its own name.

    async def Watch(
        self, request_iterator: AsyncIterator[order_pb2.WatchRequest], context: Context
    ) -> AsyncIterator[order_pb2.WatchResponse]:
        first = await anext(request_iterator)
        await self.openings.put(first)
        watcher = Watcher(set(first.add_user_ids))
        for past in self._replay(first):
            watcher.telling.put_nowait(past)
        self.watchers.append(watcher)
        listening = asyncio.create_task(self._listen(watcher, request_iterator))
        try:
            while (response := await watcher.telling.get()) is not None:
                yield response
        finally:
            listening.cancel()
            if watcher in self.watchers:
                self.watchers.remove(watcher)

    def _replay(self, first: order_pb2.WatchRequest) -> Iterable[order_pb2.WatchResponse]:
        reset = []
        for shard in {shard_of(user) for user in first.add_user_ids} & first.cursors.keys():
            if shard in self.trimmed:
                reset.append(shard)
                continue
            missed = [
                event
                for event in self._events
                if event.user_id in first.add_user_ids
                and shard_of(event.user_id) == shard
                and _key(event.id) > _key(first.cursors[shard])
            ]
            yield order_pb2.WatchResponse(events=missed, cursors=dict(first.cursors))
        last = self._events[-1].id if self._events else "0-0"
        yield order_pb2.WatchResponse(
            added_user_ids=first.add_user_ids,
            cursors=dict.fromkeys(SHARDS, last),
            reset_shards=reset,
        )

    async def _listen(
        self, watcher: Watcher, requests: AsyncIterator[order_pb2.WatchRequest]
    ) -> None:
        async for request in requests:
            watcher.users -= set(request.remove_user_ids)
            for user_id in request.remove_user_ids:
                self.unfollowed.put_nowait(user_id)
            if request.add_user_ids:
                watcher.users |= set(request.add_user_ids)
                watcher.telling.put_nowait(
                    order_pb2.WatchResponse(added_user_ids=request.add_user_ids)
                )
            for user_id in request.add_user_ids:
                self.followed.put_nowait(user_id)

    async def ReadEvents(
        self, request: order_pb2.ReadEventsRequest, context: Context
    ) -> order_pb2.ReadEventsResponse:
        await self.reads.put(request)
        await self.may_read.wait()
        usable = [event.id for event in self._events[self._lost_before :]]
        if not self._lost_before:
            usable.append("0-0")
        own = [event for event in self._events if event.user_id == request.user_id]
        after = request.after_event_id
        if after not in usable:
            return order_pb2.ReadEventsResponse(
                snapshot=order_pb2.Snapshot(
                    event_id=own[-1].id if own else "0-0",
                    orders=[
                        order
                        for order in self._orders.values()
                        if order.user_id == request.user_id and order.reason != "long ago"
                    ],
                )
            )
        missed = [event for event in own if _key(event.id) > _key(after)]
        return order_pb2.ReadEventsResponse(
            events=missed[:EVENTS_PAGE], more=len(missed) > EVENTS_PAGE
        )

    async def PushChanges(
        self, request_iterator: AsyncIterator[order_pb2.PushChangesRequest], context: Context
    ) -> AsyncIterator[order_pb2.PushChangesResponse]:
        raise NotImplementedError
        yield

    # What it asks for users.

    async def _admit(self, request: Any, context: Context) -> None:
        self.asked.append(request)
        await refuse_as_told(self.refuse_with, context)

    def _own(self, order_id: str) -> order_pb2.Order:
        order = self._orders.get(order_id)
        caller = current_caller()
        if order is None or not (order.user_id == caller.user_id or is_staff(caller.roles)):
            raise OrderNotFoundError("there is no such order", order_id=order_id)
        return order

    async def PlaceOrder(
        self, request: order_pb2.PlaceOrderRequest, context: Context
    ) -> order_pb2.PlaceOrderResponse:
        await self._admit(request, context)
        order_id = self.place(current_caller().user_id, f"placed{len(self._orders)}")
        return order_pb2.PlaceOrderResponse(order=self._orders[order_id])

    async def GetOrder(
        self, request: order_pb2.GetOrderRequest, context: Context
    ) -> order_pb2.GetOrderResponse:
        await self._admit(request, context)
        order = self._own(request.id)
        is_known = order.version == request.known_version
        return order_pb2.GetOrderResponse(order=None if is_known else order)

    async def ListOrders(
        self, request: order_pb2.ListOrdersRequest, context: Context
    ) -> order_pb2.ListOrdersResponse:
        await self._admit(request, context)
        own = [o for o in self._orders.values() if o.user_id == current_caller().user_id]
        return order_pb2.ListOrdersResponse(orders=own, next_cursor=request.cursor)

    async def UpdateOrder(
        self, request: order_pb2.UpdateOrderRequest, context: Context
    ) -> order_pb2.UpdateOrderResponse:
        await self._admit(request, context)
        order = self._own(request.id)
        await self._check_version(request, order, context)
        self.move(order.id, order.status)
        return order_pb2.UpdateOrderResponse(order=order)

    async def CancelOrder(
        self, request: order_pb2.CancelOrderRequest, context: Context
    ) -> order_pb2.CancelOrderResponse:
        await self._admit(request, context)
        order = self._own(request.id)
        await self._check_version(request, order, context)
        self.move(order.id, order_pb2.ORDER_STATUS_CANCELLED)
        return order_pb2.CancelOrderResponse(order=order)

    async def _check_version(
        self,
        request: order_pb2.UpdateOrderRequest | order_pb2.CancelOrderRequest,
        order: order_pb2.Order,
        context: Context,
    ) -> None:
        if request.HasField("if_version") and request.if_version != order.version:
            mismatch = ToldError(grpc.StatusCode.ABORTED, "VERSION_MISMATCH", version=order.version)
            await refuse_as_told(mismatch, context)

    async def GetHouse(
        self, request: order_pb2.GetHouseRequest, context: Context
    ) -> order_pb2.GetHouseResponse:
        return order_pb2.GetHouseResponse(house=self.house)

    async def SetHours(
        self, request: order_pb2.SetHoursRequest, context: Context
    ) -> order_pb2.SetHoursResponse:
        await self._admit(request, context)
        self._change_house(request)
        del self.house.hours[:]
        self.house.hours.extend(request.hours)
        self.house.time_zone = request.time_zone
        return order_pb2.SetHoursResponse(house=self.house)

    async def SetPause(
        self, request: order_pb2.SetPauseRequest, context: Context
    ) -> order_pb2.SetPauseResponse:
        await self._admit(request, context)
        self._change_house(request)
        self.house.paused, self.house.reason = request.paused, request.reason
        self.house.ClearField("until")
        if request.HasField("until"):
            self.house.until.CopyFrom(request.until)
        return order_pb2.SetPauseResponse(house=self.house)

    async def GetLifecycle(
        self, request: order_pb2.GetLifecycleRequest, context: Context
    ) -> order_pb2.GetLifecycleResponse:
        return render_lifecycle()

    async def GetMenu(
        self, request: order_pb2.GetMenuRequest, context: Context
    ) -> order_pb2.GetMenuResponse:
        await self._admit(request, context)
        return order_pb2.GetMenuResponse(menu=self.menu)

    async def ImportMenu(
        self, request: order_pb2.ImportMenuRequest, context: Context
    ) -> order_pb2.ImportMenuResponse:
        await self._admit(request, context)
        _require_version(request, self.menu.version)
        self.menu = order_pb2.Menu(
            version=self.menu.version + 1, currency=request.currency, items=request.items
        )
        return order_pb2.ImportMenuResponse(menu=self.menu)

    async def SetAvailability(
        self, request: order_pb2.SetAvailabilityRequest, context: Context
    ) -> order_pb2.SetAvailabilityResponse:
        await self._admit(request, context)
        _require_version(request, self.menu.version)
        self.menu.version += 1
        item = order_pb2.MenuItem(sku=request.sku, available=request.available)
        return order_pb2.SetAvailabilityResponse(item=item, menu_version=self.menu.version)

    def _change_house(self, request: Any) -> None:
        _require_version(request, self.house.version)
        self.house.version += 1


def _require_version(request: Any, version: int) -> None:
    if request.HasField("if_version") and request.if_version != version:
        raise ChangedError(f"it is at version {version} now", version=version)


def _key(event_id: str) -> tuple[int, int]:
    ms, _, count = event_id.partition("-")
    return int(ms), int(count)


class FakeKitchen(kitchen_pb2_grpc.KitchenServiceServicer):
    """A board for the kitchens it knows."""

    def __init__(self, *kitchens: str) -> None:
        self.refuse_with: Exception | None = None
        self.asked: list[Any] = []
        self.tickets: dict[str, dict[str, kitchen_pb2.Ticket]] = {k: {} for k in kitchens}
        self._watchers: dict[str, list[asyncio.Queue[kitchen_pb2.WatchTicketsResponse | None]]] = {
            k: [] for k in kitchens
        }
        self._count = 0
        self.is_frozen = False
        """Whether it opens streams and then says nothing."""

    def put(
        self,
        order_id: str,
        status: order_pb2.OrderStatus.ValueType,
        *,
        number: int,
        kitchen: str = "main",
        flag: str = "",
        tell: bool = True,
        cause: order_pb2.Cause.ValueType = order_pb2.CAUSE_TIMER,
    ) -> None:
        """A ticket in a new state; ``tell`` the watchers about it."""
        event = self._put(order_id, status, number, kitchen, flag, cause)
        if tell:
            self._tell(kitchen, kitchen_pb2.WatchTicketsResponse(events=[event]))

    def put_together(
        self, tickets: Iterable[tuple[str, order_pb2.OrderStatus.ValueType, int]]
    ) -> None:
        """Tickets in new states, by order id and with their numbers, told in one message."""
        events = [self._put(*ticket, "main", "") for ticket in tickets]
        self._tell("main", kitchen_pb2.WatchTicketsResponse(events=events))

    def _put(
        self,
        order_id: str,
        status: order_pb2.OrderStatus.ValueType,
        number: int,
        kitchen: str,
        flag: str,
        cause: order_pb2.Cause.ValueType = order_pb2.CAUSE_TIMER,
    ) -> kitchen_pb2.TicketEvent:
        self._count += 1
        ticket = kitchen_pb2.Ticket(
            order_id=order_id,
            kitchen=kitchen,
            number=number,
            status=status,
            cause=cause,
            seq=self._count,
            note="no onion",
            flag=flag,
            items=[order_pb2.OrderLine(sku="bowl", name="Bowl", quantity=1, station="grill")],
            promised_at=Timestamp(seconds=1_795_000_000 + number),
            ready_at=Timestamp(seconds=1_795_000_000 + self._count),
        )
        if status in FINAL and not flag:
            self.tickets[kitchen].pop(order_id, None)
        else:
            self.tickets[kitchen][order_id] = ticket
        return kitchen_pb2.TicketEvent(id=f"{self._count}-0", ticket=ticket)

    def say_hello(self, kitchen: str = "main") -> None:
        """Tells a kitchen's watchers how fresh all is."""
        news = kitchen_pb2.WatchTicketsResponse(tick_at=SOME_TIME, as_of=SOME_TIME)
        self._tell(kitchen, news)

    def break_watches(self, kitchen: str = "main") -> None:
        """Ends every stream that follows a kitchen."""
        self._tell(kitchen, None)
        self._watchers[kitchen].clear()

    def _tell(self, kitchen: str, news: kitchen_pb2.WatchTicketsResponse | None) -> None:
        for watcher in self._watchers[kitchen]:
            watcher.put_nowait(news)

    async def WatchTickets(
        self, request: kitchen_pb2.WatchTicketsRequest, context: Context
    ) -> AsyncIterator[kitchen_pb2.WatchTicketsResponse]:
        if request.kitchen not in self.tickets:
            raise KitchenNotFoundError("there is no such kitchen", kitchen=request.kitchen)
        watcher: asyncio.Queue[kitchen_pb2.WatchTicketsResponse | None] = asyncio.Queue()
        self._watchers[request.kitchen].append(watcher)
        while self.is_frozen:
            await watcher.get()
        snapshot = kitchen_pb2.TicketSnapshot(
            event_id=f"{self._count}-0", tickets=self.tickets[request.kitchen].values()
        )
        yield kitchen_pb2.WatchTicketsResponse(snapshot=snapshot, as_of=SOME_TIME)
        while (news := await watcher.get()) is not None:
            yield news

    async def _ticket(self, request: Any, context: Context) -> kitchen_pb2.Ticket:
        self.asked.append(request)
        await refuse_as_told(self.refuse_with, context)
        return kitchen_pb2.Ticket(order_id=request.order_id, kitchen=request.kitchen, number=7)

    async def ListTickets(
        self, request: kitchen_pb2.ListTicketsRequest, context: Context
    ) -> kitchen_pb2.ListTicketsResponse:
        self.asked.append(request)
        return kitchen_pb2.ListTicketsResponse(tickets=self.tickets[request.kitchen].values())

    async def StartTicket(
        self, request: kitchen_pb2.StartTicketRequest, context: Context
    ) -> kitchen_pb2.StartTicketResponse:
        return kitchen_pb2.StartTicketResponse(ticket=await self._ticket(request, context))

    async def FinishTicket(
        self, request: kitchen_pb2.FinishTicketRequest, context: Context
    ) -> kitchen_pb2.FinishTicketResponse:
        return kitchen_pb2.FinishTicketResponse(ticket=await self._ticket(request, context))

    async def RecallTicket(
        self, request: kitchen_pb2.RecallTicketRequest, context: Context
    ) -> kitchen_pb2.RecallTicketResponse:
        return kitchen_pb2.RecallTicketResponse(ticket=await self._ticket(request, context))

    async def CompleteTicket(
        self, request: kitchen_pb2.CompleteTicketRequest, context: Context
    ) -> kitchen_pb2.CompleteTicketResponse:
        return kitchen_pb2.CompleteTicketResponse(ticket=await self._ticket(request, context))

    async def AcknowledgeTicket(
        self, request: kitchen_pb2.AcknowledgeTicketRequest, context: Context
    ) -> kitchen_pb2.AcknowledgeTicketResponse:
        return kitchen_pb2.AcknowledgeTicketResponse(ticket=await self._ticket(request, context))

    async def PutTickets(
        self, request: kitchen_pb2.PutTicketsRequest, context: Context
    ) -> kitchen_pb2.PutTicketsResponse:
        raise NotImplementedError
