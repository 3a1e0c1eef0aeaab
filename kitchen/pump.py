"""The pump: keeps a kitchen's changes going up to the order service.

Nothing is lost when it stops anywhere: a change stays in its stream until its verdict has been
acted on, and each connection begins with what is there.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
from redis.asyncio.lock import Lock
from redis.exceptions import LockError, RedisError

from infra.logs import get_logger
from infra.outage import Outage
from kitchen.patience import Failures, Patience
from kitchen.ports import ChangeFeed, TicketStore
from kitchen.service import KitchenService
from kitchen.stream import ChangeStream, Courier, StreamEndedError
from shared_proto.restaurant.order.v1 import order_pb2_grpc

log = get_logger()

LEASE_SECONDS = 6.0

Metadata = Callable[[], tuple[tuple[str, str], ...]]


class Pump:
    """Sends one kitchen's changes. Of several replicas the one that holds the lease does.

    The lease only spares the order service double work: safety rests on seq and revision.
    """

    def __init__(
        self,
        kitchen: str,
        *,
        service: KitchenService,
        store: TicketStore,
        changes: ChangeFeed,
        stub: "order_pb2_grpc.OrderServiceAsyncStub",
        metadata: Metadata,
        lease: Lock,
        patience: Patience | None = None,
    ) -> None:
        """``lease`` has a timeout and is not thread-local, because other tasks extend it."""
        self._ticked = asyncio.Event()
        self._courier = Courier(
            kitchen=kitchen,
            service=service,
            store=store,
            changes=changes,
            failures=Failures(),
            patience=patience or Patience(),
            ticked=self._ticked,
        )
        self._stub = stub
        self._metadata = metadata
        self._lease = lease
        self._attempts = 0
        self._outage = Outage()

    def tell_tick(self) -> None:
        """The ten-second job has run: the order service shall know at once."""
        self._ticked.set()

    async def run(self) -> None:
        """Sends changes for ever and tries again whatever breaks. Ends when it is cancelled."""
        while True:
            # In a task of its own: a TaskGroup (before Python 3.13) raises its tasks' errors in
            # place of a cancellation that comes at the same moment, and this would never end.
            attempt = asyncio.create_task(self._attempt())
            try:
                await asyncio.wait({attempt})
            finally:
                attempt.cancel()
                await asyncio.wait({attempt})
            await asyncio.sleep(self._courier.patience.reconnect_after(self._attempts))
            self._attempts += 1

    async def _attempt(self) -> None:
        try:
            async with self._leased():
                await self._connect()
        except* (grpc.aio.AioRpcError, StreamEndedError, RedisError, LockError) as lost:
            self._outage.tell("pump_lost", kitchen=self._courier.kitchen, error=_first(lost))
        except* Exception:
            log.exception("pump_failed", kitchen=self._courier.kitchen)

    @asynccontextmanager
    async def _leased(self) -> AsyncIterator[None]:
        await self._lease.acquire()
        try:
            yield
        finally:
            try:
                await self._lease.release()
            except (LockError, RedisError) as error:
                # It lapses by itself, in seconds.
                log.debug("lease_not_released", kitchen=self._courier.kitchen, error=str(error))

    async def _connect(self) -> None:
        call = self._stub.PushChanges(metadata=self._metadata())
        stream = ChangeStream(self._courier, call)
        try:
            await call.wait_for_connection()
            self._outage.come()
            log.info("pump_connected", kitchen=self._courier.kitchen)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._extend_lease())
                tasks.create_task(stream.run())
        finally:
            call.cancel()
            if stream.heard:
                self._attempts = 0
                self._outage.over()

    async def _extend_lease(self) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            await self._lease.reacquire()


def _first(group: BaseExceptionGroup[BaseException]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return str(error) or type(error).__name__
