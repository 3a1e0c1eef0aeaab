"""Request bodies: their shape is checked here, their sense by the service that owns it."""

from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    field_validator,
    model_validator,
)

from infra.clock import utc_now

# What fits the contract's fields; the services know the real limits.
Int32 = Annotated[int, Field(ge=-(2**31), lt=2**31)]
Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Body(BaseModel):
    """A JSON object with these members and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Credentials(Body):
    """A login name and its password."""

    login: str = Field(examples=["anna"])
    password: str = Field(repr=False, examples=["correct horse battery"])


class ShownRefreshToken(Body):
    """A refresh token."""

    refresh_token: str = Field(repr=False)


class Logout(ShownRefreshToken):
    """The session to end, or all of the account's."""

    all: bool = False


class Line(Body):
    """One line of an order as a guest asks for it."""

    sku: Name
    quantity: Int32
    # A list as the default would be copied for each line, by 2 us of deepcopy.
    options: list[Name] = Field(default_factory=list)


Lines = Annotated[list[Line], Field(min_length=1)]


# Checked where it is read (``routes.orders``): a validator would cost every order 1 us.
PAIR: dict[str, JsonValue] = {
    "expected_total": ["expected_currency"],
    "expected_currency": ["expected_total"],
}


class AgreedPrice(Body):
    """What the guest has agreed to pay for the whole order; both members or neither."""

    expected_total: Annotated[Int64, Field(ge=0)] | None = Field(
        None,
        description="In minor units: nothing is written where the whole order comes to another "
        "total (409 `price-changed`). Together with `expected_currency`.",
    )
    expected_currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = Field(
        None, description="The currency of `expected_total`, by ISO 4217."
    )


class NewOrder(AgreedPrice):
    """What a guest orders. Prices are the menu's."""

    model_config = ConfigDict(
        json_schema_extra={
            "dependentRequired": PAIR,
            "examples": [
                {
                    "items": [
                        {
                            "sku": "chicken-bowl",
                            "quantity": 2,
                            "options": ["rice", "guacamole"],
                        }
                    ],
                    "note": "no onion",
                    "kitchen": "main",
                    "expected_total": 2360,
                    "expected_currency": "EUR",
                }
            ],
        }
    )

    items: Lines
    note: str = Field("", description="A wish of 500 characters at most.")
    kitchen: str = Field("", description="`main` when empty.")


class OrderChange(AgreedPrice):
    """New items, a new note, or both; what is not named stays."""

    model_config = ConfigDict(
        json_schema_extra={"dependentRequired": PAIR, "examples": [{"note": "extra napkins"}]}
    )

    items: Lines | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.items is None and self.note is None:
            raise ValueError("give items, a note, or both")
        return self


class OrderChangeWithId(OrderChange):
    """A change, and the order it is for."""

    model_config = ConfigDict(
        json_schema_extra={
            "dependentRequired": PAIR,
            "examples": [{"id": "01M84H3W5V9ZK2Q7X4T6B8C1DE", "note": "extra napkins"}],
        }
    )

    id: Name


class Option(Body):
    """One way a dish can be had."""

    name: Name
    price: Int64 = 0


class OptionGroup(Body):
    """A choice about a dish."""

    name: Name
    min: Int32
    max: Int32
    options: list[Option]


class Dish(Body):
    """A dish of the menu."""

    sku: Name
    name: Name
    category: str
    station: Name
    price: Int64
    prep_seconds: Int32
    available: bool = True
    option_groups: list[OptionGroup] = []


class NewMenu(Body):
    """A whole menu."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "currency": "EUR",
                    "items": [
                        {
                            "sku": "chicken-bowl",
                            "name": "Chicken Bowl",
                            "category": "Bowls",
                            "station": "grill",
                            "price": 990,
                            "prep_seconds": 420,
                            "option_groups": [
                                {
                                    "name": "base",
                                    "min": 1,
                                    "max": 1,
                                    "options": [{"name": "rice"}, {"name": "greens"}],
                                },
                                {
                                    "name": "extra",
                                    "min": 0,
                                    "max": 1,
                                    "options": [{"name": "guacamole", "price": 190}],
                                },
                            ],
                        }
                    ],
                }
            ]
        }
    )

    currency: str = Field(
        description="ISO 4217 code of every price: a currency with minor units.", examples=["EUR"]
    )
    items: list[Dish]


Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
ClockTime = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["11:30"])]


class DayHours(Body):
    """Open on one day of the week."""

    day: Day
    opens: ClockTime
    closes: ClockTime


class Hours(Body):
    """When the house is open; always, when there are no hours."""

    hours: Annotated[list[DayHours], Field(max_length=50)]
    time_zone: str = Field(description="Its IANA name.", examples=["Europe/Berlin"])


LONGEST_PAUSE = timedelta(days=366)


class Pause(Body):
    """Whether orders are taken."""

    paused: bool
    reason: str | None = Field(
        None, max_length=500, description="For guests.", examples=["the fryer is broken"]
    )
    until: AwareDatetime | None = Field(
        None, description="When the pause ends by itself; staff end it when not given."
    )

    @field_validator("until")
    @classmethod
    def _is_near(cls, until: datetime | None) -> datetime | None:
        if until is not None and abs(until - utc_now()) > LONGEST_PAUSE:
            raise ValueError("must be within a year from now")
        return until


class Availability(Body):
    """Whether a dish can be had."""

    available: bool


class Tap(Body):
    """A cook's tap on a ticket."""

    seq: Annotated[Int64, Field(ge=0)] = 0
    """The one the cook saw; 0 accepts any."""
    reason: str = ""


class Recall(Tap):
    """A tap that takes food back to the stove."""

    reason: Name
