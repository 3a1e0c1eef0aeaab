"""One connection of the pump: changes up, verdicts down."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import grpc
from redis.exceptions import ResponseError

from infra import tracing
from infra.clock import to_proto
from infra.logs import get_logger
from infra.loops import CrowdPace
from kitchen.domain import Change, Verdict, VerdictKind
from kitchen.lanes import Lanes
from kitchen.messages import read_verdict, write_change
from kitchen.metrics import VERDICTS
from kitchen.patience import Failures, Patience
from kitchen.ports import ChangeFeed, TicketStore
from kitchen.service import KitchenService
from shared_proto.restaurant.order.v1 import order_pb2

log = get_logger()

WINDOW = 256
"""Changes without a verdict at most."""
HELD = 4096
"""Changes in memory at most, those that wait for others of their ticket included."""
TELL_SECONDS = 5
GATHER_SECONDS = 0.025
"""A message costs much the same with one change or with many."""
CROWD = 1_000.0
"""Changes a second that are worth such a wait."""

Call = grpc.aio.StreamStreamCall[order_pb2.PushChangesRequest, order_pb2.PushChangesResponse]


class StreamEndedError(Exception):
    """The order service ended the stream. Expected when it restarts."""


@dataclass(frozen=True)
class Courier:
    """Who carries one kitchen's changes: what every connection of a pump works with."""

    kitchen: str
    service: KitchenService
    store: TicketStore
    changes: ChangeFeed
    failures: Failures
    patience: Patience
    ticked: asyncio.Event


