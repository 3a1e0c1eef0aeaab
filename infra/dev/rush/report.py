"""The table a night ends with, and below it what is at fault."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from infra.dev.rush.house import House
from infra.dev.rush.night import Night

SHOWN_VIOLATIONS = 8


def print_report(console: Console, night: Night, house: House) -> None:
    """Prints what happened and what was found."""
    table = Table(title="Rush" if night.is_over else "Rush, broken off: what is known so far")
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in _rows(night, house):
        table.add_row(name, str(value))
    console.print(table)
    for promise, found in night.violations.items():
        for violation in found[:SHOWN_VIOLATIONS]:
            console.print(f"{promise}: {violation}", style="red", markup=False, soft_wrap=True)
        if len(found) > SHOWN_VIOLATIONS:
            console.print(f"{promise}: and {len(found) - SHOWN_VIOLATIONS} more", style="red")


def count_violations(night: Night) -> int:
    """How often a promise was broken, as far as is known."""
    return sum(len(found) for found in night.violations.values())


def _rows(night: Night, house: House) -> Iterator[tuple[str, object]]:
    diary, faults = night.diary, night.faults
    taken = len(diary.acknowledged)
    yield "orders taken", taken
    yield "finished", taken - len(diary.untold)
    yield "cancels taken", sum(asked.cancelled for asked in diary.asked)
    yield "kills", faults.kills.total()
    for name, count in sorted(faults.kills.items()):
        yield f"  {name}", count
    yield "freezes of 3 s", faults.freezes.total()
    yield "connections reset", faults.cuts.total()
    yield "connections reset on an answer", sum(wire.lost_answers for wire in house.wires)
    yield "connections left half-open", faults.silenced.total()
    noticed = [after for wire in house.grpc_wires for after in wire.noticed_after]
    if noticed:
        yield "  between services, noticed within", f"{max(noticed):.1f} s"
    yield "answers 503", diary.answers[503]
    yield "calls made again", night.retries
    yield "streams", len(diary.streams)
    yield "streams opened again", night.reconnects
    yield "status events told", diary.events["status"]
    yield "resets told", diary.events["reset"]
    for promise, found in night.violations.items():
        yield promise, len(found)
    yield "violations", count_violations(night)
