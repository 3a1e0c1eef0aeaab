"""The order service's messages: rendered from the domain, and read into it."""

from infra.clock import from_proto, to_proto
from infra.identity import Caller
from infra.limits import Usage
from order.changes import Answer, TicketChange, Verdict
from order.domain import Menu, MenuItem, MenuOption, OptionGroup, Order, OrderEvent, OrderLine
from order.house import House
from order.lifecycle import EDITABLE, FINAL, TRANSITIONS, Cause, Status, allowed_actions
from order.queueing import Place
from shared_proto.restaurant.kitchen.v1 import kitchen_pb2
from shared_proto.restaurant.order.v1 import order_pb2 as pb

_STATUS_TO_PROTO = {
    status: pb.OrderStatus.Value(f"ORDER_STATUS_{status.name}") for status in Status
}
STATUS_FROM_PROTO = {value: status for status, value in _STATUS_TO_PROTO.items()}
_CAUSE_TO_PROTO = {cause: pb.Cause.Value(f"CAUSE_{cause.name}") for cause in Cause}
_CAUSE_FROM_PROTO = {value: cause for cause, value in _CAUSE_TO_PROTO.items()}
_VERDICT_TO_PROTO = {v: pb.VerdictKind.Value(f"VERDICT_KIND_{v.name}") for v in Verdict}


def _line(line: OrderLine) -> pb.OrderLine:
    return pb.OrderLine(
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        options=line.options,
        unit_price=line.unit_price,
        line_total=line.line_total,
        station=line.station,
        prep_seconds=line.prep_seconds,
    )


def render_order(order: Order, caller: Caller | None = None) -> pb.Order:
    """The order as ``caller`` may see and change it; without one, as its guest."""
    foreign = caller is not None and caller.user_id != order.user_id
    return pb.Order(
        id=order.id,
        user_id=order.user_id,
        kitchen=order.kitchen,
        number=order.number,
        status=_STATUS_TO_PROTO[order.status],
        version=order.version,
        revision=order.revision,
        items=map(_line, order.lines),
        total=order.total,
        currency=order.currency,
        note=order.note,
        cause=_CAUSE_TO_PROTO[order.cause],
        placed_at=to_proto(order.placed_at),
        updated_at=to_proto(order.updated_at),
        promised_at=to_proto(order.promised_at),
        allowed_actions=allowed_actions(order.status, Cause.STAFF if foreign else Cause.GUEST),
        history=[
            pb.HistoryEntry(
                status=_STATUS_TO_PROTO[entry.status],
                cause=_CAUSE_TO_PROTO[entry.cause],
                by=entry.by,
                at=to_proto(entry.at),
                reason=entry.reason,
            )
            for entry in order.history
        ],
        reason=order.reason,
    )


def ticket_command(order: Order) -> pb.TicketCommand:
    """The whole wanted state of the order's ticket."""
    return pb.TicketCommand(
        order_id=order.id,
        kitchen=order.kitchen,
        version=order.version,
        revision=order.revision,
        status=_STATUS_TO_PROTO[order.status],
        applied_seq=order.applied_seq,
        items=map(_line, order.lines),
        note=order.note,
        placed_at=to_proto(order.placed_at),
        number=order.number,
        promised_at=to_proto(order.promised_at),
        reason=order.reason,
        traceparent=order.traceparent,
    )


def render_event(event: OrderEvent) -> pb.OrderEvent:
    """The event as its guest may act on it."""
    return pb.OrderEvent(
        id=event.id,
        user_id=event.user_id,
        order_id=event.order_id,
        status=_STATUS_TO_PROTO[event.status],
        previous=_STATUS_TO_PROTO[event.previous]
        if event.previous
        else pb.ORDER_STATUS_UNSPECIFIED,
        version=event.version,
        number=event.number,
        cause=_CAUSE_TO_PROTO[event.cause],
        at=to_proto(event.at),
        promised_at=to_proto(event.promised_at),
        allowed_actions=allowed_actions(event.status),
        traceparent=event.traceparent,
    )


