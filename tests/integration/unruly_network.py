"""A network between order and kitchen that delivers when, how often and in which order a test says.

The senders on it are the services' own: the order service's dispatcher and the kitchen's change
stream, whose calls end here. Each moves only while it is waited for, so a run repeats itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from redis.asyncio import Redis

from kitchen import keys as kitchen_keys
from kitchen.domain import Change
from kitchen.patience import Failures, Patience
from kitchen.redis_store import RedisFeeds
from kitchen.service import KitchenService
from kitchen.servicer import KitchenServicer
from kitchen.stream import ChangeStream, Courier
from order.dispatcher import Dispatcher, Entry
from order.kitchen_client import Kitchen
from order.ports import OrderStore
from order.service import OrderService
from order.servicer import OrderServicer
from shared_proto.restaurant.kitchen.v1 import kitchen_pb2
from shared_proto.restaurant.order.v1 import order_pb2

Letter = Callable[[], Awaitable[None]]
"""A message on its way; called when it arrives, which may put an answer on its way."""


# Neither servicer looks at it in these calls.
NO_CONTEXT: Any = None


class Network:
    """What is on its way, in the order it was sent."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def post(self, letter: Letter) -> None:
        self.letters.append(letter)

    async def deliver(self, index: int, *, again: bool = False) -> None:
        """Lets a message arrive; with ``again`` it will arrive once more."""
        letter = self.letters[index] if again else self.letters.pop(index)
        await letter()

    def lose_all(self) -> None:
        """Forgets what is on its way; nobody is told."""
        self.letters.clear()


class Sender:
    """A task of a service that stands still wherever it waits for the network."""

    def __init__(self) -> None:
        self._standing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begins; returns when it stands still for the first time, or is done."""
        self._task = asyncio.create_task(work)
        self._task.add_done_callback(lambda _: self._standing.set())
        await self._until_standing()

    @property
    def is_over(self) -> bool:
        return self._task is None or self._task.done()

    async def kill(self) -> None:
        """Ends it where it stands."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _stand(self) -> None:
        self._standing.set()

    async def _go_on(self, with_what: Callable[[], None]) -> None:
        if self.is_over:
            return
        self._standing.clear()
        with_what()
        await self._until_standing()

    async def _until_standing(self) -> None:
        await self._standing.wait()
        # What its other tasks were handed on the way they put on the network in the next turns.
        for _ in range(5):
            await asyncio.sleep(0)
        if self._task is not None and self._task.done():
            self._task.result()


class Delivery(Sender):
    """A dispatcher of the order service that brings the kitchen some entries of the outboxes."""

    def __init__(
        self,
        network: Network,
        redis: Redis,
        store: OrderStore,
        orders: OrderService,
        kitchen: KitchenServicer,
    ) -> None:
        super().__init__()
        self._network = network
        self._kitchen = kitchen
        # It calls the kitchen over this object as if it were a gRPC channel.
        client: Any = self
        self._dispatcher = Dispatcher(
            redis,
            store,
            send=Kitchen(client, "").put_tickets,
            queue=orders.queue_orders,
            reject=orders.reject_order,
        )

    async def begin(self, entries: Sequence[Entry]) -> None:
        await self.start(self._dispatcher._deliver(entries))

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes],
        response_deserializer: Callable[[bytes], Any],
        **_: Any,
    ) -> Callable[..., Awaitable[Any]]:
        async def call(request: Any, **_: Any) -> Any:
            assert method.endswith("/PutTickets"), method
            answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            self._network.post(partial(self._arrive, request_serializer(request), answer))
            self._stand()
            return response_deserializer(await answer)

        return call

    def unary_stream(self, *_: Any, **__: Any) -> None:
        """Part of what a stub asks of a channel; the order service calls none of these."""

    async def _arrive(self, payload: bytes, answer: asyncio.Future[bytes]) -> None:
        request = kitchen_pb2.PutTicketsRequest.FromString(payload)
        response = await self._kitchen.PutTickets(request, NO_CONTEXT)
        assert all(r.outcome != kitchen_pb2.PUT_OUTCOME_FAILED for r in response.results), response
        self._network.post(partial(self._answer, response.SerializeToString(), answer))

    async def _answer(self, payload: bytes, answer: asyncio.Future[bytes]) -> None:
        if not answer.done():
            await self._go_on(lambda: answer.set_result(payload))


class Connection(Sender):
    """One connection of the kitchen's pump: the call it writes to and reads from.

    A sender that was paused is one that is not looked after; others may be connected meanwhile.
    """

    def __init__(
        self, network: Network, redis: Redis, service: KitchenService, order: OrderServicer
    ) -> None:
        super().__init__()
        self._network = network
        self._redis = redis
        self._feeds = RedisFeeds(redis)
        self._service = service
        self._order = order
        self._looks: asyncio.Queue[None] = asyncio.Queue()
        self._verdicts: asyncio.Queue[order_pb2.PushChangesResponse] = asyncio.Queue()

    async def open(self, kitchen: str) -> None:
        """Connects, and sends the changes that have no verdict yet."""
        # It is all the stream knows of the world: its call, its feed of changes, its clockwork.
        world: Any = self
        courier = Courier(
            kitchen=kitchen,
            service=self._service,
            store=world,
            changes=self,
            failures=Failures(),
            patience=Patience(),
            ticked=asyncio.Event(),
        )
        await self.start(ChangeStream(courier, world).run())
        await self.look()

    async def look(self) -> None:
        """Lets it read the changes that are new to it, and send those that may be sent."""
        await self._go_on(lambda: self._looks.put_nowait(None))

    async def changes_after(
        self, kitchen: str, change_id: str, limit: int
    ) -> tuple[Sequence[Change], str]:
        self._stand()
        await self._looks.get()
        if not await self._redis.xrange(kitchen_keys.changes(kitchen), f"({change_id}", count=1):
            # The feed itself would wait for one.
            return (), change_id
        return await self._feeds.changes_after(kitchen, change_id, limit)

    async def last_tick(self, _: str) -> None:
        """When the ten-second job ran is told beside the changes; nobody here asks."""
        await asyncio.Event().wait()

    async def write(self, request: order_pb2.PushChangesRequest) -> None:
        self._network.post(partial(self._arrive, request.SerializeToString()))

    async def read(self) -> order_pb2.PushChangesResponse:
        self._stand()
        return await self._verdicts.get()

    async def _arrive(self, payload: bytes) -> None:
        async def requests() -> AsyncIterator[order_pb2.PushChangesRequest]:
            yield order_pb2.PushChangesRequest.FromString(payload)

        async for response in self._order.PushChanges(requests(), NO_CONTEXT):
            kinds = {verdict.kind for verdict in response.verdicts}
            assert order_pb2.VERDICT_KIND_FAILED not in kinds, response
            self._network.post(partial(self._answer, response.SerializeToString()))

    async def _answer(self, payload: bytes) -> None:
        response = order_pb2.PushChangesResponse.FromString(payload)
        await self._go_on(lambda: self._verdicts.put_nowait(response))
