"""When guests may order at all: opening hours, and the switch that pauses orders."""

from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from infra.errors import Violation
from order.domain import HouseClosedError, InvalidHouseError, OrdersPausedError

MAX_HOURS = 50


@dataclass(frozen=True)
class OpeningHours:
    """Open on one day of the week. Closing no later than opening means on the day after."""

    day: int
    """From 1, Monday, to 7 (ISO 8601)."""
    opens: time
    closes: time

    def include(self, local: datetime) -> bool:
        """Whether it is open then; ``local`` is in the house's own time."""
        at = local.time()
        if self.opens < self.closes:
            return local.isoweekday() == self.day and self.opens <= at < self.closes
        day_after = self.day % 7 + 1
        return (local.isoweekday() == self.day and at >= self.opens) or (
            local.isoweekday() == day_after and at < self.closes
        )


@dataclass(frozen=True)
class House:
    """What decides whether guests may order now. Without hours it is always open."""

    hours: tuple[OpeningHours, ...] = ()
    time_zone: str = "UTC"
    paused: bool = False
    reason: str = ""
    """Why orders are paused, for guests to read."""

    def is_open(self, at: datetime) -> bool:
        """Whether ``at`` is within the opening hours."""
        local = at.astimezone(ZoneInfo(self.time_zone))
        return not self.hours or any(each.include(local) for each in self.hours)

    def require_serving(self, at: datetime) -> None:
        """Raises HouseClosedError or OrdersPausedError where guests may not order."""
        if self.paused:
            raise OrdersPausedError(self.reason)
        if not self.is_open(at):
            raise HouseClosedError


def read_hours(hours: list[tuple[int, str, str]], time_zone: str) -> tuple[OpeningHours, ...]:
    """Opening hours from what somebody wrote: days from 1, times such as ``11:30``.

    Raises InvalidHouseError with everything that is wrong.
    """
    violations = []
    read = []
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        violations.append(Violation("/time_zone", "must be of the IANA database, as Europe/Berlin"))
    if len(hours) > MAX_HOURS:
        violations.append(Violation("/hours", f"must be at most {MAX_HOURS}"))
    for index, (day, opens, closes) in enumerate(hours):
        at = f"/hours/{index}"
        if not 1 <= day <= 7:
            violations.append(Violation(f"{at}/day", "must be a day of the week"))
        times = []
        for name, text in (("opens", opens), ("closes", closes)):
            try:
                times.append(_read_time(text))
            except ValueError:
                violations.append(Violation(f"{at}/{name}", "must be a time such as 11:30"))
        if len(times) == 2:
            read.append(OpeningHours(day, *times))
    if violations:
        raise InvalidHouseError(violations)
    return tuple(read)


def _read_time(text: str) -> time:
    if len(text) != len("00:00"):
        raise ValueError(text)
    return time.fromisoformat(text)
