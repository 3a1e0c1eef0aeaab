"""Every line of a rush's table: what was done and what was found is what it shows."""

import asyncio
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from infra.dev.guest import Guest
from infra.dev.replay.sales_file import SoldLine, SoldOrder
from infra.dev.replay.sold_menu import SoldMenu
from infra.dev.rush.__main__ import INTERRUPTED, exit_status
from infra.dev.rush.audit import audit
from infra.dev.rush.clients import AnyGateway, Diner
from infra.dev.rush.diary import Asked, Diary, StreamLog, Told
from infra.dev.rush.faults import Faults
from infra.dev.rush.house import House
from infra.dev.rush.night import Rush
from infra.dev.rush.programs import Program
from infra.dev.rush.report import count_violations, print_report
from infra.dev.rush.stock_taking import Stock
from infra.dev.rush.wires import Wire

SOLD = SoldOrder("1", (SoldLine("Tea", 2, (), 500),))


@pytest.fixture
def rush(tmp_path: Path) -> Rush:
    """A night in a house that was never opened."""
    return Rush(House(tmp_path, 1), [SOLD], seed=1, tell=print)


@pytest.fixture
def night(rush: Rush) -> Any:
    return rush.night


def table_of(rush: Rush) -> dict[str, str]:
    """What is shown, by line."""
    said = io.StringIO()
    rush.close_books()
    print_report(Console(file=said, width=200), rush.night, rush._house)
    cells = [[cell.strip() for cell in line.split("│")] for line in said.getvalue().splitlines()]
    return {cell[1]: cell[2] for cell in cells if len(cell) == 4}


# What was found wrong


def _fall(rush: Rush) -> None:
    rush._house.services[0].falls.append("ended with status 3")


def _log(rush: Rush, line: str) -> None:
    log_file = rush._house.services[0].log_file
    log_file.parent.mkdir(exist_ok=True)
    log_file.write_text(f"{line}\n", encoding="utf-8")


FOUND: dict[str, Callable[[Rush], object]] = {
    "a wrong answer": lambda rush: rush.night.diary.complaints.append("GET / was answered 500"),
    **{
        promise: lambda rush, promise=promise: rush.night.audited[promise].append("A is lost")
        # tests/unit/dev/test_rush_audit.py plants what these find.
        for promise in audit(Diary(), Stock())
    },
    "a program that fell over": _fall,
    "mended by the reconciler": lambda rush: _log(
        rush, '{"event":"ticket_without_order_voided","level":"error"}'
    ),
    "an error in the log": lambda rush: _log(rush, '{"event":"tick_failed","level":"error"}'),
}


def test_every_kind_of_violation_has_a_planted_one(rush: Rush) -> None:
    rush.night.audited = audit(Diary(), Stock())
    rush.close_books()
    assert rush.night.violations.keys() == FOUND.keys()
    assert count_violations(rush.night) == 0


@pytest.mark.parametrize("promise", FOUND)
def test_violation_is_shown_counted_and_fails_the_rush(rush: Rush, promise: str) -> None:
    rush.night.audited = audit(Diary(), Stock())
    FOUND[promise](rush)
    table = table_of(rush)
    assert {line: table[line] for line in FOUND} == {
        line: "1" if line == promise else "0" for line in FOUND
    }
    assert table["violations"] == "1"
    assert exit_status(count_violations(rush.night), interrupted=False) == 1


def test_rush_that_was_broken_off_tells_what_is_known_and_says_so(rush: Rush) -> None:
    _fall(rush)
    table = table_of(rush)
    assert (table["a program that fell over"], table["violations"]) == ("1", "1")
    assert "not at one last status" not in table, "nobody has looked"
    assert exit_status(1, interrupted=True) == exit_status(0, interrupted=True) == INTERRUPTED
    assert exit_status(0, interrupted=False) == 0


# What happened


