"""How orders, history, events and dishes are written in Redis: fields a person can read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from infra.clock import from_text, to_text
from infra.correlation import TRACE_KEY
from infra.unreadable import int32, int64
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


def _time_or_none(text: str) -> datetime | None:
    return from_text(text) if text else None


def lines_to_json(lines: Sequence[OrderLine]) -> bytes:
    """The lines as the ``items`` of an order's hash."""
    return orjson.dumps([_line_to_json(line) for line in lines])


def order_from_fields(fields: Mapping[str, str], history: tuple[HistoryEntry, ...] = ()) -> Order:
    """The order of a hash's fields (the scripts in ``lua/`` write them), and its history where that
    was read too."""
    return Order(
        id=fields["id"],
        user_id=fields["user_id"],
        kitchen=fields["kitchen"],
        number=int32(fields["number"]),
        status=Status(fields["status"]),
        version=int64(fields["version"]),
        revision=int64(fields["revision"]),
        applied_seq=int64(fields["applied_seq"]),
        lines=tuple(_line_from_json(line) for line in orjson.loads(fields["items"])),
        currency=fields["currency"],
        note=fields["note"],
        cause=Cause(fields["cause"]),
        reason=fields["reason"],
        placed_at=from_text(fields["placed_at"]),
        updated_at=from_text(fields["updated_at"]),
        promised_at=_time_or_none(fields["promised_at"]),
        history=history,
    )


def first_order(fields: Mapping[str, str], entry: HistoryEntry) -> Order:
    """The order as it was first written, of its hash's fields as they are now and its first history
    entry. Its content is kept apart from the first edit on (``change.lua``)."""
    items, note = (fields.get(f"first_{name}", fields[name]) for name in ("items", "note"))
    order = order_from_fields({**fields, "items": items, "note": note}, (entry,))
    return replace(
        order,
        number=0,
        status=entry.status,
        version=entry.version,
        revision=1,
        applied_seq=0,
        cause=entry.cause,
        reason="",
        updated_at=order.placed_at,
        promised_at=None,
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
    return OrderLine(
        **{
            **line,
            "options": tuple(line["options"]),
            "quantity": int32(line["quantity"]),
            "unit_price": int64(line["unit_price"]),
            "prep_seconds": int32(line["prep_seconds"]),
        }
    )


def entry_to_json(entry: HistoryEntry) -> str:
    """One entry of the history list. The scripts look for ``op`` as it is written here."""
    return _dump(
        {
            "status": entry.status,
            "cause": entry.cause,
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


def event_from_fields(event_id: str, fields: Mapping[str, str]) -> OrderEvent:
    """The event of a stream entry."""
    return OrderEvent(
        id=event_id,
        user_id=fields["user_id"],
        order_id=fields["order_id"],
        status=Status(fields["status"]),
        previous=Status(fields["previous"]) if fields["previous"] else None,
        version=int64(fields["version"]),
        number=int32(fields["number"]),
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
