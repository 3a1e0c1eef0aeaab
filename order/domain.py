"""Orders and the menu as the restaurant speaks of them: frozen values and pure moves.

A move returns a ``Change``: the order as it will be, and what its history will say. Times and ids
arrive as arguments.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Self

from infra.clock import to_text
from infra.currencies import currency_digits
from infra.errors import RefusedError, Violation
from infra.frozen import altered
from infra.limits import Usage, limit_facts
from infra.text import is_visible
from order.lifecycle import (
    EDITABLE,
    FINAL,
    PROMISED,
    Cause,
    Status,
    allowed_actions,
    find_transition,
)

MAX_LINES = 50
MAX_QUANTITY = 99
MAX_NOTE_CHARACTERS = 500


class OrderError(RefusedError):
    """Base of what the order service refuses. Always expected."""


class OrderNotFoundError(OrderError):
    """There is no such order, or it is not the caller's to see."""

    def __init__(self, order_id: str) -> None:
        super().__init__("there is no such order", order_id=order_id)


class TransitionNotAllowedError(OrderError):
    """The order's status does not permit what was asked."""

    def __init__(self, order: "Order", attempted: str, cause: Cause) -> None:
        super().__init__(
            f"an order that is {order.status} can't be {attempted}",
            order_id=order.id,
            status=order.status,
            cause=order.cause,
            allowed_actions=" ".join(allowed_actions(order.status, cause)),
        )


class ReasonNeededError(OrderError):
    """The move takes a reason and none was given."""

    def __init__(self, order_id: str) -> None:
        super().__init__("this needs a reason", order_id=order_id)
        self.violations = (Violation("/reason", "must be given"),)


class VersionMismatchError(OrderError):
    """The caller asked for a version that is no longer the order's."""

    def __init__(self, order: "Order") -> None:
        super().__init__(
            f"the order is at version {order.version} now",
            order_id=order.id,
            version=order.version,
            status=order.status,
            cause=order.cause,
        )


class MenuChangedError(OrderError):
    """The caller replaces a version of the menu that is no longer the menu's."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the menu is at version {version} now", version=version)


class HouseChangedError(OrderError):
    """The caller replaces a version of the opening hours or the pause that is no longer theirs."""

    def __init__(self, version: int) -> None:
        super().__init__(f"hours and pause are at version {version} now", version=version)


class InvalidOrderError(OrderError):
    """What was asked for can't be ordered: each violation says where and why."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        super().__init__("the order is not valid")
        self.violations = tuple(violations)


class SoldOutError(OrderError):
    """Dishes of the order are sold out."""

    def __init__(self, skus: Sequence[str]) -> None:
        super().__init__(f"sold out: {', '.join(skus)}", skus=" ".join(skus))


class PriceChangedError(OrderError):
    """The order comes to another total than its guest agreed to. Nothing is written."""

    def __init__(self, order: "Order") -> None:
        super().__init__(
            "the order comes to another total now",
            items=json.dumps([line.as_priced() for line in order.lines]),
            total=order.total,
            currency=order.currency,
            currency_digits=currency_digits(order.currency),
        )


class IdempotencyKeyReusedError(OrderError):
    """Another order was placed under this idempotency key."""

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key belongs to another request")


class BacklogFullError(OrderError):
    """Too many orders wait for the kitchen already; try again later."""

    def __init__(self) -> None:
        super().__init__("the kitchen can't be reached and too many orders wait for it")


class TooManyOrdersError(OrderError):
    """One guest orders faster than one may."""

    def __init__(self, usage: Usage) -> None:
        super().__init__("too many orders in a short time", **limit_facts("orders", usage))


class HouseClosedError(OrderError):
    """Guests order within the opening hours only."""

    def __init__(self) -> None:
        super().__init__("the house is closed now")


class OrdersPausedError(OrderError):
    """Staff take no orders, until a moment or until they say so; those that were placed go on."""

    def __init__(self, reason: str, until: datetime | None = None) -> None:
        said = f"orders are paused until {to_text(until)}" if until else "orders are paused"
        facts = {"until": to_text(until)} if until else {}
        super().__init__(f"{said}: {reason}" if reason else said, reason=reason, **facts)


class InvalidHouseError(OrderError):
    """This can't be so: each violation says where and why."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        super().__init__("the house can't be kept so")
        self.violations = tuple(violations)


class InvalidMenuError(OrderError):
    """The menu can't be imported: each violation says where and why."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        super().__init__("the menu is not valid")
        self.violations = tuple(violations)


class DishNotFoundError(OrderError):
    """There is no such dish on the menu."""

    def __init__(self, sku: str) -> None:
        super().__init__("there is no such dish", sku=sku)


