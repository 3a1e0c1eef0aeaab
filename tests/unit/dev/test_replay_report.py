"""Every line of a replay's table: what is at fault is shown, counted and fails the replay."""

import dataclasses
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest
from rich.console import Console

from infra.clock import from_text
from infra.dev.guest import Guest
from infra.dev.replay.__main__ import INTERRUPTED, exit_status
from infra.dev.replay.ledger import Audit
from infra.dev.replay.report import print_report
from infra.dev.replay.run import RefusedOrderError, Replay
from infra.dev.replay.sales_file import SoldLine, SoldOrder
from infra.dev.replay.sold_menu import SoldMenu

AT = "2026-11-23T12:00:00.000Z"
LIFE = ("placed", "queued", "preparing", "ready", "completed")
SOLD = [SoldOrder(number, (SoldLine("Tea", 1, (), 500),)) for number in ("1", "2")]


def order(id_: str, **changed: Any) -> dict[str, Any]:
    return {"id": id_, "total": 500, "status": "completed", "version": 5, **changed}


class Evening:
    """Two orders, placed and told to their end; tests spoil the second."""

    def __init__(self) -> None:
        self.acknowledged = [(sold, order(sold.number)) for sold in SOLD]
        self.told = [
            {"order_id": id_, "status": to, "previous": of, "version": version, "at": AT}
            for id_ in ("1", "2")
            for version, (of, to) in enumerate(zip((None, *LIFE), LIFE, strict=False), start=1)
        ]
        self.listed: list[dict[str, Any]] | None = [order("1"), order("2")]

    def replay(self) -> tuple[Replay, Audit]:
        """A replay to which that has happened."""
        replay = Replay(
            httpx.AsyncClient(),
            SOLD,
            SoldMenu(SOLD, prep_seconds=60),
            orders_per_guest=1,
            concurrency=1,
            patience_seconds=1,
            on_progress=lambda _: None,
        )
        for sold, answer in self.acknowledged:
            replay.ledger.acknowledge(sold, answer)
        for event in self.told:
            replay.ledger.take_event(event, from_text(AT) + timedelta(milliseconds=40))
        replay.listed = self.listed
        return replay, replay.ledger.audit(self.listed)


def printed(replay: Replay, audit: Audit) -> tuple[dict[str, str], str]:
    """The table by its lines, and all that is shown."""
    said = io.StringIO()
    console = Console(file=said, width=200)
    print_report(console, replay, audit, complete=replay.listed is not None)
    cells = [[cell.strip() for cell in line.split("│")] for line in said.getvalue().splitlines()]
    return {cell[1]: cell[2] for cell in cells if len(cell) == 4}, said.getvalue()


def _do_not_place(evening: Evening) -> None:
    del evening.acknowledged[1], evening.told[5:], evening.listed[1]  # type: ignore[union-attr]


def _do_not_complete(evening: Evening) -> None:
    del evening.told[-1]
    evening.listed = [order("1"), order("2", status="ready", version=4)]


def _lose(evening: Evening) -> None:
    evening.listed = [order("1")]


def _duplicate(evening: Evening) -> None:
    evening.listed = [order("1"), order("2"), order("3")]


def _tell_twice(evening: Evening) -> None:
    evening.told.append(evening.told[-1])


def _overcharge(evening: Evening) -> None:
    evening.acknowledged[1][1]["total"] = 501


def _list_otherwise(evening: Evening) -> None:
    evening.listed = [order("1"), order("2", version=6)]


PLANTED: dict[str, Callable[[Evening], None]] = {
    "not placed": _do_not_place,
    "not completed": _do_not_complete,
    "lost": _lose,
    "duplicated": _duplicate,
    "out of order or missing": _tell_twice,
    "off by a cent or more": _overcharge,
    "list and stream disagree": _list_otherwise,
}
"""For each line of the table that should be 0, how to make it 1."""


def test_evening_without_faults_is_shown_as_it_was() -> None:
    replay, audit = Evening().replay()
    replay.guests = [Guest(httpx.AsyncClient(), login, "") for login in ("anna", "boris")]
    replay.guests[0].retries, replay.guests[1].retries = 3, 4
    replay.pace.began_at, replay.pace.placed_at, replay.pace.completed_at = 10, 14, 20
    table, said = printed(replay, audit)
    # A line that should be 0 and is not in PLANTED has no fault planted for it.
    assert table == dict.fromkeys(PLANTED, "0") | {
        "placed": "2",
        "completed": "2",
        "money in the file": "10.00",
        "money placed": "10.00",
        "calls made again": "7",
        "events": "10",
        "orders placed a second": "0.5",
        "orders completed a second": "0.2",
        "from change to arrival, p50": "40 ms",
        "from change to arrival, p99": "40 ms",
    }
    assert "Every order was placed once, cooked, told in order and paid to the cent." in said
    assert exit_status(audit, None) == 0


@pytest.mark.parametrize("line", PLANTED)
def test_fault_is_shown_counted_and_fails_the_replay(line: str) -> None:
    evening = Evening()
    PLANTED[line](evening)
    replay, audit = evening.replay()
    table, said = printed(replay, audit)
    assert {each: table[each] for each in PLANTED} == {
        each: "1" if each == line else "0" for each in PLANTED
    }
    assert f"\n{line}: " in said
    assert "Every order was placed once" not in said
    assert exit_status(audit, None) == 1


@pytest.mark.parametrize(
    "field", [f.name for f in dataclasses.fields(Audit) if f.default_factory is list]
)
def test_every_kind_of_fault_has_its_line(field: str) -> None:
    replay, audit = Evening().replay()
    spoilt = dataclasses.replace(audit, **cast(Any, {field: ["2"]}))
    table, _ = printed(replay, spoilt)
    assert [line for line in PLANTED if table[line] == "1"]
    assert not spoilt.is_clean


def test_replay_that_was_broken_off_says_what_it_does_not_know() -> None:
    evening = Evening()
    evening.listed = None
    replay, audit = evening.replay()
    table, said = printed(replay, audit)
    unknown = {line for line, value in table.items() if value == "not known"}
    assert unknown == {"lost", "duplicated", "list and stream disagree"}
    assert "broken off" in said
    assert "Every order was placed once" not in said
    assert exit_status(audit, InterruptedError("interrupted")) == INTERRUPTED
    assert exit_status(audit, RefusedOrderError("order 2 was refused")) == 1
