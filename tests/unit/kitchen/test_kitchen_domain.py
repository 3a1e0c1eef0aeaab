"""A kitchen's pace, and what it can cook."""

from datetime import timedelta

import pytest

from kitchen.domain import Kitchen, Line, Mode, VerdictKind


def line(prep_seconds: int, station: str = "grill") -> Line:
    return Line("burrito", "Burrito", 1, (), 900, 900, station, prep_seconds)


def test_stations_work_side_by_side_so_the_longest_line_counts() -> None:
    assert Kitchen("main", 8).prep_ms((line(60), line(300), line(120))) == 300_000


def test_speed_divides_prep_and_pickup_times() -> None:
    kitchen = Kitchen("main", 8, speed=4, pickup_after=timedelta(minutes=10))

    assert kitchen.prep_ms((line(60),)) == 15_000
    assert kitchen.pickup_ms == 150_000


def test_ticket_without_lines_takes_no_time() -> None:
    assert Kitchen("main", 8).prep_ms(()) == 0


def test_kitchen_without_a_list_of_stations_has_them_all() -> None:
    assert Kitchen("main", 8).missing_station((line(60, "bar"),)) is None


def test_missing_station_is_named() -> None:
    kitchen = Kitchen("main", 8, stations=frozenset({"grill"}))

    assert kitchen.missing_station((line(60), line(60, "bar"))) == "bar"
    assert kitchen.missing_station((line(60),)) is None


@pytest.mark.parametrize(
    ("mode", "starts", "finishes"),
    [(Mode.AUTO, True, True), (Mode.HYBRID, True, False), (Mode.MANUAL, False, False)],
)
def test_mode_says_what_time_may_move(mode: Mode, starts: bool, finishes: bool) -> None:
    assert (mode.starts_by_time, mode.finishes_by_time) == (starts, finishes)


def test_only_applied_and_duplicate_settle_a_change() -> None:
    assert {kind for kind in VerdictKind if kind.settles} == {
        VerdictKind.APPLIED,
        VerdictKind.DUPLICATE,
    }