@dataclass(frozen=True)
class MenuOption:
    """One way a dish can be had; ``price`` is what it adds, in minor units."""

    name: str
    price: int = 0


@dataclass(frozen=True)
class OptionGroup:
    """A choice about a dish: at least ``min`` and at most ``max`` of its options."""

    name: str
    min: int
    max: int
    options: tuple[MenuOption, ...]

    @cached_property
    def names(self) -> frozenset[str]:
        """What its options are called."""
        return frozenset(option.name for option in self.options)


@dataclass(frozen=True)
class MenuItem:
    """A dish; ``price`` in minor units without options."""

    sku: str
    name: str
    category: str
    station: str
    price: int
    prep_seconds: int
    available: bool = True
    option_groups: tuple[OptionGroup, ...] = ()

    @cached_property
    def option_prices(self) -> Mapping[str, int]:
        """What each option adds to the price, by name."""
        return {
            option.name: option.price for group in self.option_groups for option in group.options
        }

    def price_of(self, options: Iterable[str]) -> int:
        """Return the price of one with ``options``; it is never below 0, however cheap these make
        it."""
        prices = self.option_prices
        return max(self.price + sum(prices.get(name, 0) for name in options), 0)


@dataclass(frozen=True)
class Menu:
    """The dishes by sku; version 0 before the first import."""

    version: int
    currency: str
    items: Mapping[str, MenuItem]


@dataclass(frozen=True)
class LineRequest:
    """One line as the guest asks for it; its price is the menu's business."""

    sku: str
    quantity: int
    options: tuple[str, ...] = ()

    @property
    def dish(self) -> tuple[str, frozenset[str]]:
        """What makes two lines the same dish: the sku and the choice of options."""
        return self.sku, frozenset(self.options)


@dataclass(frozen=True)
class OrderLine:
    """One line as it was taken. ``unit_price`` (minor units, options included) stays for good."""

    sku: str
    name: str
    quantity: int
    options: tuple[str, ...]
    unit_price: int
    station: str
    prep_seconds: int

    @property
    def line_total(self) -> int:
        return self.unit_price * self.quantity

    @property
    def dish(self) -> tuple[str, frozenset[str]]:
        return self.sku, frozenset(self.options)

    def as_priced(self) -> Mapping[str, object]:
        """Return what a guest is told of the line's price, by the names of the JSON API."""
        return {
            "sku": self.sku,
            "name": self.name,
            "quantity": self.quantity,
            "options": self.options,
            "unit_price": self.unit_price,
            "line_total": self.line_total,
        }


@dataclass(frozen=True)
class HistoryEntry:
    """One change as the history keeps it. ``op`` names the operation, so that it happens once."""

    status: Status
    cause: Cause
    by: str
    at: datetime
    op: str
    version: int
    reason: str = ""


@dataclass(frozen=True)
class Order:
    """An order. ``version`` counts every write, ``revision`` changes of content, ``applied_seq``
    the kitchen's changes."""

    id: str
    user_id: str
    kitchen: str
    status: Status
    version: int
    revision: int
    lines: tuple[OrderLine, ...]
    currency: str
    note: str
    cause: Cause
    placed_at: datetime
    updated_at: datetime
    promised_at: datetime | None = None
    number: int = 0
    applied_seq: int = 0
    reason: str = ""
    history: tuple[HistoryEntry, ...] = field(default=(), compare=False)
    traceparent: str = field(default="", compare=False)
    """The span that brings it to the kitchen; not kept with the order (``infra.tracing``)."""

    @property
    def total(self) -> int:
        """The sum of all lines in minor units."""
        return sum(line.line_total for line in self.lines)

    @property
    def is_finished(self) -> bool:
        return self.status in FINAL

    def move(
        self, target: Status, cause: Cause, *, by: str, at: datetime, op: str, reason: str = ""
    ) -> "Change":
        """The change of status to ``target``.

        Raises:
            TransitionNotAllowedError: the lifecycle has no such move by ``cause``.
            ReasonNeededError: the move takes a reason.
        """
        transition = find_transition(self.status, target, cause)
        if transition is None:
            raise TransitionNotAllowedError(self, target, cause)
        if transition.needs_reason and not is_visible(reason):
            raise ReasonNeededError(self.id)
        after = altered(self, status=target, reason=reason)
        return self._change(after, cause, by=by, at=at, op=op, reason=reason)

    def cancel(self, cause: Cause, *, by: str, at: datetime, op: str, reason: str) -> "Change":
        """The change to cancelled. Staff must always say why; otherwise as ``move``."""
        possible = find_transition(self.status, Status.CANCELLED, cause)
        if possible and cause is Cause.STAFF and not is_visible(reason):
            raise ReasonNeededError(self.id)
        return self.move(Status.CANCELLED, cause, by=by, at=at, op=op, reason=reason)

    def require_editable(self) -> None:
        """Raises TransitionNotAllowedError once cooking has begun."""
        if self.status not in EDITABLE:
            raise TransitionNotAllowedError(self, "edited", Cause.GUEST)

    def edit(
        self, lines: tuple[OrderLine, ...], note: str, *, by: str, at: datetime, op: str
    ) -> "Change":
        """The change of content. Raises TransitionNotAllowedError once cooking has begun."""
        self.require_editable()
        after = altered(self, lines=lines, note=note, revision=self.revision + 1)
        change = self._change(after, Cause.GUEST, by=by, at=at, op=op)
        return altered(change, is_content=True)

    def renew_promise(self, promised_at: datetime, *, by: str, at: datetime, op: str) -> "Change":
        """The kitchen's new promise. Raises TransitionNotAllowedError once the food is ready."""
        if self.status not in PROMISED:
            raise TransitionNotAllowedError(self, "promised anew", Cause.TIMER)
        after = altered(self, promised_at=promised_at)
        return self._change(after, Cause.TIMER, by=by, at=at, op=op)

    def _change(
        self, after: "Order", cause: Cause, *, by: str, at: datetime, op: str, reason: str = ""
    ) -> "Change":
        version = self.version + 1
        return Change(
            order=altered(after, version=version, cause=cause, updated_at=at),
            previous=self.status,
            entry=HistoryEntry(after.status, cause, by, at, op, version, reason),
        )


