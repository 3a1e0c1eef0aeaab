"""What the order service needs of the world."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from infra.limits import Usage
from order.domain import Change, Menu, Order, OrderEvent
from order.house import House, OpeningHours
from order.lifecycle import Status


@dataclass(frozen=True)
class OrderMark:
    """Whose an order is, where it is cooked, and how often it was written."""

    user_id: str
    kitchen: str
    version: int


@dataclass(frozen=True)
class Unreadable:
    """An order that is there and can't be read: a hand in Redis has changed it, or a later release
    has written it. It stays as it is until somebody has looked, and holds up no other."""

    order_id: str
    error: Exception = field(compare=False)
    """What was met."""


@dataclass(frozen=True)
class Idempotency:
    """The key a guest gave with a new order, and the digests (SHA-256, hex) of what it came with.

    Args:
        key: the guest's.
        body_sha256: of the very bytes of the body.
        content_sha256: of what the body says, however it is written; "" from a gateway of the last
            release.
    """

    key: str
    body_sha256: str
    content_sha256: str = ""


@dataclass(frozen=True)
class FirstAnswer:
    """What was answered first under an idempotency key: the order as it was first written."""

    given: Idempotency
    order: Order

    def answers(self, repeated: Idempotency) -> bool:
        """Return True if ``repeated`` is the same request: its bytes are, or what they say."""
        first = self.given
        return repeated.body_sha256 == first.body_sha256 or (
            repeated.content_sha256 == first.content_sha256 != ""
        )


@dataclass(frozen=True)
class Applied:
    """The change is committed, now or before by the same operation."""

    usage: Usage | None = None
    """What is left of the guest's allowance after a new order, where there is a limit."""
    is_new: bool = field(default=False, compare=False)
    """Whether it was committed now, so that nothing can have followed it yet."""
    outbox_id: str = field(default="", compare=False)
    """The entry that tells the kitchen, where it must hear of the change and that is new."""


@dataclass(frozen=True)
class Stale:
    """The order is at another version: read it again and decide anew."""


@dataclass(frozen=True)
class Outdated:
    """What the order was made out by has changed: make it out anew."""

    edition: int
    """The one it must have now."""


@dataclass(frozen=True)
class Replayed:
    """The idempotency key had its order already."""

    answer: FirstAnswer


@dataclass(frozen=True)
class OrderPage:
    """Orders, newest first, and the cursor of the next page; empty when there is none."""

    orders: Sequence[Order]
    next_cursor: str


@dataclass(frozen=True)
class UserEvents:
    """A user's events after an id; ``usable`` is False when that id is too old or unknown."""

    events: Sequence[OrderEvent]
    more: bool
    usable: bool


class CommitListener(Protocol):
    """Somebody in this process who carries on what was committed."""

    def committed(self, change: Change, outbox_id: str) -> None:
        """``change`` has just been committed, with that entry of the outbox or none ("").

        Only a hint: what was committed while nobody could tell is found where it is kept.
        """


