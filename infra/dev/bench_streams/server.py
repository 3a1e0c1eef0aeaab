"""An order watched by many, told by the gateway's response or by the stock one.

``python -m infra.dev.bench_streams.server RESPONSE PORT``, RESPONSE being ``lean`` or ``stock``.
Both stand in the same place: behind the gateway's web server, middleware and routing. Each
``POST /emit`` makes the order's status change.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import partial
from typing import Any

from sse_starlette import EventSourceResponse
from sse_starlette.event import JSONServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import shapes
from gateway.events import StatusEvent
from gateway.inbox import Inbox
from gateway.long_answers import LongAnswersMiddleware
from gateway.sse import EventStreamResponse, encode
from gateway.streams import OpenStreams
from infra import logs, process
from infra.identity import Caller
from infra.web import EdgeMiddleware
from shared_proto.restaurant.order.v1.order_pb2 import (
    CAUSE_COOK,
    ORDER_STATUS_PREPARING,
    ORDER_STATUS_READY,
    OrderEvent,
)

HEARTBEAT_SECONDS = 15.0
PLENTY = 1_000_000


def an_event(version: int) -> OrderEvent:
    """A change of an order as cooks make them, now."""
    event = OrderEvent(
        id=f"{time.time_ns() // 1_000_000}-{version}",
        order_id="01M84H3W5V9ZK2Q7X4T6B8C1DE",
        user_id="01M84H0000000000000000000A",
        status=(ORDER_STATUS_PREPARING, ORDER_STATUS_READY)[version % 2],
        previous=(ORDER_STATUS_READY, ORDER_STATUS_PREPARING)[version % 2],
        version=version,
        number=17,
        cause=CAUSE_COOK,
    )
    event.at.GetCurrentTime()
    event.promised_at.GetCurrentTime()
    return event


class AllWatch:
    """Tells each reader of the same order."""

    is_ready = True
    is_away = False
    is_over = False

    def __init__(self) -> None:
        self.inboxes: set[Inbox[StatusEvent]] = set()

    def join(self, inbox: Inbox[StatusEvent]) -> None:
        self.inboxes.add(inbox)

    def leave(self, inbox: Inbox[StatusEvent]) -> None:
        self.inboxes.discard(inbox)

    async def catch_up(self) -> AsyncGenerator[bytes, None]:
        yield encode("snapshot", {"orders": []})

    def tell(self, item: StatusEvent) -> bytes:
        return item.chunk

    def heartbeat(self) -> bytes:
        return encode("heartbeat", {})


class Lean:
    """The gateway's own: its events, its streams, its heartbeats."""

    def __init__(self) -> None:
        self._source = AllWatch()
        self._streams = OpenStreams(
            queue=128, per_user=PLENTY, limit=PLENTY, nameless_limit=PLENTY, patience_seconds=60
        )

    async def stream(self, _: Request) -> Response:
        return EventStreamResponse(self._streams.open(self._source, Caller()))

    def emit(self, event: OrderEvent) -> None:
        told = StatusEvent.of(event)
        for inbox in self._source.inboxes:
            inbox.put(told)

    async def beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            self._streams.beat()


class Stock:
    """sse-starlette's response as its documentation uses it: a generator and a queue for each."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[tuple[str, dict[str, Any]]]] = set()

    async def stream(self, _: Request) -> Response:
        return EventSourceResponse(self._follow(), ping=round(HEARTBEAT_SECONDS))

    async def _follow(self) -> AsyncIterator[JSONServerSentEvent]:
        queue: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield JSONServerSentEvent({"orders": []}, event="snapshot")
            while True:
                event_id, data = await queue.get()
                yield JSONServerSentEvent(data, event="status", id=event_id)
        finally:
            self._queues.discard(queue)

    def emit(self, event: OrderEvent) -> None:
        told = event.id, shapes.order_event(event)
        for queue in self._queues:
            queue.put_nowait(told)

    async def beat(self) -> None:
        """Each response of its kind beats for itself."""


KINDS: dict[str, Callable[[], Lean | Stock]] = {"lean": Lean, "stock": Stock}


async def serve(kind: str, port: int, stopping: asyncio.Event) -> None:
    """Serves on loopback until ``stopping`` is set."""
    told = KINDS[kind]()
    versions = itertools.count(1)

    async def emit(_: Request) -> Response:
        told.emit(an_event(next(versions)))
        return Response(status_code=204)

    app = Starlette(
        routes=[
            Route("/stream", told.stream),
            Route("/emit", emit, methods=["POST"]),
        ]
    )
    beating = asyncio.create_task(told.beat())
    async with process.http_server(
        LongAnswersMiddleware(EdgeMiddleware(app)), "127.0.0.1", port, drain_seconds=1
    ):
        await stopping.wait()
    beating.cancel()


if __name__ == "__main__":
    logs.configure("bench", level="WARNING", log_format="json")
    process.run(partial(serve, sys.argv[1], int(sys.argv[2])))
