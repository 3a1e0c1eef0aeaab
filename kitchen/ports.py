"""What the kitchen needs from outside: somewhere to keep tickets, and the time."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from kitchen.domain import (
    Change,
    Kitchen,
    Move,
    MoveOutcome,
    PutOutcome,
    ResetOutcome,
    Status,
    Ticket,
    TicketCommand,
)

Clock = Callable[[], datetime]
"""The time now, in UTC."""


class TicketStore(Protocol):
    """Keeps the tickets of all kitchens. Every write is atomic and safe to repeat.

    What it can't do for one ticket of many it answers with the exception, and does the others.
    """

    async def put(
        self, commands: Sequence[tuple[Kitchen, TicketCommand]], at: datetime
    ) -> Sequence[tuple[PutOutcome, Ticket] | Exception]:
        """Brings tickets to their wanted states; one answer a command, in order."""

    async def move(
        self, kitchen: Kitchen, moves: Sequence[Move], at: datetime
    ) -> Sequence[tuple[MoveOutcome, Ticket | None] | Exception]:
        """Moves tickets one step each; one answer a move, in order."""

    async def renew(
        self, kitchen: Kitchen, order_ids: Sequence[str], at: datetime
    ) -> Sequence[Ticket | Exception]:
        """Gives new promises to those of the tickets that are late; returns these."""

    async def acknowledge(self, kitchen: str, order_id: str, at: datetime) -> Ticket | None:
        """Clears what is flagged on a ticket; None when there is no such ticket."""

    async def settle(
        self, kitchen: str, changes: Sequence[tuple[str, str]], at: datetime
    ) -> Sequence[Exception | None]:
        """Forgets changes, given as (order id, change id), that the order service applied."""

    async def reset(
        self, kitchen: Kitchen, change_id: str, command: TicketCommand, at: datetime
    ) -> tuple[ResetOutcome, Ticket | None]:
        """Puts a ticket back to what ``command`` says, if the change is still pending."""

    async def park(
        self, kitchen: str, order_id: str, change_id: str, reason: str, at: datetime
    ) -> Ticket | None:
        """Takes a ticket off the board with its changes; None when the change was not pending."""

    async def due(self, kitchen: str, status: Status, at: datetime, limit: int) -> Sequence[str]:
        """Preparing or ready tickets whose time is over, longest first."""

    async def next_queued(self, kitchen: str, limit: int) -> Sequence[str]:
        """The tickets to start next, first promised first."""

    async def count_preparing(self, kitchen: str) -> int:
        """How many tickets are being cooked."""

    async def late(self, kitchen: str, at: datetime, limit: int) -> Sequence[str]:
        """Tickets about to miss their promise by more than two minutes, latest first."""

    async def tickets(self, kitchen: str, order_ids: Sequence[str]) -> Mapping[str, Ticket]:
        """Those of the tickets that exist."""

    async def versions(self, kitchen: str, order_ids: Sequence[str]) -> Mapping[str, int]:
        """Those of the tickets that exist, by the version of the last command each was given."""

    async def scan_open(self, kitchen: str, cursor: int) -> tuple[int, Sequence[str]]:
        """Some order ids of open tickets and the cursor to go on with; 0 begins and ends."""

    async def board(self, kitchen: str) -> Sequence[Ticket]:
        """The tickets on the board, first promised first."""

    async def ticket_with_number(self, kitchen: str, number: int) -> Ticket | None:
        """The open ticket that has this pickup number."""

    async def count_parked(self, kitchen: str) -> int:
        """How many tickets wait for a person to look."""

    async def record_tick(self, kitchen: str, at: datetime) -> None:
        """Remembers when the ten-second job last ran."""

    async def last_tick(self, kitchen: str) -> datetime | None:
        """When the ten-second job last ran, if ever."""

    async def last_event_id(self, kitchen: str) -> str:
        """The id of the board's last event; ``0-0`` when it had none."""


class ChangeFeed(Protocol):
    """A kitchen's changes that have no verdict yet."""

    async def changes_after(
        self, kitchen: str, change_id: str, limit: int
    ) -> tuple[Sequence[Change], str]:
        """The next changes that can be read, and the id to go on after; waits a little for one when
        there is none, and may return none."""


class EventFeed(Protocol):
    """What changed on a kitchen's board."""

    async def events_after(self, kitchen: str, event_id: str) -> Sequence[tuple[str, str]]:
        """The next events as (event id, order id); waits a little, and may return none."""