def read_change(change: pb.TicketChange) -> TicketChange:
    """The kitchen's change. Raises ValueError for a status or cause that is none of ours."""
    if change.cause not in _CAUSE_FROM_PROTO or not (
        {change.previous, change.status} <= STATUS_FROM_PROTO.keys()
    ):
        raise ValueError("the change's status or cause is not known here")
    return TicketChange(
        change_id=change.change_id,
        order_id=change.order_id,
        seq=change.seq,
        revision=change.revision,
        previous=STATUS_FROM_PROTO[change.previous],
        status=STATUS_FROM_PROTO[change.status],
        cause=_CAUSE_FROM_PROTO[change.cause],
        by=change.by,
        at=from_proto(change.at),
        number=change.number,
        promised_at=from_proto(change.promised_at) if change.HasField("promised_at") else None,
        reason=change.reason,
        traceparent=change.traceparent,
    )


def read_place(place: kitchen_pb2.Place) -> Place:
    """Where the kitchen has queued a ticket."""
    return Place(place.seq, place.number, from_proto(place.promised_at))


def render_verdict(change: TicketChange, answer: Answer) -> pb.Verdict:
    """The answer to ``change``."""
    return pb.Verdict(
        change_id=change.change_id,
        order_id=change.order_id,
        kind=_VERDICT_TO_PROTO[answer.verdict],
        command=ticket_command(answer.order) if answer.order else None,
        detail=answer.detail,
    )


def failed_verdict(change: pb.TicketChange, detail: str) -> pb.Verdict:
    """The answer to a change that can't be read."""
    return pb.Verdict(
        change_id=change.change_id,
        order_id=change.order_id,
        kind=pb.VERDICT_KIND_FAILED,
        detail=detail,
    )


def render_menu_item(item: MenuItem) -> pb.MenuItem:
    """The dish."""
    return pb.MenuItem(
        sku=item.sku,
        name=item.name,
        category=item.category,
        station=item.station,
        price=item.price,
        prep_seconds=item.prep_seconds,
        available=item.available,
        option_groups=[
            pb.OptionGroup(
                name=group.name,
                min=group.min,
                max=group.max,
                options=[pb.MenuOption(name=o.name, price=o.price) for o in group.options],
            )
            for group in item.option_groups
        ],
    )


def render_menu(menu: Menu) -> pb.Menu:
    """The menu, in its author's sequence."""
    return pb.Menu(
        version=menu.version,
        currency=menu.currency,
        items=map(render_menu_item, menu.items.values()),
    )


def read_menu_item(item: pb.MenuItem) -> MenuItem:
    """The dish, not yet checked."""
    return MenuItem(
        sku=item.sku,
        name=item.name,
        category=item.category,
        station=item.station,
        price=item.price,
        prep_seconds=item.prep_seconds,
        available=item.available,
        option_groups=tuple(
            OptionGroup(
                group.name,
                group.min,
                group.max,
                tuple(MenuOption(option.name, option.price) for option in group.options),
            )
            for group in item.option_groups
        ),
    )


def render_usage(usage: Usage) -> pb.RateLimit:
    """What is left of a limit."""
    return pb.RateLimit(
        limit=usage.limit.count,
        window_seconds=int(usage.limit.window.total_seconds()),
        remaining=usage.remaining,
        reset_seconds=usage.reset_seconds,
    )


def render_lifecycle() -> pb.GetLifecycleResponse:
    """The table of permitted moves, in the order of an order's life."""
    return pb.GetLifecycleResponse(
        transitions=[
            pb.Transition(
                source=pb.ORDER_STATUS_UNSPECIFIED
                if move.source is None
                else _STATUS_TO_PROTO[move.source],
                target=_STATUS_TO_PROTO[move.target],
                causes=sorted(_CAUSE_TO_PROTO[cause] for cause in move.causes),
                when=move.when,
                needs_reason=move.needs_reason,
            )
            for move in TRANSITIONS
        ],
        final=[_STATUS_TO_PROTO[status] for status in Status if status in FINAL],
        editable=[_STATUS_TO_PROTO[status] for status in Status if status in EDITABLE],
    )


def render_house(house: House, serving: bool) -> pb.House:
    """When guests may order."""
    return pb.House(
        hours=[
            pb.OpeningHours(
                day=each.day,
                opens=each.opens.isoformat(timespec="minutes"),
                closes=each.closes.isoformat(timespec="minutes"),
            )
            for each in house.hours
        ],
        time_zone=house.time_zone,
        paused=house.paused,
        reason=house.reason,
        serving=serving,
        version=house.version,
        until=to_proto(house.paused_until) if house.paused else None,
    )
