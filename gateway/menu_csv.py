"""A menu as a spreadsheet writes it: CSV, one dish a line, its options in one column."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pydantic import ValidationError

from gateway.schemas import Dish
from infra.errors import Violation
from infra.problems import INVALID_REQUEST
from infra.web import ProblemError, json_pointer

COLUMNS = ("sku", "name", "category", "station", "price", "prep_seconds", "available", "options")
REQUIRED_COLUMNS = COLUMNS[: COLUMNS.index("available")]
EXAMPLE = """\
sku,name,category,station,price,prep_seconds,available,options
chicken-bowl,Chicken Bowl,Bowls,grill,990,420,yes,base 1-1: rice | greens; extra 0-1: guacamole +190
tea,Tea,Drinks,bar,250,60,no,
"""
_TRUTH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": True}
_GROUP = re.compile(r"(.+?) +([0-9]{1,3})-([0-9]{1,3}) *: *(.*)")
# A spreadsheet may make a minus of the hyphen.
_OPTION = re.compile(r"(.+?)(?: +([+\u2212-][0-9]{1,9}))?")
_NUMBER = re.compile(r"-?[0-9]{1,12}")
_DISH_POINTER = re.compile(r"/items/([0-9]+)(/.*)?")


@dataclass(frozen=True)
class CsvMenu:
    """The dishes of a CSV file, and the line each stands in."""

    dishes: Sequence[Dish]
    lines: Sequence[int]

    def violation_by_line(self, violation: Violation) -> Violation:
        """What is wrong with a dish, said of its line."""
        found = _DISH_POINTER.fullmatch(violation.pointer)
        if found is None or int(found[1]) >= len(self.lines):
            return violation
        return _at_line(self.lines[int(found[1])], found[2] or "", violation.message)


def read_csv(text: str) -> CsvMenu:
    """The dishes that ``text`` writes.

    The first line names the columns. ``options`` are groups with semicolons between, each as
    ``name min-max: option | option +price``.

    Raises:
        ProblemError: 422 with everything that is wrong, by line.
    """
    # Line ends are those of any system, CR alone included.
    reader = csv.reader(io.StringIO(text, newline=None), strict=True)
    dishes: list[Dish] = []
    lines: list[int] = []
    violations: list[Violation] = []
    try:
        _check_separator(text)
        _check_columns(next(reader, []))
        for cells in map(_without_empty_end, reader):
            if not cells:
                continue
            lines.append(reader.line_num)
            try:
                dishes.append(Dish.model_validate(_dish_members(cells)))
            except _CellError as error:
                violations.append(_at_line(reader.line_num, error.pointer, error.message))
            except ValidationError as error:
                violations += [
                    _at_line(reader.line_num, json_pointer(detail["loc"]), detail["msg"])
                    for detail in error.errors(include_url=False, include_input=False)
                ]
    except csv.Error:
        said = "a cell with a comma, a quote or a line break in it must stand in quotes, and each "
        violations.append(_at_line(reader.line_num, "", f"{said}quote in it be doubled"))
    if violations:
        raise _refused(violations)
    return CsvMenu(dishes, lines)


def _check_columns(head: Sequence[str]) -> None:
    named = tuple(cell.strip().lower() for cell in _without_empty_end(head))
    if named == COLUMNS:
        return
    raise _refused([_at_line(1, "", f"the columns must be {','.join(COLUMNS)}")])


def _check_separator(text: str) -> None:
    # What spreadsheets write where the comma is the decimal sign, and to the clipboard.
    for other in ";\t":
        head = next(csv.reader(text.splitlines()[:1], delimiter=other), [])
        if len(_without_empty_end(head)) == len(COLUMNS):
            raise _refused([_at_line(1, "", "the columns must be parted by commas")])


def _without_empty_end(cells: Sequence[str]) -> Sequence[str]:
    """Return ``cells`` up to the last one with something in it: spreadsheets write as many cells as
    their widest row has."""
    filled = [index for index, cell in enumerate(cells) if cell.strip()]
    return cells[: filled[-1] + 1] if filled else ()


class _CellError(Exception):
    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.pointer = f"/{column}" if column else ""
        self.message = message


def _dish_members(row: Sequence[str]) -> dict[str, Any]:
    if not len(REQUIRED_COLUMNS) <= len(row) <= len(COLUMNS):
        raise _CellError("", f"must have {len(COLUMNS)} cells")
    # The last columns may be empty.
    cells = {column: cell.strip() for column, cell in zip_longest(COLUMNS, row, fillvalue="")}
    return {
        **{column: cells[column] for column in ("sku", "name", "category", "station")},
        "price": _number(cells, "price"),
        "prep_seconds": _number(cells, "prep_seconds"),
        "available": _truth(cells),
        "option_groups": list(_groups(cells["options"])),
    }


def _number(cells: Mapping[str, str], column: str) -> int:
    if not _NUMBER.fullmatch(cells[column]):
        raise _CellError(column, "must be a whole number")
    return int(cells[column])


def _truth(cells: Mapping[str, str]) -> bool:
    truth = _TRUTH.get(cells["available"].lower())
    if truth is None:
        raise _CellError("available", "must be yes or no")
    return truth


def _groups(cell: str) -> Iterator[dict[str, Any]]:
    for part in filter(None, map(str.strip, cell.split(";"))):
        found = _GROUP.fullmatch(part)
        if found is None:
            raise _CellError("options", f"{part!r} is not like 'base 1-1: rice | greens +50'")
        name, least, most, options = found.groups()
        yield {
            "name": name,
            "min": int(least),
            "max": int(most),
            "options": [_option(each.strip()) for each in options.split("|")],
        }


def _option(text: str) -> dict[str, Any]:
    found = _OPTION.fullmatch(text)
    if found is None:
        raise _CellError("options", "an option must have a name")
    return {"name": found[1], "price": int((found[2] or "0").replace("\u2212", "-"))}


def _at_line(line: int, pointer: str, message: str) -> Violation:
    return Violation(f"/lines/{line}{pointer}", f"line {line}: {message}")


def _refused(violations: Sequence[Violation]) -> ProblemError:
    return ProblemError(INVALID_REQUEST, "the menu has lines at fault", errors=violations)
