"""Past sales as a till exports them: one tab-separated line for each line of an order."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COLUMNS = ("order_id", "quantity", "item_name", "choice_description", "item_price")
NO_CHOICE = "NULL"
PRICE = re.compile(r"\$?(\d+)\.(\d\d)")


class SalesFileError(Exception):
    """The file can't be read as sales. Says which line and why; for people."""


@dataclass(frozen=True)
class SoldLine:
    """One line of an order; ``total`` is the whole line's price, in minor units."""

    item_name: str
    quantity: int
    choices: tuple[str, ...]
    total: int


@dataclass(frozen=True)
class SoldOrder:
    """One order of the file."""

    number: str
    lines: tuple[SoldLine, ...]

    @property
    def total(self) -> int:
        """What was paid, in minor units."""
        return sum(line.total for line in self.lines)


def read_sales(path: Path) -> list[SoldOrder]:
    """The orders of a file, in the order in which each first appears.

    Raises:
        SalesFileError: the file is no such file, or is empty.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SalesFileError(f"{path} can't be read: {error}") from error
    orders: dict[str, list[SoldLine]] = {}
    for number, line in _read_lines(path.name, text):
        orders.setdefault(number, []).append(line)
    if not orders:
        raise SalesFileError(f"{path.name} has no orders")
    return [SoldOrder(number, tuple(lines)) for number, lines in orders.items()]


def _read_lines(name: str, text: str) -> Iterator[tuple[str, SoldLine]]:
    # Split by hand: the csv module would take a quotation mark in a name for quoting.
    header, *rows = text.split("\n")
    if tuple(header.strip().split("\t")) != COLUMNS:
        raise SalesFileError(f"{name}: the first line must name the columns {', '.join(COLUMNS)}")
    for place, row in enumerate(rows, start=2):
        if not row.strip():
            continue
        cells = [cell.strip() for cell in row.split("\t")]
        if len(cells) != len(COLUMNS):
            raise SalesFileError(f"{name}, line {place}: {len(cells)} columns, not {len(COLUMNS)}")
        number, quantity, item_name, choices, price = cells
        if not (number and item_name):
            raise SalesFileError(f"{name}, line {place}: an order and an item must be named")
        if not quantity.isdecimal() or int(quantity) < 1:
            raise SalesFileError(f"{name}, line {place}: {quantity!r} is no quantity")
        amount = PRICE.fullmatch(price)
        if amount is None:
            raise SalesFileError(f"{name}, line {place}: {price!r} is no price such as $2.39")
        total = 100 * int(amount[1]) + int(amount[2])
        yield number, SoldLine(item_name, int(quantity), parse_choices(choices), total)


def parse_choices(text: str) -> tuple[str, ...]:
    """The names in a nested list such as ``[Salsa, [Rice, Beans]]``, flat; the same once only."""
    if text in ("", NO_CHOICE):
        return ()
    names = (name.strip() for name in re.split(r"[\[\],]", text))
    return tuple(dict.fromkeys(name for name in names if name))
