"""The one table of an order's life: its statuses, the permitted moves, and who may make them.

Pure data and pure functions. The guards, the API's ``allowed_actions``, the documentation's table
and diagram and the property tests all come from here.
"""

from dataclasses import dataclass
from functools import lru_cache

from infra.words import Word


class Status(Word):
    """Where an order stands."""

    PLACED = "placed"
    QUEUED = "queued"
    PREPARING = "preparing"
    READY = "ready"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class Cause(Word):
    """What made a change happen. A timer's guess must never pass for a cook's word."""

    GUEST = "guest"
    COOK = "cook"
    STAFF = "staff"
    TIMER = "timer"
    SYSTEM = "system"


class Action(Word):
    """What a guest or staff may ask of an order."""

    EDIT = "edit"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Transition:
    """One permitted move; ``source`` is None for a new order."""

    source: Status | None
    target: Status
    causes: frozenset[Cause]
    when: str
    needs_reason: bool = False


def _move(
    source: Status | None, target: Status, *causes: Cause, when: str, needs_reason: bool = False
) -> Transition:
    return Transition(source, target, frozenset(causes), when, needs_reason)


TRANSITIONS: tuple[Transition, ...] = (
    _move(None, Status.PLACED, Cause.GUEST, when="a guest orders"),
    _move(
        Status.PLACED,
        Status.QUEUED,
        Cause.SYSTEM,
        when="the kitchen took the ticket: pickup number and promised time are set",
    ),
    _move(
        Status.PLACED,
        Status.REJECTED,
        Cause.SYSTEM,
        when="the kitchen cannot take it: no such kitchen or station",
        needs_reason=True,
    ),
    _move(
        Status.QUEUED,
        Status.PREPARING,
        Cause.TIMER,
        Cause.COOK,
        when="the tick finds room, or a cook starts it",
    ),
    _move(
        Status.PREPARING,
        Status.READY,
        Cause.TIMER,
        Cause.COOK,
        when="the prep time is over (auto mode), or a cook says so",
    ),
    _move(
        Status.READY,
        Status.COMPLETED,
        Cause.TIMER,
        Cause.COOK,
        Cause.STAFF,
        when="staff hand it over, or the tick after the pickup time",
    ),
    _move(
        Status.READY,
        Status.PREPARING,
        Cause.COOK,
        when="a cook recalls it: from then on only a cook finishes it",
        needs_reason=True,
    ),
    *(
        _move(source, Status.CANCELLED, Cause.GUEST, Cause.STAFF, when="the guest or staff cancel")
        for source in (Status.PLACED, Status.QUEUED)
    ),
    *(
        _move(
            source,
            Status.CANCELLED,
            Cause.STAFF,
            when="staff cancel what is cooked already; the waste is recorded",
            needs_reason=True,
        )
        for source in (Status.PREPARING, Status.READY)
    ),
)

_BY_MOVE = {(t.source, t.target): t for t in TRANSITIONS}

FINAL = frozenset(Status) - {t.source for t in TRANSITIONS if t.source is not None}
"""Statuses nothing follows."""

EDITABLE = frozenset({Status.PLACED, Status.QUEUED})
"""Statuses in which a guest may still change the content."""

PROMISED = frozenset({Status.QUEUED, Status.PREPARING})
"""Statuses in which the kitchen may renew its promise."""


def find_transition(source: Status | None, target: Status, cause: Cause) -> Transition | None:
    """The permitted move from ``source`` to ``target`` by ``cause``, or None when there is none."""
    transition = _BY_MOVE.get((source, target))
    return transition if transition is not None and cause in transition.causes else None


@lru_cache
def allowed_actions(status: Status, cause: Cause = Cause.GUEST) -> tuple[Action, ...]:
    """What ``cause`` (a guest, or staff) may ask of an order in ``status``."""
    edit = (Action.EDIT,) if cause is Cause.GUEST and status in EDITABLE else ()
    cancel = (Action.CANCEL,) if find_transition(status, Status.CANCELLED, cause) else ()
    return edit + cancel