class Stove:
    """A program that can always be killed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_up = True
        self.falls: list[str] = []
        self.done: list[str] = []

    async def kill(self) -> None:
        self.done.append("kill")

    def freeze(self) -> None:
        self.done.append("freeze")

    def thaw(self) -> None:
        self.done.append("thaw")


class Cable(Wire):
    """A wire with three connections."""

    def cut(self) -> int:
        return 3

    def fall_silent(self) -> int:
        return 3


def faults_of(rush: Rush, program: Program) -> Faults:
    wire = Cable("guests→gateway", 1)
    faults = Faults([program], [wire], 1, rush._house.folder / "faults.log")
    rush.night.faults = faults
    return faults


async def test_what_happened_is_what_the_table_shows(rush: Rush) -> None:
    night, stove = rush.night, Stove("auth")
    faults = faults_of(rush, stove)
    assert set(table_of(rush).values()) == {"0"}, "nothing yet"
    for _ in range(2):
        await faults._kill()
    await faults._freeze()
    await faults._freeze()
    assert stove.done == ["kill", "kill", "freeze"], "what is frozen is not frozen again"
    stove.is_up = False
    await faults._kill()
    await faults._cut()
    for _ in range(2):
        await faults._silence()
    rush._house.wires[0].lost_answers += 8
    rush._house.grpc_wires[0].noticed_after += [1.25, 9.5]

    for number in range(9):
        asked = Asked(f"key-{number}", SOLD, order_id=f"order-{number}" if number < 7 else "")
        asked.cancelled = number < 4
        night.diary.asked.append(asked)
    stream = StreamLog("anna", "anna")
    night.diary.streams += [stream, StreamLog("anna order-1", "anna", "order-1")]
    for number in range(6):
        last = {"order_id": f"order-{number}", "status": "completed"}
        night.diary.take(stream, Told("status", f"{number}-0", last))
    for _ in range(10):
        night.diary.take(stream, Told("reset", "", {}))
    night.diary.answers.update({503: 11, 200: 100})
    guests = [Guest(httpx.AsyncClient(), login, "") for login in ("anna", "cook")]
    guests[0].retries, guests[1].retries = 10, 2
    guests[0].reconnects, guests[1].reconnects = 12, 1
    night.diners.append(
        Diner(guests[0], guests[1], SoldMenu([SOLD], prep_seconds=60), night.diary, random.Random())
    )
    night.staff.append(guests[1])

    shown = {line: value for line, value in table_of(rush).items() if line not in FOUND}
    assert shown == {
        "orders taken": "7",
        "finished": "6",
        "cancels taken": "4",
        "kills": "2",
        "auth": "2",
        "freezes of 3 s": "1",
        "connections reset": "3",
        "connections reset on an answer": "8",
        "connections left half-open": "6",
        "between services, noticed within": "9.5 s",
        "answers 503": "11",
        "calls made again": "12",
        "streams": "2",
        "streams opened again": "13",
        "status events told": "6",
        "resets told": "10",
        "violations": "0",
    }
    [thawing] = faults._thawing
    thawing.cancel()
    await asyncio.wait({thawing})


# What clients complain of


class Eager(random.Random):
    """Does everything it could, at once."""

    def random(self) -> float:
        return 0.0

    def uniform(self, a: float, b: float) -> float:
        return 0.0


ORDER = {"id": "A", "total": 500}
WRONG: dict[str, tuple[tuple[str, str], httpx.Response, str]] = {
    "an internal error": (
        ("GET", "/menu"),
        httpx.Response(500),
        "GET /menu was answered 500",
    ),
    "a bad gateway": (("GET", "/menu"), httpx.Response(502), "GET /menu was answered 502"),
    "away without a hint": (
        ("GET", "/menu"),
        httpx.Response(503),
        "GET /menu was answered 503 without Retry-After",
    ),
    "a refused order": (
        ("POST", "/order"),
        httpx.Response(422, text="no"),
        "order anna-1 was refused: 422 no",
    ),
    "another sum": (
        ("POST", "/order"),
        httpx.Response(201, json=ORDER | {"total": 501}),
        "order anna-1 costs another sum than 500: 201 ",
    ),
    "a refused edit": (("PUT", "/order/A"), httpx.Response(404, text="no"), "edit of A: 404 no"),
    "a refused note": (("PUT", "/order/A"), httpx.Response(404, text="no"), "note for A: 404 no"),
    "a refused cancel": (
        ("DELETE", "/order/A"),
        httpx.Response(404, text="no"),
        "cancel of A: 404 no",
    ),
    "a refused stream": (
        ("GET", "/order/A/stream"),
        httpx.Response(403),
        "Client error '403 Forbidden' for url",
    ),
}


@pytest.mark.parametrize("wrong", [None, *WRONG])
async def test_wrong_answer_is_noted(rush: Rush, wrong: str | None) -> None:
    where, answer, complaint = WRONG[wrong] if wrong else (("", ""), httpx.Response(200), "")
    usual = {
        ("POST", "/login"): httpx.Response(200, json={"access_token": "token"}),
        ("POST", "/order"): httpx.Response(201, json=ORDER),
        ("GET", "/order/A/stream"): httpx.Response(204),
    }

    def respond(request: httpx.Request) -> httpx.Response:
        asked = (request.method, request.url.path)
        return answer if asked == where else usual.get(asked, httpx.Response(200))

    diary = rush.night.diary
    gateway = AnyGateway(["http://127.0.0.1:1"], diary, 1)
    gateway._inner = httpx.MockTransport(respond)  # type: ignore[assignment]
    async with httpx.AsyncClient(base_url="http://gateway", transport=gateway) as http:
        await http.get("/menu")
        guest = Guest(http, "anna", "")
        diner = Diner(guest, guest, SoldMenu([SOLD], prep_seconds=60), diary, Eager())
        await rush._noting(diner.dine(SOLD, SOLD))
    assert any(each.startswith(complaint) for each in diary.complaints) is bool(wrong)
    assert bool(diary.complaints) is bool(wrong)


async def test_guest_without_an_answer_is_noted(rush: Rush) -> None:
    rush._note_unanswered()
    assert rush.night.diary.complaints == []
    waiting = asyncio.create_task(asyncio.Event().wait())
    rush._dining.add(waiting)  # type: ignore[arg-type]
    rush._note_unanswered()
    assert rush.night.diary.complaints == ["1 guests got no answer"]
    waiting.cancel()
