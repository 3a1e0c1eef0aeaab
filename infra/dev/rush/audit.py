"""What must be true when the night is over. Each check yields what it finds wrong, for people."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from infra.dev.rush.diary import Asked, Diary, StreamLog, Told
from infra.dev.rush.stock_taking import Stock, StoredOrder
from order.lifecycle import EDITABLE, FINAL, PROMISED, Cause, Status, find_transition

CONTENT = ("sku", "quantity", "options")

Violations = dict[str, list[str]]
"""What was found, by the promise it breaks."""


def audit(diary: Diary, stock: Stock) -> Violations:
    """Everything the stores and the clients' logs have against each other."""
    return {
        "acknowledged, not there once and as agreed": list(_orders_at_fault(diary, stock)),
        "not at one last status": list(_unfinished(stock)),
        "a history that can't be": list(_histories_at_fault(stock)),
        "fired more than once, or not as ordered": list(_tickets_at_fault(stock)),
        "a gap, a repeat or a wrong event": [
            fault for log in diary.streams for fault in _stream_faults(log, stock)
        ],
        "left on its way": [
            f"{key} has {count}" for key, count in stock.under_way.items() if count
        ],
    }


def _orders_at_fault(diary: Diary, stock: Stock) -> Iterator[str]:
    keys_of = Counter(asked.order_id for asked in diary.acknowledged)
    yield from (f"{id_} was given to {n} keys" for id_, n in keys_of.items() if n > 1)
    for asked in diary.acknowledged:
        order = stock.orders.get(asked.order_id)
        if order is None:
            yield f"{asked.order_id} is lost"
            continue
        yield from _agreement_faults(asked, order)
    # Once every client has its answer, an order nobody was told of is a second one.
    yield from (f"{id_} is nobody's" for id_ in stock.orders.keys() - keys_of.keys())
    yield from (f"{id_} is in no list" for id_ in stock.orders.keys() - stock.listed)
    yield from (f"{id_} is listed and gone" for id_ in stock.listed - stock.orders.keys())


def _agreement_faults(asked: Asked, order: StoredOrder) -> Iterator[str]:
    total = int(order.fields["total"])
    lines = json.loads(order.fields["items"])
    if total not in asked.totals:
        yield f"{order.id} costs {total}, not {sorted(asked.totals)}"
    if total != sum(line["unit_price"] * line["quantity"] for line in lines):
        yield f"{order.id} costs {total}, and its lines do not"
    if order.fields["note"] not in asked.notes:
        yield f"{order.id} has the note {order.fields['note']!r}, not {sorted(asked.notes)}"
    if asked.cancelled and order.fields["status"] != Status.CANCELLED:
        yield f"{order.id} is {order.fields['status']} though its cancel was acknowledged"


def _unfinished(stock: Stock) -> Iterator[str]:
    for order in stock.orders.values():
        last = [entry["status"] for entry in order.history if entry["status"] in FINAL]
        if len(last) != 1 or order.fields.get("status") != last[0]:
            yield f"{order.id} is {order.fields.get('status')}, after {last or 'no last status'}"


def _histories_at_fault(stock: Stock) -> Iterator[str]:
    for order in stock.orders.values():
        versions = [entry["version"] for entry in order.history]
        if versions != list(range(1, int(order.fields["version"]) + 1)):
            yield f"{order.id} is at version {order.fields['version']}, its history at {versions}"
        ops = Counter(entry["op"] for entry in order.history)
        yield from (f"{order.id}: operation {op} ran {n} times" for op, n in ops.items() if n > 1)
        status: Status | None = None
        for entry in order.history:
            target, cause = Status(entry["status"]), Cause(entry["cause"])
            if not _is_permitted(status, target, cause):
                yield f"{order.id} version {entry['version']}: {status}→{target} by {cause}"
            status = target


def _is_permitted(status: Status | None, target: Status, cause: Cause) -> bool:
    if status is target:
        edited = cause is Cause.GUEST and status in EDITABLE
        return edited or (cause is Cause.TIMER and status in PROMISED)
    return find_transition(status, target, cause) is not None


