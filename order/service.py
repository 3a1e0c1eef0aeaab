"""What can be done with orders and the menu: one method a use case."""

import asyncio
import secrets
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ulid import ULID

from infra.clock import to_ms, to_text, utc_now
from infra.errors import Violation
from infra.frozen import altered
from infra.identity import Caller, NotAllowedError
from infra.limits import Usage
from infra.logs import get_logger
from infra.text import fold_spaces
from order.changes import Answer, TicketChange, apply_changes
from order.domain import (
    AgreedTotal,
    Change,
    HouseChangedError,
    IdempotencyKeyReusedError,
    InvalidOrderError,
    LineRequest,
    Menu,
    MenuItem,
    Order,
    OrderError,
    OrderEvent,
    OrderNotFoundError,
    VersionMismatchError,
    adds_portions,
    new_order,
    price_lines,
)
from order.house import House, OpeningHours, require_later
from order.journal import log_step
from order.lifecycle import Cause, Status, allowed_actions
from order.menu import check_menu, with_folded_names
from order.ports import (
    Applied,
    FirstAnswer,
    HouseStore,
    Idempotency,
    MenuStore,
    OrderMark,
    OrderPage,
    OrderStore,
    Outdated,
    Replayed,
    Stale,
)
from order.queueing import Queued, Queueing, queue_orders
from order.terms import CurrentTerms, Terms
from shared_proto.kitchens import DEFAULT_KITCHEN
from shared_proto.roles import ADMIN, is_staff, staff_roles
from shared_proto.sharding import shard_of

log = get_logger()

EVENTS_PAGE = 500
FINISHED_SHOWN = timedelta(hours=1)


@dataclass(frozen=True)
class Placed:
    """A new order, or the first answer to a repeated idempotency key."""

    order: Order
    replayed: bool
    usage: Usage | None = None
    """What is left of the guest's allowance, where there is a limit."""


@dataclass(frozen=True)
class Snapshot:
    """Where a watcher begins: the last event's id, read before the orders."""

    event_id: str
    orders: Sequence[Order]


@dataclass(frozen=True)
class EventPage:
    """A user's events after the id he named."""

    events: Sequence[OrderEvent]
    more: bool


