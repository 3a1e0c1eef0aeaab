"""The JSON bodies the gateway answers with, as its documentation tells them.

``gateway.shapes`` makes them of the services' messages.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.schemas import DayHours, Dish

Status = Literal["placed", "queued", "preparing", "ready", "completed", "cancelled", "rejected"]
Cause = Literal["guest", "cook", "staff", "timer", "system"]
Action = Literal["edit", "cancel"]
Amount = Annotated[int, Field(description="In minor units, such as cents.")]
CurrencyDigits = Annotated[
    int,
    Field(
        ge=0,
        description="How many decimal digits the currency's minor units take (ISO 4217): 2 for "
        "EUR, 0 for JPY. An amount is its figure divided by 10 to that power.",
    ),
]
Number = Annotated[
    int | None, Field(description="The pickup number; null until the kitchen has it.")
]


class Account(BaseModel):
    """Who somebody is."""

    user_id: str
    login: str
    roles: list[str] = Field(description="Such as `customer`, `admin`, `kitchen`, `kitchen:main`.")


class Session(Account):
    """Who is signed in."""

    expires_in: int = Field(description="How long the access token is good for, in seconds.")


class TokenPair(BaseModel):
    """A pair of tokens (RFC 6749, section 5.1)."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="How long the access token is good for, in seconds.")
    refresh_token: str = Field(description="Opaque, and good for one use.")


class OrderLine(BaseModel):
    """One line of an order as it was taken."""

    sku: str
    name: str
    quantity: int
    options: list[str]
    unit_price: Amount
    line_total: Amount


class HistoryEntry(BaseModel):
    """One change of an order."""

    status: Status
    cause: Cause
    by: str = Field(description="Who: a login name, a service, or a kitchen.")
    at: datetime
    reason: str | None


class OrderSummary(BaseModel):
    """An order as it stands in lists."""

    id: str
    number: Number
    status: Status
    version: int = Field(description="Counts every change; it is the ETag.")
    items: list[OrderLine]
    total: Amount
    currency: str = Field(description="ISO 4217 code of every amount.")
    currency_digits: CurrencyDigits
    note: str
    kitchen: str
    cause: Cause = Field(description="What made the last change happen.")
    reason: str | None = Field(description="Why it was last cancelled, rejected or recalled.")
    placed_at: datetime
    updated_at: datetime
    promised_at: datetime | None
    allowed_actions: list[Action] = Field(description="What the caller may do with it now.")


class Order(OrderSummary):
    """An order with its history."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01M84H3W5V9ZK2Q7X4T6B8C1DE",
                    "number": 17,
                    "status": "queued",
                    "version": 2,
                    "items": [
                        {
                            "sku": "chicken-bowl",
                            "name": "Chicken Bowl",
                            "quantity": 2,
                            "options": ["rice", "guacamole"],
                            "unit_price": 1180,
                            "line_total": 2360,
                        }
                    ],
                    "total": 2360,
                    "currency": "EUR",
                    "currency_digits": 2,
                    "note": "no onion",
                    "kitchen": "main",
                    "cause": "system",
                    "reason": None,
                    "placed_at": "2026-11-23T12:03:04.123Z",
                    "updated_at": "2026-11-23T12:03:04.456Z",
                    "promised_at": "2026-11-23T12:15:00.000Z",
                    "allowed_actions": ["edit", "cancel"],
                    "history": [
                        {
                            "status": "placed",
                            "cause": "guest",
                            "by": "anna",
                            "at": "2026-11-23T12:03:04.123Z",
                            "reason": None,
                        },
                        {
                            "status": "queued",
                            "cause": "system",
                            "by": "main",
                            "at": "2026-11-23T12:03:04.456Z",
                            "reason": None,
                        },
                    ],
                }
            ]
        }
    )

    history: list[HistoryEntry] = Field(description="Every change, oldest first.")


class Orders(BaseModel):
    """A page of orders, newest first."""

    orders: list[OrderSummary]
    next_cursor: str | None = Field(description="Where the next page begins; null on the last.")


class Transition(BaseModel):
    """A permitted move."""

    source: Status | None = Field(alias="from", description="Null for a new order.")
    target: Status = Field(alias="to")
    causes: list[Cause] = Field(description="What may make it happen.")
    when: str
    needs_reason: bool


class Lifecycle(BaseModel):
    """An order's life."""

    statuses: list[Status]
    final: list[Status] = Field(description="Nothing follows these.")
    editable: list[Status] = Field(description="In these a guest may change what was ordered.")
    transitions: list[Transition]


class House(BaseModel):
    """When guests may order."""

    hours: list[DayHours] = Field(description="Always, when there are none.")
    time_zone: str
    paused: bool
    reason: str | None = Field(description="Why orders are paused.")
    until: datetime | None = Field(description="When the pause ends by itself.")
    serving: bool = Field(description="Whether guests may order now.")


class Menu(BaseModel):
    """The menu."""

    version: int = Field(description="Counts every change; it is the ETag.")
    currency: str = Field(description="ISO 4217 code of every price; empty while there is no menu.")
    currency_digits: CurrencyDigits
    items: list[Dish]


class TicketLine(BaseModel):
    """What to cook."""

    sku: str
    name: str
    quantity: int
    options: list[str]
    station: str
    prep_seconds: int


class Ticket(BaseModel):
    """An order as cooks see it."""

    order_id: str
    kitchen: str
    number: Number
    status: Status | None
    seq: int = Field(description="Counts the ticket's changes; send it back with a tap.")
    revision: int
    items: list[TicketLine]
    note: str
    placed_at: datetime | None
    promised_at: datetime | None
    started_at: datetime | None
    ready_at: datetime | None
    cause: Cause | None
    held: bool = Field(description="Recalled by a cook: the timer leaves it alone.")
    flag: str | None = Field(description="What a cook must look at, until acknowledged.")
    reason: str | None


class Tickets(BaseModel):
    """The tickets of a kitchen."""

    tickets: list[Ticket]


class BoardTicket(BaseModel):
    """What guests may know of a ticket."""

    number: Number
    status: Status
    cause: Cause | None = Field(description="Whose word the status is: a `timer` only guesses.")


class Board(BaseModel):
    """The public board: pickup numbers, first promised and first ready first."""

    kitchen: str
    preparing: list[int]
    ready: list[int]
    tickets: list[BoardTicket] = Field(
        description="Those and the queued ones, in the order in which the kitchen takes them."
    )
    as_of: datetime | None


class OrderSnapshot(BaseModel):
    """The data of a `snapshot` event: the active orders, and those finished in the last hour."""

    orders: list[OrderSummary]


class StatusEvent(BaseModel):
    """The data of a `status` event. An edit and a renewed promise have `previous` equal to
    `status`."""

    order_id: str
    status: Status
    previous: Status | None
    version: int
    number: Number
    cause: Cause
    at: datetime
    promised_at: datetime | None
    allowed_actions: list[Action]


class Heartbeat(BaseModel):
    """The data of a `heartbeat` event: how fresh all is."""

    kitchen_tick_at: dict[str, datetime] = Field(
        description="Kitchen → when its ten-second job last ran."
    )
    as_of: datetime | None
    away: list[Literal["kitchen", "order"]] = Field(
        description="Services that the gateway does not hear now: what they know may have changed."
    )