def _tickets_at_fault(stock: Stock) -> Iterator[str]:
    for order in stock.orders.values():
        statuses = [entry["status"] for entry in order.history]
        moves = Counter(pairwise(statuses))
        fired = moves[Status.QUEUED, Status.PREPARING]
        if fired > 1:
            yield f"{order.id} was fired {fired} times"
        # In the kitchen, only new content is a reason to begin again.
        begun = _begun(stock.fired.get(order.id, []))
        if begun > int(order.fields["revision"]):
            yield f"{order.id} was begun {begun} times at revision {order.fields['revision']}"
        yield from _ticket_differences(order)


def _begun(statuses: list[str]) -> int:
    """How often a ticket's cooking began; a recall takes it up again, which does not count."""
    moves = Counter(pairwise(statuses))
    return moves[Status.QUEUED, Status.PREPARING]


def _ticket_differences(order: StoredOrder) -> Iterator[str]:
    ticket = order.ticket
    if not ticket:
        # Called off before the kitchen knew of it, and forgotten there as it should be.
        if order.fields["status"] not in (Status.CANCELLED, Status.REJECTED):
            yield f"{order.id} is {order.fields['status']} without a ticket"
        return
    if ticket["status"] != order.fields["status"]:
        yield f"{order.id} is {order.fields['status']}, its ticket {ticket['status']}"
    if ticket["pending"]:
        yield f"{order.id}: its ticket waits for verdicts on {ticket['pending']}"
    if order.fields["status"] != Status.COMPLETED:
        return
    for name, mine, its in (
        ("seq", order.fields["applied_seq"], ticket["seq"]),
        ("revision", order.fields["revision"], ticket["revision"]),
        ("number", order.fields["number"], ticket["number"]),
        ("content", _content(order.fields), _content(ticket)),
    ):
        if mine != its:
            yield f"{order.id} has {name} {mine}, its ticket {its}"


def _content(fields: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{name: line[name] for name in CONTENT} for line in json.loads(fields["items"])]


def _stream_faults(log: StreamLog, stock: Stock) -> Iterator[str]:
    """Follows one log from its first snapshot on: what it told must be the stored history."""
    versions: dict[str, int] = {}
    shown: dict[str, int] = {}
    last_id = (0, 0)
    for told in log.told:
        at = f"{log.name}, {told.event} {told.id}"
        if told.event == "reset":
            continue
        if _place(told.id) < last_id:
            yield f"{at}: after {last_id}"
        if told.event == "snapshot":
            for order in told.data["orders"]:
                if order["version"] < versions.get(order["id"], 0):
                    yield f"{at}: {order['id']} goes back to version {order['version']}"
                versions[order["id"]] = shown[order["id"]] = order["version"]
        else:
            if _place(told.id) == last_id:
                yield f"{at}: told again"
            yield from (f"{at}: {fault}" for fault in _event_faults(told, versions, shown, stock))
        last_id = _place(told.id)
    yield from _ending_faults(log, versions, stock)


def _event_faults(
    told: Told, versions: dict[str, int], shown: dict[str, int], stock: Stock
) -> Iterator[str]:
    event = told.data
    order_id, version = event["order_id"], event["version"]
    order = stock.orders.get(order_id)
    if order is None or version > len(order.history):
        yield f"{order_id} has no version {version}"
        return
    entry = order.history[version - 1]
    previous = order.history[version - 2]["status"] if version > 1 else None
    stored = (entry["status"], previous, entry["cause"], entry["at"])
    if stored != (event["status"], event["previous"], event["cause"], event["at"]):
        yield f"{order_id} version {version} is {stored} in the store"
    # A snapshot is read after its id: what it shows already may still be told once.
    if version <= shown.get(order_id, 0):
        return
    if version != versions.get(order_id, 0) + 1:
        yield f"{order_id} version {version} after {versions.get(order_id, 0)}"
    versions[order_id] = max(version, versions.get(order_id, 0))


def _ending_faults(log: StreamLog, versions: dict[str, int], stock: Stock) -> Iterator[str]:
    for order in stock.orders.values():
        is_his = log.order_id in ("", order.id) and order.history[0]["by"] == log.user
        known = versions.get(order.id, 0)
        if is_his and known != int(order.fields["version"]):
            yield f"{log.name}: {order.id} ends at {order.fields['version']}, told up to {known}"
    if log.order_id and not log.ended:
        yield f"{log.name}: it did not end with its order"


def _place(event_id: str) -> tuple[int, int]:
    ms, _, count = event_id.partition("-")
    return int(ms or 0), int(count or 0)