class OrderStore(Protocol):
    """Keeps orders. Each commit is atomic and safe to repeat."""

    async def get_with_history(self, order_id: str) -> Order | None:
        """The order with its history, or None."""

    async def get_mark(self, order_id: str) -> OrderMark | None:
        """What tells whether the order has changed and who may know, or None."""

    async def get_many(self, order_ids: Sequence[str]) -> list[Order | Unreadable | None]:
        """The orders without history, in the order of the ids."""

    async def recall_many(self, order_ids: Sequence[str]) -> list[Order | Unreadable | None]:
        """The orders as this process last committed or read them, perhaps not the newest state.

        For whoever finds out by the version: a commit that is refused then, or a receiver who keeps
        the highest.
        """

    async def list_of_user(
        self, user_id: str, *, status: Status | None, limit: int, cursor: str
    ) -> OrderPage:
        """A page of the user's orders, newest first, from after ``cursor``."""

    async def find_first_answer(self, user_id: str, key: str) -> FirstAnswer | None:
        """What an idempotency key was answered with, if it was used in the last 24 hours.

        Raises OrderNotFoundError where that order is gone.
        """

    async def place(
        self, change: Change, *, edition: int = 0, idempotency: Idempotency | None = None
    ) -> Applied | Stale | Replayed | Outdated:
        """Writes a new order, its event and the kitchen's command: all or nothing.

        ``edition`` is that of the terms it was made out by.

        Raises:
            TooManyOrdersError: its guest places orders too fast.
            BacklogFullError: too many wait for the kitchen.
        """

    async def commit(
        self, change: Change, *, tell_kitchen: bool, edition: int = 0
    ) -> Applied | Stale | Outdated:
        """Commits one change, its event and any command for the kitchen: all or nothing.

        ``edition`` is that of the terms by which an edit was made out; only an edit is ever
        ``Outdated``.

        Raises what Redis refuses, and BacklogFullError where an edit would be one command for the
        kitchen too many.
        """

    async def commit_many(
        self,
        changes: Sequence[Change],
        *,
        tell_kitchen: bool = False,
        heard: Sequence[Sequence[str]] = (),
    ) -> list[Applied | Stale | Unreadable]:
        """Commits changes of different orders, each for itself, in one round trip.

        ``heard`` has for each the entries of the outbox that are deleted with the commit, for the
        kitchen has heard them; none has any where it is empty.
        """

    async def was_applied(self, order_id: str, op: str) -> bool:
        """Whether the order's history has the operation."""

    async def last_event_id(self, user_id: str) -> str:
        """The id of the user's last event, ``0-0`` when he has none."""

    async def events_after(self, user_id: str, event_id: str, *, limit: int) -> UserEvents:
        """The user's events after ``event_id``, oldest first."""

    async def recent_of_user(self, user_id: str, finished_since: datetime) -> list[Order]:
        """The user's active orders and those finished since, newest first."""

    async def read_edition(self) -> int:
        """How often the terms have changed."""

    async def outdate_terms(self) -> None:
        """The terms have changed: no order is placed by older ones once this returns."""

    async def save_tick(self, kitchen: str, at: datetime) -> None:
        """Notes when a kitchen's job last ran."""

    async def read_ticks(self) -> Mapping[str, datetime]:
        """When each kitchen's job last ran."""

    async def open_since_before(self, shard: str, at: datetime, *, offset: int) -> list[str]:
        """Ids of a shard's unfinished orders placed before ``at``, oldest first, some at a time."""

    async def waiting_for_kitchen(self, shard: str) -> frozenset[str] | None:
        """The orders of a shard's outbox, or None when they are too many to look at."""

    async def tell_kitchen_again(self, order: Order) -> None:
        """Puts an order into the outbox once more; harmless, for the kitchen knows its version."""


class MenuStore(Protocol):
    """Keeps the menu."""

    async def read(self) -> Menu:
        """The whole menu."""

    async def replace(self, menu: Menu, *, op: str, if_version: int | None = None) -> Menu:
        """Replace the menu; return ``menu`` with its new version.

        Raises:
            MenuChangedError: the menu is not at ``if_version`` any more.
        """

    async def set_availability(
        self, sku: str, available: bool, *, op: str, if_version: int | None = None
    ) -> Menu:
        """Mark a dish sold out or back; return the menu with that dish alone.

        Raises:
            DishNotFoundError: there is no such dish.
            MenuChangedError: the menu is not at ``if_version`` any more.
        """


class HouseStore(Protocol):
    """Keeps when guests may order. Each change raises HouseChangedError where the house is not at
    ``if_version`` any more."""

    async def read(self) -> House: ...

    async def set_hours(
        self,
        hours: Sequence[OpeningHours],
        time_zone: str,
        *,
        op: str,
        if_version: int | None = None,
    ) -> None: ...

    async def set_pause(
        self,
        paused: bool,
        reason: str,
        until: datetime | None,
        *,
        op: str,
        if_version: int | None = None,
    ) -> None: ...
