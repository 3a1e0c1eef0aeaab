from datetime import timedelta
from typing import Any

import pytest

from infra.clock import from_text
from infra.dev.replay.ledger import Ledger
from infra.dev.replay.sales_file import SoldLine, SoldOrder

AT = "2026-11-23T12:00:00.000Z"
LIFE = ("placed", "queued", "preparing", "ready", "completed")


def sold(number: str = "1", total: int = 500) -> SoldOrder:
    return SoldOrder(number, (SoldLine("Tea", 1, (), total),))


def order(id_: str = "a", **changed: Any) -> dict[str, Any]:
    return {"id": id_, "total": 500, "status": "completed", "version": 5, **changed}


def event(status: str, previous: str | None, version: int, id_: str = "a") -> dict[str, Any]:
    return {
        "order_id": id_,
        "status": status,
        "previous": previous,
        "version": version,
        "at": AT,
    }


def tell(ledger: Ledger, *events: dict[str, Any]) -> None:
    for each in events:
        ledger.take_event(each, from_text(AT) + timedelta(milliseconds=40))


def whole_life(id_: str = "a") -> list[dict[str, Any]]:
    moves = zip((None, *LIFE), LIFE, strict=False)
    return [event(to, of, version, id_) for version, (of, to) in enumerate(moves, start=1)]


def lived(*, number: str = "1", id_: str = "a") -> Ledger:
    ledger = Ledger([sold(number)])
    ledger.acknowledge(sold(number), order(id_, status="placed", version=1))
    tell(ledger, *whole_life(id_))
    return ledger


def test_whole_life_balances() -> None:
    audit = lived().audit([order()])
    assert audit.is_clean
    assert (audit.acknowledged, audit.completed, audit.events) == (1, 1, 5)
    assert audit.money_placed == audit.money_sold == 500


def test_events_may_overtake_the_acknowledgement() -> None:
    ledger = Ledger([sold()])
    tell(ledger, *whole_life())
    assert ledger.finished == 0
    ledger.acknowledge(sold(), order(status="placed", version=1))
    assert ledger.finished == 1
    assert ledger.audit([order()]).is_clean


def test_edit_renewed_promise_and_recall_are_in_order() -> None:
    ledger = Ledger([sold()])
    ledger.acknowledge(sold(), order())
    tell(
        ledger,
        event("placed", None, 1),
        event("placed", "placed", 2),
        event("queued", "placed", 3),
        event("queued", "queued", 4),
        event("preparing", "queued", 5),
        event("ready", "preparing", 6),
        event("preparing", "ready", 7),
        event("ready", "preparing", 8),
        event("completed", "ready", 9),
    )
    assert ledger.audit([order(version=9)]).is_clean


@pytest.mark.parametrize(
    ("events", "complaint"),
    [
        ([event("queued", "placed", 2)], "after version 0"),
        ([event("placed", None, 1), event("preparing", "queued", 3)], "after version 1"),
        ([event("placed", None, 1), event("placed", None, 1)], "after version 1"),
        ([event("placed", None, 1), event("preparing", "queued", 2)], "after placed"),
        ([event("placed", None, 1), event("ready", "placed", 2)], "no move"),
        ([event("queued", None, 1)], "no move"),
    ],
)
def test_what_streams_tell_wrongly_is_at_fault(
    events: list[dict[str, Any]], complaint: str
) -> None:
    ledger = Ledger([sold()])
    tell(ledger, *events)
    found = ledger.audit(None).disordered
    assert len(found) == 1
    assert complaint in found[0]


def test_nothing_follows_the_end() -> None:
    ledger = lived()
    tell(ledger, event("preparing", "completed", 6))
    assert len(ledger.audit(None).disordered) == 1


def test_snapshot_stands_for_the_events_before_it() -> None:
    ledger = Ledger([sold()])
    ledger.acknowledge(sold(), order())
    tell(ledger, *whole_life()[:2])
    ledger.take_snapshot([order(status="ready", version=4)])
    tell(ledger, *whole_life()[3:])
    audit = ledger.audit([order()])
    assert audit.is_clean
    assert audit.events == 3


def test_missing_order_is_lost() -> None:
    assert lived().audit([]).lost == ["a"]


def test_order_nobody_acknowledged_is_duplicated() -> None:
    audit = lived().audit([order(), order("b")])
    assert audit.duplicated == ["b"]
    assert not audit.is_clean


def test_order_listed_twice_is_duplicated() -> None:
    assert lived().audit([order(), order()]).duplicated == ["a"]


def test_one_order_acknowledged_for_two_is_duplicated_and_leaves_one_unplaced() -> None:
    ledger = Ledger([sold("1"), sold("2")])
    ledger.acknowledge(sold("1"), order())
    ledger.acknowledge(sold("2"), order())
    audit = ledger.audit(None)
    assert audit.duplicated == ["a"]
    assert audit.unplaced == ["2"]


def test_cent_too_much_is_at_fault_though_the_sum_is_right() -> None:
    ledger = Ledger([sold("1"), sold("2")])
    ledger.acknowledge(sold("1"), order("a", total=501))
    ledger.acknowledge(sold("2"), order("b", total=499))
    audit = ledger.audit(None)
    assert audit.money_placed == audit.money_sold
    assert audit.mispriced == ["a", "b"]


def test_total_that_changed_afterwards_is_at_fault() -> None:
    assert lived().audit([order(total=502)]).mispriced == ["a"]


@pytest.mark.parametrize("changed", [{"status": "ready"}, {"version": 6}])
def test_list_must_agree_with_the_stream(changed: dict[str, Any]) -> None:
    assert lived().audit([order(**changed)]).disagreeing == ["a"]


def test_cancelled_order_is_finished_but_not_completed() -> None:
    ledger = Ledger([sold()])
    ledger.acknowledge(sold(), order())
    tell(ledger, event("placed", None, 1), event("cancelled", "placed", 2))
    assert ledger.finished == 1
    assert ledger.audit(None).unfinished == ["a"]


def test_order_never_acknowledged_is_unplaced() -> None:
    assert Ledger([sold("7")]).audit(None).unplaced == ["7"]


def test_delay_is_counted_from_the_change() -> None:
    assert lived().delays == [pytest.approx(0.04)] * 5