class OrderService:
    """The use cases. Everything it is given, it may be given twice."""

    def __init__(
        self,
        orders: OrderStore,
        menu: MenuStore,
        house: HouseStore,
        *,
        kitchens: Collection[str] = (DEFAULT_KITCHEN,),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._orders = orders
        self._menu = menu
        self._house = house
        self._kitchens = kitchens
        self._clock = clock
        self._terms = CurrentTerms(self._read_terms)

    async def place_order(
        self,
        caller: Caller,
        requests: Sequence[LineRequest],
        *,
        note: str,
        kitchen: str,
        idempotency: Idempotency | None,
        agreed: AgreedTotal | None = None,
    ) -> Placed:
        """Places an order at the menu's prices.

        Raises:
            InvalidOrderError, SoldOutError: it can't be ordered as it stands.
            PriceChangedError: it does not come to what was ``agreed``.
            IdempotencyKeyReusedError: the key belongs to another request.
            TooManyOrdersError: this user orders too fast.
            HouseClosedError, OrdersPausedError: nobody may order now.
            BacklogFullError: too many orders wait for the kitchen.
        """
        try:
            return await self._place_new(caller, requests, note, kitchen, idempotency, agreed)
        except OrderError:
            # A key that has its answer gets that, whatever has changed since: a dish may have been
            # sold out, the house closed. The commit itself looks for a key's answer first.
            first = idempotency and await self._orders.find_first_answer(
                caller.user_id, idempotency.key
            )
            if not (first and idempotency):
                raise
            return _replay(first, idempotency)

    async def _place_new(
        self,
        caller: Caller,
        requests: Sequence[LineRequest],
        note: str,
        kitchen: str,
        idempotency: Idempotency | None,
        agreed: AgreedTotal | None,
    ) -> Placed:
        if kitchen not in self._kitchens:
            known = ", ".join(sorted(self._kitchens))
            said = f"there is no kitchen {kitchen!r}; there is {known}"
            raise InvalidOrderError([Violation("/kitchen", said)])

        def make_out(terms: Terms) -> Change:
            at = self._clock()
            terms.house.require_serving(at)
            change = new_order(
                order_id=new_order_id(caller.user_id, at),
                user_id=caller.user_id,
                kitchen=kitchen,
                lines=price_lines(requests, terms.menu),
                currency=terms.menu.currency,
                note=note,
                by=caller.login,
                at=at,
                op=new_op(),
            )
            if agreed is not None:
                agreed.require_of(change.order)
            return change

        change, result = await self._place_by_terms(make_out, idempotency)
        if isinstance(result, Replayed) and idempotency is not None:
            answer = result.answer
            # A lost reply, asked for again, finds the answer it wrote itself.
            if answer.order.id != change.order.id:
                return _replay(answer, idempotency)
        elif not isinstance(result, Applied):
            raise AssertionError(f"there is another order with the id {change.order.id}")
        log_step(change)
        usage = result.usage if isinstance(result, Applied) else None
        order = altered(change.order, history=(change.entry,))
        return Placed(order, replayed=False, usage=usage)

    async def _place_by_terms(
        self, make_out: Callable[[Terms], Change], idempotency: Idempotency | None
    ) -> tuple[Change, Applied | Stale | Replayed]:
        """Places what ``make_out`` makes of the terms as they are, and says what became of it."""
        change, terms = None, self._terms.recall()
        if terms is not None:
            # What is refused by what was known may be all right by now.
            with suppress(OrderError):
                change = make_out(terms)
        newest = 0
        while True:
            if terms is None or change is None:
                terms = await self._terms.read(since=newest)
                change = make_out(terms)
            result = await self._orders.place(
                change, edition=terms.edition, idempotency=idempotency
            )
            if not isinstance(result, Outdated):
                return change, result
            terms, newest = None, result.edition

    async def _read_terms(self) -> Terms:
        # First, so that it is never newer than what is read after it.
        edition = await self._orders.read_edition()
        menu, house = await asyncio.gather(self._menu.read(), self._read_house())
        return Terms(menu, house, edition)

    async def get_order(self, caller: Caller, order_id: str) -> Order:
        """The order with its history. Raises OrderNotFoundError, also for another guest's order."""
        order = await self._orders.get_with_history(order_id)
        if order is None or not _may_read(caller, order):
            raise OrderNotFoundError(order_id)
        return order

    async def get_order_since(
        self, caller: Caller, order_id: str, known_version: int
    ) -> Order | None:
        """``get_order``, or None while the order still is at a version the caller has read."""
        if known_version:
            # A third of the time it takes to read all of it.
            mark = await self._orders.get_mark(order_id)
            if mark and mark.version == known_version and _may_read(caller, mark):
                return None
        return await self.get_order(caller, order_id)

    async def list_orders(
        self, caller: Caller, *, status: Status | None, limit: int, cursor: str
    ) -> OrderPage:
        """A page of the caller's orders, newest first, without history."""
        return await self._orders.list_of_user(
            caller.user_id, status=status, limit=limit, cursor=cursor
        )

    async def update_order(
        self,
        caller: Caller,
        order_id: str,
        requests: Sequence[LineRequest],
        *,
        note: str | None,
        if_version: int | None,
        agreed: AgreedTotal | None = None,
    ) -> Order:
        """Replaces the items, the note, or both; the rest stays. Portions that stay keep their
        price (``price_lines``).

        Raises:
            OrderNotFoundError: there is none, or it is another guest's.
            VersionMismatchError: the order is not at ``if_version`` any more.
            TransitionNotAllowedError: it is being cooked, or finished.
            HouseClosedError, OrdersPausedError: portions are added while nobody may order.
            InvalidOrderError, SoldOutError: it can't be ordered as it stands.
            PriceChangedError: the whole order does not come to what was ``agreed``.
            BacklogFullError: too many commands wait for the kitchen.
        """
        op = new_op()

        def edit(order: Order, terms: Terms) -> Change | None:
            if order.user_id != caller.user_id:
                raise OrderNotFoundError(order_id)
            order.require_editable()
            at = self._clock()
            lines = order.lines
            if requests:
                if adds_portions(requests, lines):
                    terms.house.require_serving(at)
                lines = price_lines(requests, terms.menu, kept=lines, currency=order.currency)
            wish = order.note if note is None else note
            change = order.edit(lines, wish, by=caller.login, at=at, op=op)
            if agreed is not None:
                agreed.require_of(change.order)
            return None if (lines, wish) == (order.lines, order.note) else change

        return await self._edit_by_terms(caller, order_id, edit, if_version)

    async def _edit_by_terms(
        self,
        caller: Caller,
        order_id: str,
        edit: Callable[[Order, Terms], Change | None],
        if_version: int | None,
    ) -> Order:
        """Commits what ``edit`` makes of the order by the terms as they are; again, when either
        changed in between."""
        terms = await self._terms.read()
        while True:
            order = await self._get_at(caller, order_id, if_version)
            change = edit(order, terms)
            if change is None:
                return order
            result = await self._orders.commit(change, tell_kitchen=True, edition=terms.edition)
            if isinstance(result, Outdated):
                terms = await self._terms.read(since=result.edition)
            elif isinstance(result, Applied):
                log_step(change)
                return await self.get_order(caller, order_id)

    async def _get_at(self, caller: Caller, order_id: str, if_version: int | None) -> Order:
        """``get_order``. Raises VersionMismatchError where it is at another version."""
        order = await self.get_order(caller, order_id)
        if if_version is not None and order.version != if_version:
            raise VersionMismatchError(order)
        return order

    async def cancel_order(
        self, caller: Caller, order_id: str, *, reason: str, if_version: int | None
    ) -> Order:
        """Calls an order off; one that is cancelled already stays so.

        A guest may while cooking has not begun; staff may until it is handed over, with a reason.

        Raises:
            OrderNotFoundError, VersionMismatchError, TransitionNotAllowedError: as for an edit.
            ReasonNeededError: staff gave none.
        """
        op = new_op()

        def cancel(order: Order) -> Change | None:
            if order.status is Status.CANCELLED:
                return None
            cause = self._canceller(caller, order)
            return order.cancel(cause, by=caller.login, at=self._clock(), op=op, reason=reason)

        return await self._commit(caller, order_id, cancel, if_version)

    def _canceller(self, caller: Caller, order: Order) -> Cause:
        """As whom the caller cancels: as the guest where that is enough, else as staff."""
        if order.user_id == caller.user_id and (
            not _works_on(caller, order) or allowed_actions(order.status)
        ):
            return Cause.GUEST
        return Cause.STAFF

    async def _commit(
        self,
        caller: Caller,
        order_id: str,
        decide: Callable[[Order], Change | None],
        if_version: int | None,
    ) -> Order:
        """Decides on the order as it is and commits that; again, when it moved in between."""
        while True:
            order = await self._get_at(caller, order_id, if_version)
            change = decide(order)
            if change is None:
                return order
            result = await self._orders.commit(change, tell_kitchen=True)
            if isinstance(result, Applied):
                log_step(change)
                return await self.get_order(caller, order_id)

    async def reject_order(self, order: Order, reason: str) -> bool:
        """Notes that the kitchen can't take ``order`` as it was sent.

        Returns False where that is not true of it any more: its guest has edited it, or the kitchen
        took an earlier content of it. The kitchen must then be told how it stands now.
        """
        if order.status is not Status.PLACED:
            return False
        change = order.move(
            Status.REJECTED,
            Cause.SYSTEM,
            by=order.kitchen,
            at=self._clock(),
            op=new_op(),
            reason=reason,
        )
        if not isinstance(await self._orders.commit(change, tell_kitchen=False), Applied):
            return False
        log_step(change)
        return True

    async def queue_orders(self, queued: Sequence[Queued]) -> list[Queueing]:
        """Notes that the kitchen has queued orders, and answers each."""
        return await queue_orders(self._orders, queued, at=self._clock(), new_op=new_op)

    async def apply_changes(self, changes: Sequence[TicketChange]) -> list[Answer]:
        """Applies the kitchen's changes and answers each."""
        return await apply_changes(self._orders, changes)

    async def note_tick(self, kitchen: str, at: datetime) -> None:
        """Notes when a kitchen's job last ran, for the watchers' "as of"."""
        await self._orders.save_tick(kitchen, at)

    async def read_events(self, user_id: str, after_event_id: str) -> EventPage | Snapshot:
        """The user's events after an id, or a snapshot where that id is of no use."""
        if after_event_id:
            found = await self._orders.events_after(user_id, after_event_id, limit=EVENTS_PAGE)
            if found.usable:
                return EventPage(found.events, found.more)
        event_id = await self._orders.last_event_id(user_id)
        since = self._clock() - FINISHED_SHOWN
        return Snapshot(event_id, await self._orders.recent_of_user(user_id, since))

    async def read_menu(self) -> Menu:
        """The whole menu."""
        return await self._menu.read()

    async def import_menu(
        self,
        caller: Caller,
        currency: str,
        items: Sequence[MenuItem],
        *,
        if_version: int | None = None,
    ) -> Menu:
        """Puts a new menu in the place of the old one, all or nothing. Role admin.

        Raises:
            InvalidMenuError: with a violation for each thing that is wrong.
            MenuChangedError: the menu is not at ``if_version`` any more.
        """
        caller.require(ADMIN)
        items = [with_folded_names(item) for item in items]
        check_menu(currency, items)
        menu = Menu(0, currency, {item.sku: item for item in items})
        imported = await self._menu.replace(menu, op=new_op(), if_version=if_version)
        await self._orders.outdate_terms()
        log.info("menu_imported", version=imported.version, dishes=len(items), by=caller.login)
        return imported

    async def read_house(self) -> tuple[House, bool]:
        """When guests may order, and whether they may now."""
        house = await self._read_house()
        return house, house.is_open(self._clock()) and not house.paused

    async def _read_house(self) -> House:
        house = await self._house.read()
        if not house.paused or house.is_paused(self._clock()):
            return house
        # A pause that has ended by itself is none. The last release reads the mark alone, and sets
        # it without an end: none that is over may be left to it.
        with suppress(HouseChangedError):
            await self._house.set_pause(False, "", None, op=new_op(), if_version=house.version)
        return replace(house, paused=False, reason="", paused_until=None)

    async def set_hours(
        self,
        caller: Caller,
        hours: Sequence[OpeningHours],
        time_zone: str,
        *,
        if_version: int | None = None,
    ) -> None:
        """Sets the opening hours. Role admin.

        Raises HouseChangedError where the house is not at ``if_version`` any more.
        """
        caller.require(ADMIN)
        await self._house.set_hours(hours, time_zone, op=new_op(), if_version=if_version)
        await self._orders.outdate_terms()
        log.info("opening_hours_set", by=caller.login, time_zone=time_zone, hours=len(hours))

    async def set_pause(
        self,
        caller: Caller,
        paused: bool,
        reason: str,
        *,
        until: datetime | None = None,
        if_version: int | None = None,
    ) -> None:
        """Pauses orders, until a moment or for good, or takes them again. Role kitchen or admin.

        Raises:
            InvalidHouseError: the pause would end before it begins.
            HouseChangedError: the house is not at ``if_version`` any more.
        """
        if not is_staff(caller.roles):
            raise NotAllowedError("this takes the role kitchen or admin")
        reason, until = (fold_spaces(reason), until) if paused else ("", None)
        require_later(until, self._clock())
        await self._house.set_pause(paused, reason, until, op=new_op(), if_version=if_version)
        await self._orders.outdate_terms()
        log.info(
            "orders_paused" if paused else "orders_resumed",
            by=caller.login,
            reason=reason,
            until=to_text(until) if until else None,
        )

    async def set_availability(
        self, caller: Caller, sku: str, available: bool, *, if_version: int | None = None
    ) -> Menu:
        """Mark a dish sold out or back; return the menu with that dish alone. Role kitchen or
        admin.

        Raises:
            DishNotFoundError: there is no such dish.
            MenuChangedError: the menu is not at ``if_version`` any more.
        """
        if not is_staff(caller.roles):
            raise NotAllowedError("this takes the role kitchen or admin")
        menu = await self._menu.set_availability(sku, available, op=new_op(), if_version=if_version)
        await self._orders.outdate_terms()
        log.info("dish_availability_set", sku=sku, available=available, by=caller.login)
        return menu


def _may_read(caller: Caller, order: Order | OrderMark) -> bool:
    return order.user_id == caller.user_id or _works_on(caller, order)


def _works_on(caller: Caller, order: Order | OrderMark) -> bool:
    """Whether the caller is staff where the order is cooked."""
    return not caller.roles.isdisjoint(staff_roles(order.kitchen))


def _replay(first: FirstAnswer, repeated: Idempotency) -> Placed:
    if not first.answers(repeated):
        raise IdempotencyKeyReusedError
    log.info("order_replayed", order_id=first.order.id)
    return Placed(first.order, replayed=True)


def new_order_id(user_id: str, at: datetime) -> str:
    """A ULID (https://github.com/ulid/spec) whose last character names the user's shard.

    Its 75 other random bits are drawn anew each time: the library's own ULIDs of one millisecond
    count up by one, and would differ in that last character alone.
    """
    ulid = ULID.from_bytes(to_ms(at).to_bytes(6, "big") + secrets.token_bytes(10))
    return str(ulid)[:-1] + shard_of(user_id)


def new_op() -> str:
    """A fresh operation id: a change that is tried again under it happens once."""
    return secrets.token_hex(16)
