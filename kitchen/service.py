"""What can be done in a kitchen: one method for each use case."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra import tracing
from infra.logs import get_logger
from infra.text import is_visible
from kitchen.domain import (
    Cause,
    Kitchen,
    KitchenNotFoundError,
    Kitchens,
    Move,
    MoveNotAllowedError,
    MoveOutcome,
    ReasonMissingError,
    ResetOutcome,
    Status,
    Ticket,
    TicketCommand,
    TicketMovedError,
    TicketNotFoundError,
    Verdict,
    VerdictKind,
)
from kitchen.journal import tell_move, tell_put, trace_facts
from kitchen.ports import Clock, TicketStore

log = get_logger()

_OVER = frozenset({Status.COMPLETED, Status.CANCELLED, Status.REJECTED})


@dataclass(frozen=True)
class Taken:
    """The kitchen has this state of the ticket, or a later one."""

    queued: Ticket | None = None
    """The ticket, where the order service is to learn by this that it is queued."""


@dataclass(frozen=True)
class Rejected:
    """The kitchen can't take this order, for ever."""

    reason: str


@dataclass(frozen=True)
class Failed:
    """The kitchen failed on this command; it may be sent again."""

    reason: str


class KitchenService:
    """The kitchens of this restaurant. Taps come from cooks, verdicts from the order service."""

    def __init__(self, kitchens: Kitchens, store: TicketStore, clock: Clock) -> None:
        self._kitchens = kitchens
        self._store = store
        self._clock = clock

    def kitchen(self, name: str) -> Kitchen:
        """The kitchen of this name. Raises KitchenNotFoundError."""
        try:
            return self._kitchens[name]
        except KeyError:
            raise KitchenNotFoundError(name) from None

    async def put_tickets(
        self, commands: Sequence[TicketCommand]
    ) -> Sequence[Taken | Rejected | Failed]:
        """Brings tickets to their wanted states: one answer a command, in order. Safe to repeat."""
        answers: list[Taken | Rejected | Failed] = [Taken()] * len(commands)
        accepted: list[tuple[int, Kitchen, TicketCommand]] = []
        for index, command in enumerate(commands):
            match self._accept(command):
                case Kitchen() as kitchen:
                    accepted.append((index, kitchen, command))
                case refusal:
                    answers[index] = refusal
        if not accepted:
            return answers
        wanted = [command for _, _, command in accepted]
        with tracing.each("put ticket", "consumer", wanted, trace_facts) as spans:
            results = await self._store.put(
                [(k, s.carry(c)) for (_, k, c), s in zip(accepted, spans, strict=True)],
                self._clock(),
            )
            for (index, _, command), span, result in zip(accepted, spans, results, strict=True):
                with span.active():
                    if isinstance(result, Exception):
                        span.fail(type(result).__name__)
                        log.error("ticket_not_put", order_id=command.order_id, exc_info=result)
                        answers[index] = Failed("the kitchen could not keep the ticket")
                    else:
                        outcome, ticket = result
                        span.note({"brigade.outcome": outcome})
                        tell_put(outcome, ticket)
                        if ticket.is_news_to(command):
                            answers[index] = Taken(ticket)
        return answers

    def _accept(self, command: TicketCommand) -> Kitchen | Taken | Rejected | Failed:
        kitchen = self._kitchens.get(command.kitchen)
        if kitchen is None:
            if command.status in _OVER:
                return Taken()
            reason = f"there is no kitchen {command.kitchen!r}"
            return Rejected(reason) if command.status is Status.PLACED else Failed(reason)
        station = kitchen.missing_station(command.lines)
        if command.status is Status.PLACED and station is not None:
            return Rejected(f"kitchen {kitchen.name!r} has no station {station!r}")
        return kitchen

    async def find_tickets(self, kitchen: str, order_ids: Sequence[str]) -> Mapping[str, int]:
        """Those of the orders the kitchen has a ticket of, closed ones it remembers included, and
        the version it knows."""
        return await self._store.versions(self.kitchen(kitchen).name, order_ids)

    async def list_open_tickets(self, kitchen: str, cursor: int) -> tuple[int, Mapping[str, int]]:
        """Some orders with an open ticket, the version that is known of each, and the cursor to go
        on with; 0 begins and ends."""
        after, order_ids = await self._store.scan_open(self.kitchen(kitchen).name, cursor)
        return after, await self.find_tickets(kitchen, order_ids)

    async def list_tickets(self, kitchen: str, number: int = 0) -> Sequence[Ticket]:
        """The board, first promised first; only the ticket with ``number`` unless that is 0.

        Raises:
            KitchenNotFoundError: there is no such kitchen.
        """
        name = self.kitchen(kitchen).name
        if not number:
            return await self._store.board(name)
        ticket = await self._store.ticket_with_number(name, number)
        return [ticket] if ticket is not None else []

    async def start_ticket(self, kitchen: str, order_id: str, seq: int, by: str) -> Ticket:
        """A cook starts a queued ticket, even beyond the capacity.

        ``seq`` is the one the cook saw, 0 for any; a ticket that is where it should go already is
        returned as it is. All taps raise:
            KitchenNotFoundError: there is no such kitchen.
            TicketNotFoundError: it has no such ticket.
            TicketMovedError: the ticket moved since the cook looked.
            MoveNotAllowedError: its status does not permit this.
        """
        return await self._tap(kitchen, order_id, Status.QUEUED, Status.PREPARING, seq, by)

    async def finish_ticket(self, kitchen: str, order_id: str, seq: int, by: str) -> Ticket:
        """A cook has finished a preparing ticket. Raises what every tap raises."""
        return await self._tap(kitchen, order_id, Status.PREPARING, Status.READY, seq, by)

    async def recall_ticket(
        self, kitchen: str, order_id: str, seq: int, by: str, reason: str
    ) -> Ticket:
        """A cook takes a ready ticket back; it is then held until a cook finishes it.

        Raises what every tap raises, and ReasonMissingError.
        """
        if not is_visible(reason):
            raise ReasonMissingError
        return await self._tap(
            kitchen, order_id, Status.READY, Status.PREPARING, seq, by, reason.strip()
        )

    async def complete_ticket(self, kitchen: str, order_id: str, seq: int, by: str) -> Ticket:
        """Staff hand a ready ticket over. Raises what every tap raises."""
        return await self._tap(kitchen, order_id, Status.READY, Status.COMPLETED, seq, by)

    async def _tap(
        self,
        kitchen: str,
        order_id: str,
        source: Status,
        target: Status,
        seq: int,
        by: str,
        reason: str = "",
    ) -> Ticket:
        move = Move(order_id, source, target, Cause.COOK, by, seq=seq, reason=reason)
        since = time.time_ns()
        [answer] = await self._store.move(self.kitchen(kitchen), [move], self._clock())
        if isinstance(answer, Exception):
            raise answer
        outcome, ticket = answer
        if ticket is None:
            raise TicketNotFoundError(kitchen, order_id)
        if outcome is MoveOutcome.REFUSED:
            if seq and seq != ticket.seq:
                raise TicketMovedError(ticket, seq)
            raise MoveNotAllowedError(ticket, target)
        if outcome is MoveOutcome.MOVED:
            tell_move(move, ticket, since)
        return ticket

    async def acknowledge_ticket(self, kitchen: str, order_id: str, by: str) -> Ticket:
        """A cook has seen what is flagged; a voided ticket leaves the board then.

        Raises KitchenNotFoundError, TicketNotFoundError.
        """
        name = self.kitchen(kitchen).name
        ticket = await self._store.acknowledge(name, order_id, self._clock())
        if ticket is None:
            raise TicketNotFoundError(kitchen, order_id)
        log.info("ticket_acknowledged", order_id=order_id, kitchen=name, by=by)
        return ticket

    async def settle(self, kitchen: str, verdicts: Sequence[Verdict]) -> Mapping[str, Exception]:
        """The order service has applied these changes, now or before.

        Returns what went wrong, by change id, where one could not be forgotten.
        """
        settled = [(verdict.order_id, verdict.change_id) for verdict in verdicts]
        errors = await self._store.settle(kitchen, settled, self._clock())
        for verdict, error in zip(verdicts, errors, strict=True):
            log.debug(
                "change_settled",
                order_id=verdict.order_id,
                kitchen=kitchen,
                change_id=verdict.change_id,
                verdict=verdict.kind,
                error=error,
            )
        return {
            verdict.change_id: error
            for verdict, error in zip(verdicts, errors, strict=True)
            if error is not None
        }

    async def obey(self, kitchen: str, verdict: Verdict) -> frozenset[str]:
        """Does what a VOID, AMENDED or UNKNOWN verdict asks.

        Returns:
            The ids of the ticket's changes that are pending now; all others of it are void.
        """
        if verdict.kind is VerdictKind.UNKNOWN:
            await self.park(kitchen, verdict, "the order service has no such order")
            return frozenset()
        if verdict.command is None:
            raise ValueError(f"a verdict {verdict.kind} came without a command")
        at = self._clock()
        if verdict.kind is VerdictKind.VOID:
            [result] = await self._store.put([(self.kitchen(kitchen), verdict.command)], at)
            if isinstance(result, Exception):
                raise result
            tell_put(*result)
            await self.settle(kitchen, [verdict])
            return frozenset()
        outcome, ticket = await self._store.reset(
            self.kitchen(kitchen), verdict.change_id, verdict.command, at
        )
        if ticket is None:
            return frozenset()
        if outcome is ResetOutcome.RESET:
            log.warning(
                "ticket_reset",
                order_id=ticket.order_id,
                kitchen=kitchen,
                status=ticket.status,
                seq=ticket.seq,
                revision=ticket.revision,
            )
        else:
            tell_put(outcome, ticket)
        return frozenset(ticket.pending)

    async def park(self, kitchen: str, verdict: Verdict, reason: str) -> None:
        """Takes the ticket of a hopeless change off the board, for a person to look at."""
        ticket = await self._store.park(
            kitchen, verdict.order_id, verdict.change_id, reason, self._clock()
        )
        if ticket is not None:
            log.error(
                "ticket_parked",
                order_id=ticket.order_id,
                kitchen=kitchen,
                number=ticket.number,
                reason=reason,
            )
