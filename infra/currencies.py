"""Currencies by ISO 4217: which there are, and how many digits their minor units take."""

import iso4217

UNKNOWN_DIGITS = 2
"""For a code without minor units of its own: what most currencies have, and what browsers use."""

_DIGITS = {
    currency.code: currency.exponent
    for currency in iso4217.Currency
    # None for gold, for tests and for "no currency": no amount can be told in those.
    if currency.exponent is not None
}


def is_currency(code: str) -> bool:
    """True if ISO 4217 lists ``code`` today as a currency with minor units."""
    return code in _DIGITS


def currency_digits(code: str) -> int:
    """Return the number of decimal digits of an amount in ``code``: 2 for EUR, 0 for JPY.

    Data of earlier releases may have any code; an unknown one has ``UNKNOWN_DIGITS``.
    """
    return _DIGITS.get(code, UNKNOWN_DIGITS)
