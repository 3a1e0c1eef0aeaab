"""When guests may order."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from order.domain import HouseClosedError, InvalidHouseError, OrdersPausedError
from order.house import House, OpeningHours, read_hours

BERLIN = ZoneInfo("Europe/Berlin")
LUNCH = OpeningHours(1, time(11, 30), time(14, 0))
NIGHT = OpeningHours(7, time(18, 0), time(2, 0))
HOUSE = House((LUNCH, NIGHT), "Europe/Berlin")
# 2026-11-23 is a Monday.


@pytest.mark.parametrize(
    ("day", "hour", "minute", "open_then"),
    [
        (23, 11, 29, False),
        (23, 11, 30, True),
        (23, 13, 59, True),
        (23, 14, 0, False),
        (24, 12, 0, False),
        (22, 18, 0, True),
        (22, 23, 59, True),
        (23, 1, 59, True),
        (23, 2, 0, False),
        (22, 1, 0, False),
    ],
)
def test_house_is_open_within_its_hours_by_its_own_clock(
    day: int, hour: int, minute: int, open_then: bool
) -> None:
    local = datetime(2026, 11, day, hour, minute, tzinfo=BERLIN)
    assert HOUSE.is_open(local.astimezone(UTC)) is open_then


def test_house_without_hours_is_always_open() -> None:
    House().require_serving(datetime(2026, 11, 23, 4, tzinfo=UTC))


def test_closed_house_and_paused_orders_are_told_apart() -> None:
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    with pytest.raises(HouseClosedError):
        HOUSE.require_serving(at)
    with pytest.raises(OrdersPausedError, match="the fryer"):
        House(paused=True, reason="the fryer is broken").require_serving(at)


def test_pause_ends_by_itself() -> None:
    end = datetime(2026, 11, 24, 12, 20, tzinfo=UTC)
    house = House(paused=True, reason="the fryer is broken", paused_until=end)
    with pytest.raises(OrdersPausedError, match=r"until 2026-11-24T12:20:00.000Z: the fryer"):
        house.require_serving(end - timedelta(seconds=1))
    house.require_serving(end)


def test_hours_are_read_as_they_are_written() -> None:
    assert read_hours([(1, "11:30", "14:00")], "Europe/Berlin") == (LUNCH,)


@pytest.mark.parametrize(
    ("hours", "zone", "pointer"),
    [
        ([(1, "11:30", "14:00")], "Mars/Olympus", "/time_zone"),
        ([(1, "11:30", "14:00")], "../etc/passwd", "/time_zone"),
        ([(1, "11:30", "14:00")], "", "/time_zone"),
        ([(1, "11:30", "14:00")], "localtime", "/time_zone"),
        ([(1, "11:30", "14:00")], "posix/Europe/Berlin", "/time_zone"),
        ([(1, "11:30", "14:00")], "right/UTC", "/time_zone"),
        ([(1, "11:30", "14:00")], "Factory", "/time_zone"),
        ([(8, "11:30", "14:00")], "UTC", "/hours/0/day"),
        ([(1, "25:00", "14:00")], "UTC", "/hours/0/opens"),
        ([(1, "11:30", "14:00:01")], "UTC", "/hours/0/closes"),
        ([(1, "11:30", "14:00")] * 51, "UTC", "/hours"),
    ],
)
def test_unfit_hours_are_refused(
    hours: list[tuple[int, str, str]], zone: str, pointer: str
) -> None:
    with pytest.raises(InvalidHouseError) as refused:
        read_hours(hours, zone)
    assert [violation.pointer for violation in refused.value.violations] == [pointer]
