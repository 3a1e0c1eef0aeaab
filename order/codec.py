"""How orders, history, events and dishes are written in Redis: fields a person can read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from infra.clock import from_text, to_text
from infra.correlation import TRACE_KEY
from order.domain import (
    HistoryEntry,
    MenuItem,
    MenuOption,
    OptionGroup,
    Order,
    OrderEvent,
    OrderLine,
)
from order.lifecycle import Cause, Status


def _dump(value: Any) -> str:
    return orjson.dumps(value).decode()


def _text_or_empty(at: datetime | None) -> str:
    return to_text(at) if at else ""


def _time_or_none(text: str) -> datetime | None:
    return from_text(text) if text else None


def order_to_fields(order: Order) -> dict[str, str]:
    """The order as the fields of its hash."""
    return {
        "id": order.id,
        "user_id": order.user_id,
        "kitchen": order.kitchen,
        "items": _dump([_line_to_json(line) for line in order.lines]),
        "total": str(order.total),
        "currency": order.currency,
        "note": order.note,
        "placed_at": to_text(order.placed_at),
        **state_to_fields(order),
    }


def state_to_fields(order: Order) -> dict[str, str]:
    """Those of the fields that change while the content stays."""
    return {
        "number": str(order.number),
        "status": order.status.value,
        "version": str(order.version),
        "revision": str(order.revision),
        "applied_seq": str(order.applied_seq),
        "cause": order.cause.value,
        "reason": order.reason,
        "updated_at": to_text(order.updated_at),
        "promised_at": _text_or_empty(order.promised_at),
    }


def order_from_fields(fields: Mapping[str, str]) -> Order:
    """The order of a hash's fields."""
    return Order(
        id=fields["id"],
        user_id=fields["user_id"],
        kitchen=fields["kitchen"],
        number=int(fields["number"]),
        status=Status(fields["status"]),
        version=int(fields["version"]),
        revision=int(fields["revision"]),
        applied_seq=int(fields["applied_seq"]),
        lines=tuple(_line_from_json(line) for line in orjson.loads(fields["items"])),
        currency=fields["currency"],
        note=fields["note"],
        cause=Cause(fields["cause"]),
        reason=fields["reason"],
        placed_at=from_text(fields["placed_at"]),
        updated_at=from_text(fields["updated_at"]),
        promised_at=_time_or_none(fields["promised_at"]),
    )


def _line_to_json(line: OrderLine) -> dict[str, Any]:
    return {
        "sku": line.sku,
        "name": line.name,
        "quantity": line.quantity,
        "options": line.options,
        "unit_price": line.unit_price,
        "station": line.station,
        "prep_seconds": line.prep_seconds,
    }


def _line_from_json(line: Mapping[str, Any]) -> OrderLine:
    return OrderLine(**{**line, "options": tuple(line["options"])})


def entry_to_json(entry: HistoryEntry) -> str:
    """One entry of the history list. ``commit.lua`` looks for ``op`` as it is written here."""
    return _dump(
        {
            "status": entry.status.value,
            "cause": entry.cause.value,
            "by": entry.by,
            "at": to_text(entry.at),
            "version": entry.version,
            "op": entry.op,
            "reason": entry.reason,
        }
    )


def op_marker(op: str) -> str:
    """How an operation id stands in a history entry."""
    return f'"op":"{op}"'


def entry_from_json(text: str) -> HistoryEntry:
    """The history entry of its JSON."""
    entry = orjson.loads(text)
    return HistoryEntry(
        status=Status(entry["status"]),
        cause=Cause(entry["cause"]),
        by=entry["by"],
        at=from_text(entry["at"]),
        op=entry["op"],
        version=entry["version"],
        reason=entry["reason"],
    )


def event_fields(order: Order, previous: Status | None, traceparent: str = "") -> dict[str, str]:
    """What the feed and the user's stream say of a change that leads to ``order``.

    ``commit.lua`` looks for the ``traceparent`` in the last place.
    """
    fields = {
        "order_id": order.id,
        "user_id": order.user_id,
        "status": order.status.value,
        "previous": previous.value if previous else "",
        "version": str(order.version),
        "number": str(order.number),
        "cause": order.cause.value,
        "at": to_text(order.updated_at),
        "promised_at": _text_or_empty(order.promised_at),
    }
    return fields | {TRACE_KEY: traceparent} if traceparent else fields


def event_from_fields(event_id: str, fields: Mapping[str, str]) -> OrderEvent:
    """The event of a stream entry."""
    return OrderEvent(
        id=event_id,
        user_id=fields["user_id"],
        order_id=fields["order_id"],
        status=Status(fields["status"]),
        previous=Status(fields["previous"]) if fields["previous"] else None,
        version=int(fields["version"]),
        number=int(fields["number"]),
        cause=Cause(fields["cause"]),
        at=from_text(fields["at"]),
        promised_at=_time_or_none(fields["promised_at"]),
        traceparent=fields.get(TRACE_KEY, ""),
    )


def dish_to_json(item: MenuItem) -> str:
    """A dish as its field of the menu hash."""
    return _dump(
        {
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
    )


def dish_from_json(sku: str, text: str) -> MenuItem:
    """The dish of its field of the menu hash."""
    dish = orjson.loads(text)
    groups = tuple(
        OptionGroup(
            group["name"],
            group["min"],
            group["max"],
            tuple(MenuOption(option["name"], option["price"]) for option in group["options"]),
        )
        for group in dish.pop("option_groups")
    )
    return MenuItem(sku=sku, option_groups=groups, **dish)
