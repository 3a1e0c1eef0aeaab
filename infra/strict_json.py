"""JSON of strangers, read so that it says one thing: members whose names are unique (RFC 7493,
section 2.3), and integers in any notation (JSON Schema, section 6.1.1 of its validation)."""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

Path = tuple[str | int, ...]


def has_unique_names(text: bytes) -> bool:
    """Return False if an object in ``text`` may have two members with the same name, or if
    ``text`` is no JSON.

    A parser keeps one member of each name, so that fewer colons are written again than there were:
    the cheapest comparison that misses none. An escaped colon would make up for a missing one.

    Args:
        text: nested at most 250 deep, which pydantic's parser makes sure of.
    """
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return b"\\u003" not in text and orjson.dumps(parsed).count(b":") == text.count(b":")


def read_exactly(text: bytes) -> Any:
    """The value of ``text``.

    A number with a fraction or an exponent is an int where it is whole. An object keeps the last of
    members with the same name, as parsers do, and is found by ``repeated_names``.

    Args:
        text: nested at most 250 deep, which pydantic's parser makes sure of.

    Raises:
        orjson.JSONDecodeError: ``text`` is not JSON (RFC 8259) in UTF-8.
    """
    # Python's own parser lets pass NaN, halves of surrogate pairs and numbers without an end.
    orjson.loads(text)
    return _DECODER.decode(text.decode())


def repeated_names(value: Any, path: Path = ()) -> Iterator[Path]:
    """The path of each member of ``value``, from ``read_exactly``, that is there more than once."""
    if isinstance(value, _Repeating):
        for name in value.names:
            yield *path, name
    if isinstance(value, dict):
        for name, member in value.items():
            yield from repeated_names(member, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from repeated_names(item, (*path, index))


class _Repeating(dict[str, Any]):
    """An object that has members with the same name."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.names = [name for name, count in Counter(n for n, _ in pairs).items() if count > 1]


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _Repeating(pairs)


def _number(text: str) -> int | float:
    try:
        exact = Decimal(text)
    except InvalidOperation:
        # Its exponent has more digits than Decimal's may have.
        return float(text)
    whole = int(exact) if exact else 0
    return whole if whole == exact else float(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_float=_number)
