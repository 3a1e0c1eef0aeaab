"""Enumerations of words, as statuses are."""

from enum import StrEnum


class Word(StrEnum):
    """A ``StrEnum`` that is found in tables as fast as its text."""

    # Enum's own is a function in Python: 0.2 us for each look into a table, and every order that is
    # placed and cooked takes some fifty of those.
    __hash__ = str.__hash__
