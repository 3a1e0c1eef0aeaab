"""Events of orders as the gateway hands them around: encoded once, however many watch."""

import re
from dataclasses import dataclass
from typing import Self

from gateway import shapes
from gateway.sse import encode
from infra import tracing
from infra.clock import from_proto
from shared_proto.restaurant.order.v1 import order_pb2

EventId = tuple[int, int]
"""Milliseconds and count: a Redis stream id, in the order things happened."""

FINAL = frozenset(
    {
        order_pb2.ORDER_STATUS_COMPLETED,
        order_pb2.ORDER_STATUS_CANCELLED,
        order_pb2.ORDER_STATUS_REJECTED,
    }
)
_EVENT_ID = re.compile(r"([0-9]{1,15})-([0-9]{1,15})", re.ASCII)


def parse_event_id(text: str) -> EventId | None:
    """The id that ``text`` spells, or None when it spells none."""
    found = _EVENT_ID.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def read_event_id(text: str) -> EventId:
    """The id of an event that a service sent; ValueError if it is none, which is a bug there."""
    event_id = parse_event_id(text)
    if event_id is None:
        raise ValueError(f"{text!r} is no event id")
    return event_id


@dataclass(frozen=True, slots=True)
class StatusEvent:
    """A change of an order, ready to be sent."""

    id: EventId
    order_id: str
    is_last: bool
    """Whether nothing can happen to the order after this."""
    chunk: bytes
    at: float
    """When it happened, in seconds of Unix time."""
    traceparent: str = ""
    """The span that made it happen, where that was recorded (``infra.tracing``)."""

    @classmethod
    def of(cls, event: order_pb2.OrderEvent) -> Self:
        return cls(
            id=read_event_id(event.id),
            order_id=event.order_id,
            is_last=event.status in FINAL,
            chunk=encode("status", shapes.order_event(event), event.id),
            at=from_proto(event.at).timestamp(),
            traceparent=event.traceparent,
        )


def record_sent(item: tracing.Traced, since: int) -> None:
    """Ends an event's way: it was written to a reader, which began at ``since``, in nanoseconds of
    Unix time."""
    if tracing.is_on():
        facts = {"messaging.operation.type": "send", "messaging.operation.name": "send"}
        tracing.record("send event", "producer", facts, parent=item.traceparent, since=since)
