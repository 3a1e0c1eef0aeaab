"""The menu that past sales imply: every dish that was sold, at every price it was sold at."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from infra.dev.replay.sales_file import SoldLine, SoldOrder

STATION = "grill"
CURRENCY = "USD"
LONGEST_SLUG = 48


@dataclass
class _Dish:
    sku: str
    name: str
    price: int
    choices: dict[str, None] = field(default_factory=dict)


class SoldMenu:
    """One dish for each pair of name and price; what could be chosen costs nothing extra."""

    def __init__(self, orders: Iterable[SoldOrder], *, prep_seconds: int) -> None:
        self._prep_seconds = prep_seconds
        self._dishes: dict[tuple[str, int], _Dish] = {}
        skus: set[str] = set()
        for order in orders:
            for line in order.lines:
                _, price = _portion(line)
                dish = self._dishes.get((line.item_name, price))
                if dish is None:
                    dish = _Dish(_new_sku(line.item_name, price, skus), line.item_name, price)
                    self._dishes[line.item_name, price] = dish
                dish.choices.update(dict.fromkeys(line.choices))

    def as_menu(self) -> dict[str, Any]:
        """The menu as ``PUT /menu`` takes it."""
        return {"currency": CURRENCY, "items": [self._as_item(d) for d in self._dishes.values()]}

    def order_for(self, sold: SoldOrder) -> dict[str, Any]:
        """What ``POST /order`` takes to sell the same again, for the same money or not at all."""
        return {
            "items": [self._as_line(line) for line in sold.lines],
            "expected_total": sold.total,
            "expected_currency": CURRENCY,
        }

    def _as_item(self, dish: _Dish) -> dict[str, Any]:
        options = [{"name": name, "price": 0} for name in dish.choices]
        return {
            "sku": dish.sku,
            "name": dish.name,
            "category": "Sold before",
            "station": STATION,
            "price": dish.price,
            "prep_seconds": self._prep_seconds,
            "available": True,
            "option_groups": [{"name": "choice", "min": 0, "max": len(options), "options": options}]
            if options
            else [],
        }

    def _as_line(self, line: SoldLine) -> dict[str, Any]:
        quantity, price = _portion(line)
        sku = self._dishes[line.item_name, price].sku
        return {"sku": sku, "quantity": quantity, "options": list(line.choices)}


def _portion(line: SoldLine) -> tuple[int, int]:
    """How many are ordered at which price; a price that is no whole cent each is sold as one."""
    each, rest = divmod(line.total, line.quantity)
    return (line.quantity, each) if rest == 0 else (1, line.total)


def _new_sku(name: str, price: int, taken: set[str]) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_SLUG].strip("-") or "dish"
    sku, count = f"{slug}-{price}", 1
    while sku in taken:
        count += 1
        sku = f"{slug}-{price}-{count}"
    taken.add(sku)
    return sku