@dataclass(frozen=True)
class AgreedTotal:
    """What a guest has agreed to pay for a whole order; ``total`` in minor units."""

    total: int
    currency: str

    def require_of(self, order: Order) -> None:
        """Raises PriceChangedError where ``order`` comes to anything else."""
        if (order.total, order.currency) != (self.total, self.currency):
            raise PriceChangedError(order)


@dataclass(frozen=True)
class Change:
    """One step of an order's life, not yet committed: the order after it and its history entry."""

    order: Order
    previous: Status | None
    entry: HistoryEntry
    is_content: bool = False
    """Whether it changes what was ordered, as a new order does."""
    traceparent: str = ""
    """The span it comes from, where that is not the work under way (``infra.tracing``)."""

    @property
    def expected_version(self) -> int:
        """The version the order must still have for this change to be true; 0 for a new order."""
        return self.order.version - 1

    def with_facts(self, *, number: int, promised_at: datetime | None, applied_seq: int) -> Self:
        """The same change with what the kitchen said along with it; 0 and None say nothing."""
        return altered(
            self,
            order=altered(
                self.order,
                number=number or self.order.number,
                promised_at=promised_at or self.order.promised_at,
                applied_seq=applied_seq,
            ),
        )


def new_order(
    *,
    order_id: str,
    user_id: str,
    kitchen: str,
    lines: tuple[OrderLine, ...],
    currency: str,
    note: str,
    by: str,
    at: datetime,
    op: str,
) -> Change:
    """The change that brings an order into the world."""
    order = Order(
        id=order_id,
        user_id=user_id,
        kitchen=kitchen,
        status=Status.PLACED,
        version=1,
        revision=1,
        lines=lines,
        currency=currency,
        note=note,
        cause=Cause.GUEST,
        placed_at=at,
        updated_at=at,
    )
    entry = HistoryEntry(Status.PLACED, Cause.GUEST, by, at, op, version=1)
    return Change(order, None, entry, is_content=True)


@dataclass(frozen=True)
class OrderEvent:
    """What watchers see of a committed change; ``id`` is its place in the feed and the user's
    stream."""

    id: str
    user_id: str
    order_id: str
    status: Status
    previous: Status | None
    version: int
    number: int
    cause: Cause
    at: datetime
    promised_at: datetime | None
    traceparent: str = ""
    """The span that committed the change, where that is recorded (``infra.tracing``)."""


