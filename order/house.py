"""When guests may order at all: opening hours, and the switch that pauses orders."""

from dataclasses import dataclass
from datetime import datetime, time
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

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
    """True once orders were paused, also when ``paused_until`` has passed: see ``is_paused``."""
    reason: str = ""
    """Why orders are paused, for guests to read."""
    paused_until: datetime | None = None
    """When the pause ends by itself; None for one that staff end."""
    version: int = 1
    """Counts changes of these settings."""

    def is_open(self, at: datetime) -> bool:
        """Whether ``at`` is within the opening hours."""
        local = at.astimezone(ZoneInfo(self.time_zone))
        return not self.hours or any(each.include(local) for each in self.hours)

    def is_paused(self, at: datetime) -> bool:
        """Return whether orders are paused at ``at``."""
        return self.paused and (self.paused_until is None or at < self.paused_until)

    def require_serving(self, at: datetime) -> None:
        """Raises HouseClosedError or OrdersPausedError where guests may not order."""
        if self.is_paused(at):
            raise OrdersPausedError(self.reason, self.paused_until)
        if not self.is_open(at):
            raise HouseClosedError


def read_hours(hours: list[tuple[int, str, str]], time_zone: str) -> tuple[OpeningHours, ...]:
    """Opening hours from what somebody wrote: days from 1, times such as ``11:30``.

    Raises InvalidHouseError with everything that is wrong.
    """
    violations = []
    read = []
    if time_zone not in _time_zones():
        violations.append(Violation("/time_zone", "must be an IANA name such as Europe/Berlin"))
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


@cache
def _time_zones() -> frozenset[str]:
    """Return the names of the IANA database. What else a machine keeps beside them, such as
    ``localtime`` or ``posix/Europe/Berlin``, no browser knows."""
    return frozenset(available_timezones() - {"Factory", "localtime", "posixrules"})


def require_later(until: datetime | None, now: datetime) -> None:
    """Raises InvalidHouseError where a pause would end before it begins."""
    if until is not None and until <= now:
        raise InvalidHouseError([Violation("/until", "must be later than now")])


def _read_time(text: str) -> time:
    if len(text) != len("00:00"):
        raise ValueError(text)
    return time.fromisoformat(text)