class ChangeStream:
    """Sends the changes that have no verdict yet, from the oldest on, until the call breaks.

    One task writes, one reads. A change leaves only when the one before it of the same ticket has
    been judged, and never more than ``WINDOW`` are without a verdict.
    """

    def __init__(self, courier: Courier, call: Call) -> None:
        self._courier = courier
        self._kitchen = courier.kitchen
        self._service = courier.service
        self._call = call
        self._lanes = Lanes(WINDOW, HELD)
        self._room = asyncio.Event()
        self._pace = CrowdPace(GATHER_SECONDS, CROWD)
        # Bounded by the window; the reader must never wait for the writer, or both sides could
        # stand with full buffers.
        self._outbox: asyncio.Queue[Sequence[Change]] = asyncio.Queue()
        self._tick_at: datetime | None = None
        # Of changes that were sent and have no verdict, by their ids.
        self._pushes: dict[str, tracing.Span] = {}
        self._tasks = asyncio.TaskGroup()
        self.heard = False
        """Whether the order service has answered anything on this connection."""

    async def run(self) -> None:
        """Raises, in a group, what ended the connection."""
        try:
            async with self._tasks as tasks:
                tasks.create_task(self._follow_changes())
                tasks.create_task(self._tell_ticks())
                tasks.create_task(self._write())
                tasks.create_task(self._read())
        finally:
            for span in self._pushes.values():
                span.fail("stream_ended")
                span.end()

    async def _follow_changes(self) -> None:
        last = "0-0"
        while True:
            await self._wait_for_room()
            await self._pace.keep()
            changes, last = await self._courier.changes.changes_after(
                self._kitchen, last, self._lanes.room
            )
            self._pace.count(len(changes), asyncio.get_running_loop().time())
            self._send([change for change in changes if self._lanes.add(change)])

    async def _wait_for_room(self) -> None:
        while not self._lanes.room:
            self._room.clear()
            await self._room.wait()

    async def _tell_ticks(self) -> None:
        while True:
            self._courier.ticked.clear()
            self._tick_at = await self._courier.store.last_tick(self._kitchen)
            self._outbox.put_nowait(())
            try:
                async with asyncio.timeout(TELL_SECONDS):
                    await self._courier.ticked.wait()
            except TimeoutError:
                continue

    def _send(self, changes: Sequence[Change]) -> None:
        if changes:
            self._outbox.put_nowait(changes)

    async def _write(self) -> None:
        while True:
            changes = await self._outbox.get()
            request = order_pb2.PushChangesRequest(
                kitchen=self._kitchen,
                changes=[write_change(self._begin_push(change)) for change in changes],
                tick_at=to_proto(self._tick_at),
            )
            try:
                await self._call.write(request)
            except asyncio.InvalidStateError as error:
                # How grpc.aio says that the call is over; the reader learns why.
                raise StreamEndedError("the stream ended while writing") from error
            for change in changes:
                log.debug(
                    "change_sent",
                    order_id=change.order_id,
                    kitchen=change.kitchen,
                    change_id=change.id,
                    seq=change.seq,
                    status=change.status,
                )

    def _begin_push(self, change: Change) -> Change:
        """The change as part of the span that ends with its verdict."""
        span = self._pushes[change.id] = tracing.begin(
            "push change",
            "producer",
            {
                "brigade.order.id": change.order_id,
                "brigade.order.status": change.status,
                "brigade.ticket.seq": change.seq,
                "messaging.operation.type": "send",
                "messaging.operation.name": "push",
                "messaging.message.id": change.id,
            },
            parent=change.traceparent,
        )
        return span.carry(change)

    def _end_push(self, verdict: Verdict) -> None:
        span = self._pushes.pop(verdict.change_id, tracing.NO_SPAN)
        span.note({"brigade.verdict": verdict.kind})
        span.end()

    async def _read(self) -> None:
        while True:
            response: Any = await self._call.read()
            if response is grpc.aio.EOF:
                raise StreamEndedError("the order service ended the stream")
            self.heard = True
            await self._act([read_verdict(verdict) for verdict in response.verdicts])
            self._room.set()

    async def _act(self, verdicts: Sequence[Verdict]) -> None:
        for verdict in verdicts:
            self._end_push(verdict)
        expected = [v for v in verdicts if self._lanes.first(v.order_id, v.change_id) is not None]
        settled = [verdict for verdict in expected if verdict.kind.settles]
        errors = await self._service.settle(self._kitchen, settled) if settled else {}
        following = [await self._follow(v, errors.get(v.change_id)) for v in expected]
        self._send([change for change in following if change is not None])

    async def _follow(self, verdict: Verdict, error: Exception | None) -> Change | None:
        """Acts on a verdict; returns the next change of its ticket, which may leave now."""
        VERDICTS.labels(kitchen=self._kitchen, kind=verdict.kind).inc()
        pending: frozenset[str] | None = None
        if error is None and verdict.kind is VerdictKind.FAILED:
            return await self._fail(verdict, verdict.detail)
        if error is None and not verdict.kind.settles:
            try:
                pending = await self._service.obey(self._kitchen, verdict)
            except ResponseError as refused:
                error = refused
        if error is not None:
            # One ticket Redis can't work on must not keep the others from theirs.
            return await self._fail(verdict, str(error))
        self._courier.failures.answered(verdict.order_id)
        return self._lanes.answered(verdict.order_id, keep=pending)

    async def _fail(self, verdict: Verdict, detail: str) -> Change | None:
        """Sends the change again later, or parks its ticket after too many failures."""
        failures = self._courier.failures.count(verdict.order_id)
        log.warning(
            "change_failed",
            order_id=verdict.order_id,
            kitchen=self._kitchen,
            change_id=verdict.change_id,
            failures=failures,
            detail=detail,
        )
        if failures >= self._courier.patience.failures and await self._park(verdict, detail):
            self._courier.failures.answered(verdict.order_id)
            return self._lanes.answered(verdict.order_id, keep=frozenset())
        self._lanes.wait(verdict.order_id)
        self._tasks.create_task(self._resend(verdict.order_id, failures))
        return None

    async def _park(self, verdict: Verdict, detail: str) -> bool:
        try:
            await self._service.park(self._kitchen, verdict, detail)
        except ResponseError as error:
            log.error(
                "ticket_not_parked",
                order_id=verdict.order_id,
                kitchen=self._kitchen,
                error=str(error),
            )
            return False
        return True

    async def _resend(self, order_id: str, failures: int) -> None:
        await asyncio.sleep(self._courier.patience.resend_after(failures))
        await self._wait_for_room()
        change = self._lanes.resend(order_id)
        if change is not None:
            self._send([change])
