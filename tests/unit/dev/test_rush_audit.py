"""The accounts of a rush: a night as it should be, and every way in which it may go wrong."""

import ast
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from infra.dev.replay.sales_file import SoldLine, SoldOrder
from infra.dev.rush import audit as audit_module
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
    diary: Diary = field(default_factory=Diary)
    order_id: str = ""
    """Set where the guest's stream is that of one order."""

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
        self.diary.asked.append(self.asked)
        self.diary.streams.append(StreamLog("anna", "anna", self.order_id, told=self.told))
        if self.history:
            self.stock.orders["A"] = StoredOrder(self.fields, self.history, self.ticket)
        return {promise: found for promise, found in audit(self.diary, self.stock).items() if found}


def test_night_without_faults_has_no_violations() -> None:
    assert Evening().violations() == {}


def _give_one_order_to_two_keys(night: Evening) -> None:
    night.diary.asked.append(replace(night.asked, key="another"))


def _lose_order(night: Evening) -> None:
    night.history.clear()


def _place_twice(night: Evening) -> None:
    night.stock.orders["B"] = StoredOrder(
        night.fields | {"id": "B"}, [{**e, "by": "bob"} for e in night.history], night.ticket
    )
    night.stock.listed.add("B")


def _list_nowhere(night: Evening) -> None:
    night.stock.listed.clear()


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


def _fire_twice(night: Evening) -> None:
    night.history += night.history[1:3]


def _begin_twice(night: Evening) -> None:
    night.stock.fired["A"] = ["queued", "preparing", "queued", "preparing", "ready", "completed"]


def _lose_ticket(night: Evening) -> None:
    night.ticket.clear()


def _end_otherwise_in_the_kitchen(night: Evening) -> None:
    night.ticket["status"] = "ready"


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


def _tell_of_another_order(night: Evening) -> None:
    night.told[3].data["order_id"] = "B"


def _show_an_old_order(night: Evening) -> None:
    shown = {"id": "A", "version": 2, "status": "queued"}
    night.told.append(Told("snapshot", "6-0", {"orders": [shown]}))


def _never_end(night: Evening) -> None:
    night.order_id = "A"


def _leave_outbox(night: Evening) -> None:
    night.stock.under_way["order:{A}:outbox"] = 1


SPOILT: dict[Callable[[Evening], None], tuple[str, str]] = {
    _give_one_order_to_two_keys: (AGREED, "A was given to 2 keys"),
    _lose_order: (AGREED, "A is lost"),
    _place_twice: (AGREED, "B is nobody's"),
    _list_nowhere: (AGREED, "A is in no list"),
    _charge_more: (AGREED, "A costs 501, not [500]"),
    _lose_note: (AGREED, "A has the note '', not ['no onion']"),
    _complete_though_cancelled: (AGREED, "A is completed though its cancel was acknowledged"),
    _stand_still: (LAST, "A is ready, after no last status"),
    _skip_a_status: (HISTORY, "A version 2: placed→ready by system"),
    _skip_a_version: (HISTORY, "A is at version 5, its history at [1, 2, 3, 4, 6]"),
    _run_twice: (HISTORY, "A: operation op3 ran 2 times"),
    _fire_twice: (FIRED, "A was fired 2 times"),
    _begin_twice: (FIRED, "A was begun 2 times at revision 1"),
    _lose_ticket: (FIRED, "A is completed without a ticket"),
    _end_otherwise_in_the_kitchen: (FIRED, "A is completed, its ticket ready"),
    _cook_something_else: (FIRED, "A has content .*tea.*, its ticket .*cake.*"),
    _leave_verdict_pending: (FIRED, "A: its ticket waits for verdicts on 1-1"),
    _drop_event: (STREAM, "anna, status 4-0: A version 4 after 2"),
    _drop_last_event: (STREAM, "anna: A ends at 5, told up to 4"),
    _repeat_event: (STREAM, "anna, status 2-0: told again"),
    _swap_events: (STREAM, "anna, status 3-0: after (4, 0)"),
    _tell_otherwise: (STREAM, "anna, status 3-0: A version 3 is .*'timer'.* in the store"),
    _tell_of_another_order: (STREAM, "anna, status 3-0: B has no version 3"),
    _show_an_old_order: (STREAM, "anna, snapshot 6-0: A goes back to version 2"),
    _never_end: (STREAM, "anna: it did not end with its order"),
    _leave_outbox: (LEFT, "order:{A}:outbox has 1"),
}
"""Each way to spoil the evening, the promise it breaks and what is found."""


@pytest.mark.parametrize("spoil", SPOILT)
def test_what_went_wrong_is_found(spoil: Callable[[Evening], None]) -> None:
    night = Evening()
    spoil(night)
    promise, fault = SPOILT[spoil]
    found = night.violations()
    assert promise in found
    assert any(re.fullmatch(_loosely(fault), each) for each in found[promise]), found


@pytest.mark.parametrize("name", ["seq", "revision", "number"])
def test_completed_ticket_is_the_orders(name: str) -> None:
    night = Evening()
    night.ticket[name] = "9"
    assert any(f"has {name} " in fault for fault in night.violations()[FIRED])


@pytest.mark.parametrize("promise", audit(Diary(), Stock()))
def test_no_promise_is_without_a_planted_fault(promise: str) -> None:
    assert promise in {promise for promise, _ in SPOILT.values()}


def _faults_of_the_audit() -> list[str]:
    """A pattern for each text that ``audit`` has for a fault, whatever is filled in."""
    tree = ast.parse(Path(audit_module.__file__).read_text(encoding="utf-8"))
    return sorted(
        "".join(
            re.escape(str(part.value)) if isinstance(part, ast.Constant) else "(.+)"
            for part in text.values
        )
        for text in ast.walk(tree)
        if isinstance(text, ast.JoinedStr)
    )


@pytest.mark.parametrize("pattern", _faults_of_the_audit())
def test_no_fault_is_without_a_way_to_plant_it(pattern: str) -> None:
    found: list[str] = []
    for spoil in SPOILT:
        night = Evening()
        spoil(night)
        found += [fault for faults in night.violations().values() for fault in faults]
    assert any(re.match(pattern, fault) for fault in found)


def _loosely(fault: str) -> str:
    return re.escape(fault).replace(re.escape(".*"), ".*")


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
