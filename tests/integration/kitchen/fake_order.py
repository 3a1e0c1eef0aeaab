"""The order service's end of the stream, which judges as a test tells it to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc

from shared_proto.restaurant.order.v1 import order_pb2 as pb
from shared_proto.restaurant.order.v1 import order_pb2_grpc

Judge = Callable[[pb.TicketChange], pb.Verdict | None]


def verdict(change: pb.TicketChange, kind: pb.VerdictKind.ValueType, **fields: Any) -> pb.Verdict:
    return pb.Verdict(change_id=change.change_id, order_id=change.order_id, kind=kind, **fields)


def apply(change: pb.TicketChange) -> pb.Verdict:
    return verdict(change, pb.VERDICT_KIND_APPLIED)


def keep_silent(_: pb.TicketChange) -> None:
    return None


class FakeOrder(order_pb2_grpc.OrderServiceServicer):
    """Remembers what it was sent. ``judge`` says the verdict on a change; None gives none."""

    def __init__(self) -> None:
        self.judge: Judge = apply
        self.received: list[pb.TicketChange] = []
        self.ticks_ms: list[int] = []
        self.metadata: list[dict[str, Any]] = []
        self.streams = 0
        self._happened = asyncio.Condition()
        self._hang_up = asyncio.Event()
        self._unanswered: list[pb.TicketChange] = []
        self._answers: list[asyncio.Queue[list[pb.Verdict]]] = []

    async def PushChanges(
        self, request_iterator: AsyncIterator[pb.PushChangesRequest], context: Any
    ) -> AsyncIterator[pb.PushChangesResponse]:
        self.metadata.append(dict(context.invocation_metadata()))
        self.streams += 1
        self._hang_up.clear()
        answers: asyncio.Queue[list[pb.Verdict]] = asyncio.Queue()
        self._answers.append(answers)
        reading = asyncio.create_task(self._read(request_iterator, answers))
        hanging_up = asyncio.create_task(self._hang_up.wait())
        try:
            while True:
                answering = asyncio.create_task(answers.get())
                done, _ = await asyncio.wait(
                    {answering, reading, hanging_up}, return_when=asyncio.FIRST_COMPLETED
                )
                if answering in done:
                    yield pb.PushChangesResponse(verdicts=answering.result())
                    continue
                answering.cancel()
                if hanging_up in done:
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "going down")
                return
        finally:
            reading.cancel()
            hanging_up.cancel()
            self.streams -= 1
            self._answers.remove(answers)
            await self._notify()

    async def _read(
        self,
        requests: AsyncIterator[pb.PushChangesRequest],
        answers: asyncio.Queue[list[pb.Verdict]],
    ) -> None:
        async for request in requests:
            if request.HasField("tick_at"):
                self.ticks_ms.append(request.tick_at.ToMilliseconds())
            verdicts = []
            for change in request.changes:
                self.received.append(change)
                if (said := self.judge(change)) is None:
                    self._unanswered.append(change)
                else:
                    verdicts.append(said)
            if verdicts:
                answers.put_nowait(verdicts)
            await self._notify()

    async def _notify(self) -> None:
        async with self._happened:
            self._happened.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until something that was sent makes the condition true."""
        async with asyncio.timeout(20), self._happened:
            await self._happened.wait_for(condition)

    async def until_received(self, count: int) -> None:
        await self.until(lambda: len(self.received) >= count)

    def hang_up(self) -> None:
        """Breaks the open stream, as a service does that goes down."""
        self._unanswered.clear()
        self._hang_up.set()

    def answer_all(self) -> None:
        """Applies what was left unanswered."""
        self._answers[-1].put_nowait([apply(change) for change in self._unanswered])
        self._unanswered.clear()


@asynccontextmanager
async def serving(order: FakeOrder, port: int) -> AsyncIterator[None]:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    order_pb2_grpc.add_OrderServiceServicer_to_server(order, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield
    finally:
        await server.stop(0)
