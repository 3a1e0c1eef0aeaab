"""What a replay shows: the bars while it runs, and the table in the end."""

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from infra.dev.replay.ledger import Audit
from infra.dev.replay.run import Pace, Replay

SHOWN_FAULTS = 10
NEED_LISTS = frozenset({"lost", "duplicated", "list and stream disagree"})
"""What only the guests' own lists can tell."""


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of ``values`` do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def print_report(console: Console, replay: Replay, audit: Audit, *, complete: bool) -> None:
    """Prints the table, and below it what is at fault. Not ``complete``: it was broken off."""
    table = Table(title="Replay" if complete else "Replay, broken off: what is known so far")
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in _rows(replay, audit):
        table.add_row(name, value)
    console.print(table)
    for name, faults in _faults(audit).items():
        for fault in faults[:SHOWN_FAULTS]:
            console.print(f"{name}: {fault}", style="red", markup=False)
        if len(faults) > SHOWN_FAULTS:
            console.print(f"{name}: and {len(faults) - SHOWN_FAULTS} more", style="red")
    if complete and audit.is_clean:
        console.print("Every order was placed once, cooked, told in order and paid to the cent.")


def _rows(replay: Replay, audit: Audit) -> list[tuple[str, str]]:
    rows = [
        ("placed", str(audit.acknowledged)),
        ("completed", str(audit.completed)),
        *((name, _count(name, faults, replay)) for name, faults in _faults(audit).items()),
        ("money in the file", _money(audit.money_sold)),
        ("money placed", _money(audit.money_placed)),
        ("calls made again", str(sum(guest.retries for guest in replay.guests))),
        ("events", str(audit.events)),
    ]
    pace = replay.pace
    if pace.placed_at:
        rows.append(("orders placed a second", _rate(audit.acknowledged, pace.placed_at, pace)))
    if pace.completed_at:
        rows.append(("orders completed a second", _rate(audit.completed, pace.completed_at, pace)))
    if delays := replay.ledger.delays:
        rows.append(("from change to arrival, p50", f"{percentile(delays, 0.5) * 1000:.0f} ms"))
        rows.append(("from change to arrival, p99", f"{percentile(delays, 0.99) * 1000:.0f} ms"))
    return rows


def _count(name: str, faults: list[str], replay: Replay) -> str:
    if replay.listed is None and name in NEED_LISTS:
        return "not known"
    return str(len(faults))


def _faults(audit: Audit) -> dict[str, list[str]]:
    return {
        "not placed": audit.unplaced,
        "not completed": audit.unfinished,
        "lost": audit.lost,
        "duplicated": audit.duplicated,
        "out of order or missing": audit.disordered,
        "off by a cent or more": audit.mispriced,
        "list and stream disagree": audit.disagreeing,
    }


def _money(minor_units: int) -> str:
    return f"{minor_units // 100}.{minor_units % 100:02}"


def _rate(count: int, until: float, pace: Pace) -> str:
    return f"{count / max(until - pace.began_at, 1e-9):.1f}"
