"""The services' messages as JSON, in the shapes clients rely on.

Money is in minor units, and ``currency_digits`` says how many digits those are; times are RFC 3339,
statuses and causes lower-case names; what is not known yet is null.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import orjson
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from infra import clock
from infra.currencies import currency_digits
from shared_proto.restaurant.auth.v1 import auth_pb2
from shared_proto.restaurant.kitchen.v1 import kitchen_pb2
from shared_proto.restaurant.order.v1 import order_pb2

Json = dict[str, Any]

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
STATUSES = {
    name.removeprefix("ORDER_STATUS_").lower(): order_pb2.OrderStatus.Value(name)
    for name in order_pb2.OrderStatus.keys()[1:]
}
_STATUS_NAMES: dict[int, str] = {number: name for name, number in STATUSES.items()}
_CAUSE_NAMES: dict[int, str] = {
    order_pb2.Cause.Value(name): name.removeprefix("CAUSE_").lower()
    for name in order_pb2.Cause.keys()[1:]
}


def status_name(status: int) -> str | None:
    """Such as ``queued``; None where there is none."""
    return _STATUS_NAMES.get(status)


def cause_name(cause: int) -> str | None:
    """Such as ``cook``; None where there is none."""
    return _CAUSE_NAMES.get(cause)


def time_text(at: Timestamp) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return _text_of(at.seconds, at.nanos // 1_000_000)


# The same moment stands in an order, in its history and in what others are told of it.
@lru_cache(maxsize=4_096)
def _text_of(seconds: int, ms: int) -> str:
    return clock.to_text(clock.from_ms(seconds * 1000 + ms))


def _time_or_none(message: Message, field: str) -> str | None:
    return time_text(getattr(message, field)) if message.HasField(field) else None


def rendered_order(message: order_pb2.Order) -> orjson.Fragment:
    """An order's JSON, to be sent as it is or as a part of more.

    Lists show an order again and again while nothing happens to it. What is found is what was made
    of the very same bytes, so it can't be old: 2 us, where making it takes 10.
    """
    return orjson.Fragment(_render_order(message.SerializeToString()))


@lru_cache(maxsize=4_096)
def _render_order(serialized: bytes) -> bytes:
    return orjson.dumps(order(order_pb2.Order.FromString(serialized)))


def order(message: order_pb2.Order) -> Json:
    """An order; with its history where the service gave one, which it does not in lists."""
    shape: Json = {
        "id": message.id,
        "number": message.number or None,
        "status": status_name(message.status),
        "version": message.version,
        "items": [_order_line(line) for line in message.items],
        "total": message.total,
        "currency": message.currency,
        "currency_digits": currency_digits(message.currency),
        "note": message.note,
        "kitchen": message.kitchen,
        "cause": cause_name(message.cause),
        "reason": message.reason or None,
        "placed_at": _time_or_none(message, "placed_at"),
        "updated_at": _time_or_none(message, "updated_at"),
        "promised_at": _time_or_none(message, "promised_at"),
        "allowed_actions": list(message.allowed_actions),
    }
    if message.history:
        shape["history"] = [_history_entry(entry) for entry in message.history]
    return shape


def _order_line(line: order_pb2.OrderLine) -> Json:
    return {
        "sku": line.sku,
        "name": line.name,
        "quantity": line.quantity,
        "options": list(line.options),
        "unit_price": line.unit_price,
        "line_total": line.line_total,
    }


def _history_entry(entry: order_pb2.HistoryEntry) -> Json:
    return {
        "status": status_name(entry.status),
        "cause": cause_name(entry.cause),
        "by": entry.by,
        "at": _time_or_none(entry, "at"),
        "reason": entry.reason or None,
    }


def order_event(event: order_pb2.OrderEvent) -> Json:
    """The data of a ``status`` event."""
    return {
        "order_id": event.order_id,
        "status": status_name(event.status),
        "previous": status_name(event.previous),
        "version": event.version,
        "number": event.number or None,
        "cause": cause_name(event.cause),
        "at": _time_or_none(event, "at"),
        "promised_at": _time_or_none(event, "promised_at"),
        "allowed_actions": list(event.allowed_actions),
    }


def lifecycle(message: order_pb2.GetLifecycleResponse) -> Json:
    """The table of permitted moves."""
    return {
        "statuses": list(STATUSES),
        "final": [status_name(status) for status in message.final],
        "editable": [status_name(status) for status in message.editable],
        "transitions": [
            {
                "from": status_name(move.source),
                "to": status_name(move.target),
                "causes": [cause_name(cause) for cause in move.causes],
                "when": move.when,
                "needs_reason": move.needs_reason,
            }
            for move in message.transitions
        ],
    }


def house(message: order_pb2.House) -> Json:
    """When guests may order."""
    return {
        "hours": [
            {"day": DAYS[each.day - 1], "opens": each.opens, "closes": each.closes}
            for each in message.hours
        ],
        "time_zone": message.time_zone,
        "paused": message.paused,
        "reason": message.reason or None,
        "until": _time_or_none(message, "until"),
        "serving": message.serving,
    }


def menu(message: order_pb2.Menu) -> Json:
    """The menu."""
    return {
        "version": message.version,
        "currency": message.currency,
        "currency_digits": currency_digits(message.currency),
        "items": [menu_item(item) for item in message.items],
    }


def menu_item(item: order_pb2.MenuItem) -> Json:
    """A dish."""
    return {
        "sku": item.sku,
        "name": item.name,
        "category": item.category,
        "station": item.station,
        "price": item.price,
        "prep_seconds": item.prep_seconds,
        "available": item.available,
        "option_groups": [
            {
                "name": group.name,
                "min": group.min,
                "max": group.max,
                "options": [{"name": o.name, "price": o.price} for o in group.options],
            }
            for group in item.option_groups
        ],
    }


def ticket(message: kitchen_pb2.Ticket) -> Json:
    """A ticket as cooks see it: what to cook, and no prices."""
    return {
        "order_id": message.order_id,
        "kitchen": message.kitchen,
        "number": message.number or None,
        "status": status_name(message.status),
        "seq": message.seq,
        "revision": message.revision,
        "items": [_ticket_line(line) for line in message.items],
        "note": message.note,
        "placed_at": _time_or_none(message, "placed_at"),
        "promised_at": _time_or_none(message, "promised_at"),
        "started_at": _time_or_none(message, "started_at"),
        "ready_at": _time_or_none(message, "ready_at"),
        "cause": cause_name(message.cause),
        "held": message.held,
        "flag": message.flag or None,
        "reason": message.reason or None,
    }


def _ticket_line(line: order_pb2.OrderLine) -> Json:
    return {
        "sku": line.sku,
        "name": line.name,
        "quantity": line.quantity,
        "options": list(line.options),
        "station": line.station,
        "prep_seconds": line.prep_seconds,
    }


def tickets(messages: Iterable[kitchen_pb2.Ticket]) -> Json:
    """A list of tickets."""
    return {"tickets": [ticket(message) for message in messages]}


def account(message: auth_pb2.Account) -> Json:
    """Who somebody is."""
    return {
        "user_id": message.user_id,
        "login": message.login,
        "roles": list(message.roles),
    }


def token_pair(message: auth_pb2.TokenPair) -> Json:
    """A pair of tokens (RFC 6749, section 5.1)."""
    return {
        "access_token": message.access_token,
        "token_type": message.token_type,
        "expires_in": message.expires_in,
        "refresh_token": message.refresh_token,
    }
