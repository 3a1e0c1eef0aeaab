"""The accounts of a rush: a night as it should be, and every way in which it may go wrong."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from infra.dev.replay.sales_file import SoldLine, SoldOrder
from infra.dev.rush.audit import audit
from infra.dev.rush.diary import Asked, Diary, StreamLog, Told
from infra.dev.rush.stock_taking import Stock, StoredOrder

AT = "2026-11-23T12:00:00.000Z"
LIFE = (
    ("placed", "guest"),
    ("queued", "system"),
    ("preparing", "timer"),
    ("ready", "timer"),
    ("completed", "timer"),
)
LINES = [{"sku": "tea", "quantity": 2, "options": [], "unit_price": 250}]

AGREED = "acknowledged, not there once and as agreed"
LAST = "not at one last status"
HISTORY = "a history that can't be"
FIRED = "fired more than once, or not as ordered"
STREAM = "a gap, a repeat or a wrong event"
LEFT = "left on its way"


@dataclass
class Evening:
    """One guest, one order, told from its beginning; tests spoil it."""

    fields: dict[str, str] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    ticket: dict[str, str] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    asked: Asked = field(
        default_factory=lambda: Asked(
            "key", SoldOrder("1", (SoldLine("Tea", 2, (), 500),)), order_id="A", totals={500}
        )
    )
    stock: Stock = field(default_factory=Stock)

    def __post_init__(self) -> None:
        content = {"items": json.dumps(LINES), "status": "completed"}
        counts = {"version": "5", "revision": "1", "applied_seq": "4", "number": "7"}
        self.fields |= content | counts | {"id": "A", "total": "500", "note": ""}
        self.ticket |= content | {"seq": "4", "revision": "1", "number": "7", "pending": ""}
        self.told.append(Told("snapshot", "0-0", {"orders": []}))
        previous = None
        for version, (status, cause) in enumerate(LIFE, start=1):
            entry = {"status": status, "cause": cause, "by": "anna", "at": AT, "version": version}
            self.history.append(entry | {"op": f"op{version}"})
            event = {"order_id": "A", "previous": previous, **entry}
            self.told.append(Told("status", f"{version}-0", event))
            previous = status
        self.stock.listed.add("A")
        self.stock.fired["A"] = [status for status, _ in LIFE[1:]]

    def violations(self) -> dict[str, list[str]]:
        diary = Diary()
        diary.asked.append(self.asked)
        diary.streams.append(StreamLog("anna", "anna", told=self.told))
        if self.history:
            self.stock.orders["A"] = StoredOrder(self.fields, self.history, self.ticket)
        return {promise: found for promise, found in audit(diary, self.stock).items() if found}


def test_night_without_faults_has_no_violations() -> None:
    assert Evening().violations() == {}


def _lose_order(night: Evening) -> None:
    night.history.clear()


def _place_twice(night: Evening) -> None:
    night.stock.orders["B"] = StoredOrder(
        night.fields | {"id": "B"}, [{**e, "by": "bob"} for e in night.history], night.ticket
    )
    night.stock.listed.add("B")


def _charge_more(night: Evening) -> None:
    night.fields["total"] = "501"


def _lose_note(night: Evening) -> None:
    night.asked.notes = {"no onion"}


def _complete_though_cancelled(night: Evening) -> None:
    night.asked.cancelled = True


def _stand_still(night: Evening) -> None:
    del night.history[-1], night.told[-1]
    night.fields |= {"status": "ready", "version": "4", "applied_seq": "3"}
    night.ticket |= {"status": "ready", "seq": "3"}


def _skip_a_status(night: Evening) -> None:
    night.history[1] |= {"status": "ready"}


def _skip_a_version(night: Evening) -> None:
    night.history[-1]["version"] = 6


def _run_twice(night: Evening) -> None:
    night.history[3]["op"] = "op3"


def _begin_twice(night: Evening) -> None:
    night.stock.fired["A"] = ["queued", "preparing", "queued", "preparing", "ready", "completed"]


def _cook_something_else(night: Evening) -> None:
    night.ticket["items"] = json.dumps([LINES[0] | {"sku": "cake"}])


def _leave_verdict_pending(night: Evening) -> None:
    night.ticket["pending"] = "1-1"


def _drop_event(night: Evening) -> None:
    del night.told[3]


def _drop_last_event(night: Evening) -> None:
    del night.told[-1]


def _repeat_event(night: Evening) -> None:
    night.told.insert(3, night.told[2])


def _swap_events(night: Evening) -> None:
    night.told[3], night.told[4] = night.told[4], night.told[3]


def _tell_otherwise(night: Evening) -> None:
    night.told[3].data["cause"] = "cook"


def _leave_outbox(night: Evening) -> None:
    night.stock.under_way["order:{A}:outbox"] = 1


@pytest.mark.parametrize(
    ("spoil", "promise"),
    [
        (_lose_order, AGREED),
        (_place_twice, AGREED),
        (_charge_more, AGREED),
        (_lose_note, AGREED),
        (_complete_though_cancelled, AGREED),
        (_stand_still, LAST),
        (_skip_a_status, HISTORY),
        (_skip_a_version, HISTORY),
        (_run_twice, HISTORY),
        (_begin_twice, FIRED),
        (_cook_something_else, FIRED),
        (_leave_verdict_pending, FIRED),
        (_drop_event, STREAM),
        (_drop_last_event, STREAM),
        (_repeat_event, STREAM),
        (_swap_events, STREAM),
        (_tell_otherwise, STREAM),
        (_leave_outbox, LEFT),
    ],
)
def test_what_went_wrong_is_found(spoil: Callable[[Evening], None], promise: str) -> None:
    night = Evening()
    spoil(night)
    assert promise in night.violations()


def test_event_that_the_snapshot_already_shows_may_be_told_once_more() -> None:
    night = Evening()
    shown = {"id": "A", "version": 3, "status": "preparing"}
    night.told[:3] = [Told("snapshot", "2-0", {"orders": [shown]})]
    assert night.violations() == {}


def test_snapshot_after_a_reset_bridges_the_gap() -> None:
    night = Evening()
    shown = {"id": "A", "version": 4, "status": "ready"}
    night.told[3:5] = [
        Told("reset", "2-0", {}),
        Told("snapshot", "4-0", {"orders": [shown]}),
    ]
    assert night.violations() == {}