def price_lines(
    requests: Sequence[LineRequest],
    menu: Menu,
    kept: Sequence[OrderLine] = (),
    currency: str = "",
) -> tuple[OrderLine, ...]:
    """The lines a guest asked for, at the menu's prices.

    As many portions of a dish with the same options as ``kept`` has keep their price, those of its
    first line first, and may stay though the dish is sold out or gone. More of them are ordered
    anew: at the menu's price, on a line of their own where that differs. ``currency`` is that of
    the kept prices; what is new must be priced in it, too.

    Raises:
        InvalidOrderError: with a violation for each thing that can't be ordered.
        SoldOutError: every line is valid but some dishes are sold out.
    """
    if not requests:
        raise InvalidOrderError([Violation("/items", "must have at least one line")])
    if len(requests) > MAX_LINES:
        raise InvalidOrderError([Violation("/items", f"must have at most {MAX_LINES} lines")])
    staying = _StayingPortions(kept) if kept else None
    lines: list[OrderLine] = []
    violations: list[Violation] = []
    sold_out: list[str] = []
    for index, request in enumerate(requests):
        at = f"/items/{index}"
        if not 1 <= request.quantity <= MAX_QUANTITY:
            violations.append(Violation(f"{at}/quantity", f"must be 1 to {MAX_QUANTITY}"))
        added = request.quantity
        portions = staying.take(request) if staying else []
        if portions:
            added -= sum(line.quantity for line in portions)
            if not added:
                lines += portions
                continue
        item = menu.items.get(request.sku)
        if item is None:
            violations.append(Violation(f"{at}/sku", f"there is no dish {request.sku!r}"))
            continue
        violations += _option_violations(at, request.options, item)
        if currency and currency != menu.currency:
            said = f"is sold in {menu.currency} now, and this order is in {currency}"
            violations.append(Violation(f"{at}/sku", said))
        if not item.available:
            sold_out.append(item.sku)
        new = _new_line(item, request.options, added)
        lines += _joined([*portions, new]) if portions else (new,)
    if len(lines) > MAX_LINES:
        said = f"must have at most {MAX_LINES} lines, with one for each price of a dish"
        violations.append(Violation("/items", said))
    if violations:
        raise InvalidOrderError(violations)
    if sold_out:
        raise SoldOutError(list(dict.fromkeys(sold_out)))
    return tuple(lines)


def adds_portions(requests: Iterable[LineRequest], kept: Iterable[OrderLine]) -> bool:
    """True if ``requests`` ask for more portions of a dish with its options than ``kept`` has."""
    return bool(_count_portions(requests) - _count_portions(kept))


def _count_portions(
    lines: Iterable[LineRequest] | Iterable[OrderLine],
) -> Counter[tuple[str, frozenset[str]]]:
    counts: Counter[tuple[str, frozenset[str]]] = Counter()
    for line in lines:
        counts[line.dish] += line.quantity
    return counts


class _StayingPortions:
    """The portions of an order, to be taken over by the lines of an edit."""

    def __init__(self, lines: Sequence[OrderLine]) -> None:
        self._left: dict[tuple[str, frozenset[str]], list[OrderLine]] = defaultdict(list)
        for line in reversed(lines):
            self._left[line.dish].append(line)

    def take(self, request: LineRequest) -> list[OrderLine]:
        """Return the portions that ``request`` takes over, as one line for each price."""
        left = self._left.get(request.dish)
        wanted = request.quantity
        taken: list[OrderLine] = []
        while left and wanted > 0:
            line = left.pop()
            portions = min(wanted, line.quantity)
            taken.append(altered(line, quantity=portions))
            if portions < line.quantity:
                left.append(altered(line, quantity=line.quantity - portions))
            wanted -= portions
        return _joined(taken)


def _joined(lines: Sequence[OrderLine]) -> list[OrderLine]:
    """The lines of one dish, with neighbours at the same price made one."""
    joined: list[OrderLine] = []
    for line in lines:
        if joined and joined[-1].unit_price == line.unit_price:
            joined[-1] = altered(joined[-1], quantity=joined[-1].quantity + line.quantity)
        else:
            joined.append(line)
    return joined


def _new_line(item: MenuItem, options: tuple[str, ...], quantity: int) -> OrderLine:
    return OrderLine(
        sku=item.sku,
        name=item.name,
        quantity=quantity,
        options=options,
        unit_price=item.price_of(options),
        station=item.station,
        prep_seconds=item.prep_seconds,
    )


def _option_violations(at: str, chosen: Sequence[str], item: MenuItem) -> list[Violation]:
    known = item.option_prices
    picked = frozenset(chosen)
    violations: list[Violation] = []
    if len(picked) < len(chosen) or not picked <= known.keys():
        for index, name in enumerate(chosen):
            pointer = f"{at}/options/{index}"
            if name not in known:
                violations.append(Violation(pointer, f"{item.name} has no option {name!r}"))
            if name in chosen[:index]:
                violations.append(Violation(pointer, f"{name!r} is chosen twice"))
    for group in item.option_groups:
        count = len(group.names & picked)
        if not group.min <= count <= group.max:
            need = f"{group.min}" if group.min == group.max else f"{group.min} to {group.max}"
            violations.append(Violation(f"{at}/options", f"choose {need} of {group.name!r}"))
    return violations
