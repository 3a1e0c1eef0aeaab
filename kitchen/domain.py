"""Tickets and what happens to them. The rules that must be atomic are in ``lua/``; their words are
here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from infra.errors import RefusedError, Violation
from infra.words import Word


class Status(Word):
    """Where a ticket stands. The first seven are the order's statuses as well."""

    PLACED = "placed"
    QUEUED = "queued"
    PREPARING = "preparing"
    READY = "ready"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    PARKED = "parked"
    """Taken off the board because the order service can't place it; a person must look."""


ON_BOARD = frozenset({Status.QUEUED, Status.PREPARING, Status.READY})


class Cause(Word):
    """What made a change happen."""

    GUEST = "guest"
    COOK = "cook"
    STAFF = "staff"
    TIMER = "timer"
    """The ten-second job: an estimate, nobody's word."""
    SYSTEM = "system"


class Flag(Word):
    """What a cook must see on a ticket and acknowledge."""

    NONE = ""
    CHANGED = "changed"
    VOIDED = "voided"


class Mode(Word):
    """What the passage of time may move in a kitchen; taps always may."""

    AUTO = "auto"
    """The ten-second job starts, finishes and completes tickets."""
    HYBRID = "hybrid"
    """The job starts tickets; cooks finish them."""
    MANUAL = "manual"
    """Nothing moves by time; only promises are renewed."""

    @property
    def starts_by_time(self) -> bool:
        return self is not Mode.MANUAL

    @property
    def finishes_by_time(self) -> bool:
        return self is Mode.AUTO


@dataclass(frozen=True)
class Line:
    """One dish of a ticket. Amounts are in minor units of the order's currency."""

    sku: str
    name: str
    quantity: int
    options: tuple[str, ...]
    unit_price: int
    line_total: int
    station: str
    prep_seconds: int


@dataclass(frozen=True)
class TicketCommand:
    """The whole wanted state of a ticket, as the order service had it at ``version``."""

    order_id: str
    kitchen: str
    version: int
    revision: int
    status: Status
    applied_seq: int
    """The seq of the last change the order service applied; a ticket built anew goes on from it."""
    lines: tuple[Line, ...]
    note: str
    placed_at: datetime
    number: int
    """The pickup number the order already has, or 0."""
    promised_at: datetime | None
    reason: str
    traceparent: str = ""
    """The span that brought it, then the one that puts it, where recorded (``infra.tracing``)."""


@dataclass(frozen=True)
class Kitchen:
    """A kitchen and its pace.

    A ticket's prep time is the longest of its lines, because stations work side by side. The
    promise given to a new ticket is a simple estimate: now + wait + prep, where the wait is its own
    prep time once for every full round of ``capacity`` tickets ahead of it, queued or being cooked,
    and what the job may let it wait (``job_wait_ms``). It is renewed when it is about to be missed
    by more than two minutes.
    """

    name: str
    capacity: int
    mode: Mode = Mode.AUTO
    stations: frozenset[str] = frozenset()
    speed: float = 1.0
    pickup_after: timedelta = timedelta(minutes=10)
    tick: timedelta = timedelta(0)
    """From one run of the job to the next."""

    @property
    def job_wait_ms(self) -> int:
        """How long a ticket waits for the job at most: to be begun, and to be found done."""
        waits = self.mode.starts_by_time + self.mode.finishes_by_time
        return round(self.tick.total_seconds() * 1000 * waits)

    def prep_ms(self, lines: tuple[Line, ...]) -> int:
        """How long a ticket with these lines takes to cook here."""
        longest = max((line.prep_seconds for line in lines), default=0)
        return round(longest * 1000 / self.speed)

    @property
    def pickup_ms(self) -> int:
        """How long a ready ticket waits before the job takes it as picked up."""
        return round(self.pickup_after.total_seconds() * 1000 / self.speed)

    def missing_station(self, lines: tuple[Line, ...]) -> str | None:
        """A station these lines need and the kitchen does not have."""
        if not self.stations:
            return None
        return next((line.station for line in lines if line.station not in self.stations), None)


@dataclass(frozen=True)
class Ticket:
    """A ticket as the kitchen has it."""

    order_id: str
    kitchen: str
    status: Status
    number: int
    seq: int
    """The last number given to a change of this ticket."""
    version: int
    revision: int
    lines: tuple[Line, ...]
    note: str
    placed_at: datetime
    promised_at: datetime | None
    started_at: datetime | None
    ready_at: datetime | None
    cause: Cause
    held: bool
    """True after a recall, until a cook finishes it: the ten-second job leaves it alone."""
    flag: Flag
    reason: str
    pending: tuple[str, ...]
    """Ids of its changes that have no verdict yet, oldest first."""
    traceparent: str = ""
    """The span that put it here, where that was recorded: what happens to it comes from there."""

    @property
    def on_board(self) -> bool:
        return self.status in ON_BOARD or self.flag is Flag.VOIDED

    def is_news_to(self, command: TicketCommand) -> bool:
        """Whether who sent ``command``, of a placed order, is to learn from the answer to it that
        the ticket is queued. Else a change is on its way to him."""
        return (
            command.status is Status.PLACED
            and self.status is Status.QUEUED
            and self.seq == command.applied_seq + 1
            and not self.pending
        )


