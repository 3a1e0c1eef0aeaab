"""What a menu must be before guests may order from it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from infra.currencies import is_currency
from infra.errors import Violation
from infra.text import fold_spaces, is_visible, refused_character
from order.domain import InvalidMenuError, MenuItem, MenuOption, OptionGroup
from shared_proto.kitchens import KITCHEN_NAME_RULE, STATION_NAME

MAX_DISHES = 2_000
MAX_PRICE = 10_000_000
MAX_PREP_SECONDS = 4 * 60 * 60
MAX_GROUPS = 20
MAX_OPTIONS = 100
MAX_NAME_CHARACTERS = 120
SKU = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
STATION = re.compile(STATION_NAME)


def with_folded_names(item: MenuItem) -> MenuItem:
    """Return the dish with the spaces of each name in it folded (``infra.text.fold_spaces``)."""
    return replace(
        item,
        name=fold_spaces(item.name),
        category=fold_spaces(item.category),
        option_groups=tuple(
            OptionGroup(
                fold_spaces(group.name),
                group.min,
                group.max,
                tuple(MenuOption(fold_spaces(o.name), o.price) for o in group.options),
            )
            for group in item.option_groups
        ),
    )


def check_menu(currency: str, items: Sequence[MenuItem]) -> None:
    """Raises InvalidMenuError with everything that is wrong, each by its JSON pointer."""
    if violations := list(_violations(currency, items)):
        raise InvalidMenuError(violations)


def _violations(currency: str, items: Sequence[MenuItem]) -> Iterator[Violation]:
    if not is_currency(currency):
        said = "must be the ISO 4217 code of a currency with minor units, such as EUR"
        yield Violation("/currency", said)
    if not 1 <= len(items) <= MAX_DISHES:
        yield Violation("/items", f"must have 1 to {MAX_DISHES} dishes")
        return
    seen: set[str] = set()
    for index, item in enumerate(items):
        at = f"/items/{index}"
        if not SKU.fullmatch(item.sku):
            yield Violation(f"{at}/sku", "must be lower-case letters, digits and hyphens")
        if item.sku in seen:
            yield Violation(f"{at}/sku", f"{item.sku!r} is there twice")
        seen.add(item.sku)
        if not STATION.fullmatch(item.station):
            yield Violation(f"{at}/station", KITCHEN_NAME_RULE)
        if not 0 <= item.price <= MAX_PRICE:
            yield Violation(f"{at}/price", f"must be 0 to {MAX_PRICE} minor units")
        if not 0 <= item.prep_seconds <= MAX_PREP_SECONDS:
            yield Violation(f"{at}/prep_seconds", f"must be 0 to {MAX_PREP_SECONDS}")
        for field, name in (("name", item.name), ("category", item.category)):
            yield from _name_violations(f"{at}/{field}", name)
        yield from _group_violations(at, item)


def _group_violations(at: str, item: MenuItem) -> Iterator[Violation]:
    if len(item.option_groups) > MAX_GROUPS:
        yield Violation(f"{at}/option_groups", f"must be at most {MAX_GROUPS}")
    seen: set[str] = set()
    for index, group in enumerate(item.option_groups):
        here = f"{at}/option_groups/{index}"
        yield from _name_violations(f"{here}/name", group.name)
        if not 1 <= len(group.options) <= MAX_OPTIONS:
            yield Violation(f"{here}/options", f"must be 1 to {MAX_OPTIONS}")
        if not 0 <= group.min <= group.max <= len(group.options):
            yield Violation(here, "min and max must fit each other and the number of options")
        for position, option in enumerate(group.options):
            yield from _name_violations(f"{here}/options/{position}/name", option.name)
            if option.name in seen:
                # An order names its options, so a name must mean one thing within a dish.
                yield Violation(f"{here}/options/{position}/name", "is there twice in this dish")
            seen.add(option.name)
            if abs(option.price) > MAX_PRICE:
                yield Violation(f"{here}/options/{position}/price", "is out of range")


def _name_violations(at: str, name: str) -> Iterator[Violation]:
    if len(name) > MAX_NAME_CHARACTERS:
        yield Violation(at, f"must be at most {MAX_NAME_CHARACTERS} characters")
    if not is_visible(name):
        yield Violation(at, "must have a visible character")
    if char := refused_character(name):
        yield Violation(at, f"must not have the character {char}")