def queued_ticket(command: TicketCommand, number: int, promised_at: datetime) -> Ticket:
    """The new ticket of a placed order."""
    return Ticket(
        order_id=command.order_id,
        kitchen=command.kitchen,
        status=Status.QUEUED,
        number=number,
        seq=command.applied_seq + 1,
        version=command.version,
        revision=command.revision,
        lines=command.lines,
        note=command.note,
        placed_at=command.placed_at,
        promised_at=promised_at,
        started_at=None,
        ready_at=None,
        cause=Cause.SYSTEM,
        held=False,
        flag=Flag.NONE,
        reason="",
        pending=(),
        traceparent=command.traceparent,
    )


@dataclass(frozen=True)
class Move:
    """One ticket, one step: a cook's tap or the job's guess.

    Attributes:
        seq: the seq the cook saw; the move is refused when the ticket moved since. 0 accepts any.
        by_time: the job's own move: only while the ticket is due and not held, and a start only
            while there is room. A cook's tap may exceed the capacity.
    """

    order_id: str
    source: Status
    target: Status
    cause: Cause
    by: str
    seq: int = 0
    reason: str = ""
    by_time: bool = False


class MoveOutcome(Word):
    """What became of a move."""

    MOVED = "moved"
    ALREADY = "already"
    """It was where it should go before."""
    REFUSED = "refused"
    """It is in another status, or its seq is another."""
    NOT_DUE = "not_due"
    FULL = "full"
    UNKNOWN = "unknown"


class PutOutcome(Word):
    """What became of a command."""

    TAKEN = "taken"
    """A new ticket hangs in the queue."""
    REBUILT = "rebuilt"
    """The kitchen had lost it; it hangs again where the order service knows it to be."""
    CHANGED = "changed"
    VOIDED = "voided"
    """Called off when cooking had begun: that is waste."""
    WITHDRAWN = "withdrawn"
    """Called off before cooking."""
    CLOSED = "closed"
    """Over before the kitchen knew it; remembered, so that no older command brings it back."""
    NOTED = "noted"
    """A later version with nothing to do."""
    KNOWN = "known"
    """This version or a later one is known."""


class ResetOutcome(Word):
    """What became of an AMENDED verdict: a put's outcome where the order turned out to be over."""

    RESET = "reset"
    VOIDED = "voided"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"
    GONE = "gone"
    """The change was no longer pending: somebody acted on the verdict before."""


@dataclass(frozen=True)
class Change:
    """A ticket's change on its way to the order service."""

    id: str
    """The entry in the kitchen's changes stream."""
    kitchen: str
    order_id: str
    seq: int
    revision: int
    previous: Status
    status: Status
    cause: Cause
    by: str
    at: datetime
    number: int
    promised_at: datetime | None
    reason: str
    traceparent: str = ""
    """The span it comes from, then the one that sends it, where recorded (``infra.tracing``)."""


class VerdictKind(Word):
    """What the order service made of a change."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    VOID = "void"
    AMENDED = "amended"
    UNKNOWN = "unknown"
    FAILED = "failed"

    @property
    def settles(self) -> bool:
        """Whether the order service has the change now, so that the kitchen may forget it."""
        return self in (VerdictKind.APPLIED, VerdictKind.DUPLICATE)


@dataclass(frozen=True)
class Verdict:
    """The answer to one change; ``command`` comes with VOID and AMENDED."""

    change_id: str
    """The entry in the kitchen's changes stream."""
    order_id: str
    kind: VerdictKind
    command: TicketCommand | None
    detail: str


@dataclass(frozen=True)
class BoardEvent:
    """One change of the board: the ticket as it was then, or later."""

    id: str
    ticket: Ticket


class KitchenNotFoundError(RefusedError):
    """There is no such kitchen. Expected."""

    def __init__(self, kitchen: str) -> None:
        super().__init__(f"there is no kitchen {kitchen!r}", kitchen=kitchen)


class TicketNotFoundError(RefusedError):
    """The kitchen has no ticket for this order. Expected."""

    def __init__(self, kitchen: str, order_id: str) -> None:
        super().__init__("the kitchen has no such ticket", kitchen=kitchen, order_id=order_id)


class TicketMovedError(RefusedError):
    """The ticket moved since the cook looked. Expected: two cooks, or the job, at one ticket."""

    def __init__(self, ticket: Ticket, seen_seq: int) -> None:
        super().__init__(
            f"the ticket moved since: it is {ticket.status} now",
            order_id=ticket.order_id,
            status=ticket.status,
            cause=ticket.cause,
            seq=ticket.seq,
            seen_seq=seen_seq,
        )


class MoveNotAllowedError(RefusedError):
    """The ticket's status does not permit this tap. Expected."""

    def __init__(self, ticket: Ticket, target: Status) -> None:
        super().__init__(
            f"a ticket that is {ticket.status} can't become {target}",
            order_id=ticket.order_id,
            status=ticket.status,
            cause=ticket.cause,
            attempted=target,
            seq=ticket.seq,
        )


class ReasonMissingError(RefusedError):
    """A recall needs a reason. Expected."""

    violations = (Violation("/reason", "say why the ticket is taken back"),)

    def __init__(self) -> None:
        super().__init__("a recall needs a reason")


class TooManyCommandsError(RefusedError):
    """More commands in one call than the contract allows: a bug in the caller."""

    def __init__(self, count: int, most: int) -> None:
        super().__init__(f"{count} commands in one call; {most} are allowed", most=most)


Kitchens = Mapping[str, Kitchen]
"""The kitchens by name."""
