"""Proactive negotiation (RFC 9110, section 12.5): the representation that a request asks for."""

import re
from collections.abc import Iterator
from functools import lru_cache

JSON = "application/json"
# A comma or a semicolon inside a quoted string ends nothing (RFC 9110, section 5.6.4).
_QUOTED = r'"(?:\\.|[^"\\])*"?'
_ENTRIES = re.compile(rf'(?:[^,"]|{_QUOTED})+')
_PARTS = re.compile(rf'(?:[^;"]|{_QUOTED})+')
_QUALITY = re.compile(r"[01](?:\.[0-9]*)?|\.[0-9]+")
_UNNAMED = -1


# The same programs ask again and again.
@lru_cache(maxsize=1_024)
def preferred(accept: str, offered: tuple[str, ...]) -> str | None:
    """The media type to answer with, by an ``Accept`` field; None where it permits none.

    The best quality wins, then the type that is named more exactly, then the earlier one in
    ``offered``. A request for JSON permits every type that is JSON underneath (RFC 6839, section
    3.1), unless it refuses that type by name.
    """
    if not accept.strip():
        return offered[0]
    # Of equals ``max`` keeps the first.
    best = max(offered, key=lambda media_type: _rank(accept, media_type))
    return best if _rank(accept, best)[0] > 0 else None


@lru_cache(maxsize=1_024)
def accepts_gzip(accept_encoding: str) -> bool:
    """True if an ``Accept-Encoding`` field permits gzip and does not prefer plain content."""
    quality: dict[str, float] = {}
    for coding, weight in _weighted(accept_encoding):
        # An old name of it (RFC 9110, section 8.4.1.3).
        name = "gzip" if coding == "x-gzip" else coding
        quality[name] = max(weight, quality.get(name, 0.0))
    gzip = quality.get("gzip", quality.get("*", 0.0))
    return gzip > 0 and gzip >= quality.get("identity", 0.0)


def _rank(accept: str, media_type: str) -> tuple[float, int]:
    """The quality of ``media_type``, and how exactly the range that says so names it."""
    ranges = ((_exactness(asked, media_type), weight) for asked, weight in _weighted(accept))
    exactness, quality = max(ranges, default=(_UNNAMED, 0.0))
    return (quality, exactness) if exactness > _UNNAMED else (0.0, _UNNAMED)


def _exactness(asked: str, media_type: str) -> int:
    if asked == media_type:
        return 3
    if asked == JSON and media_type.startswith("application/") and media_type.endswith("+json"):
        return 2
    if asked == f"{media_type.partition('/')[0]}/*":
        return 1
    # Java's own client says "*", too.
    return 0 if asked in ("*/*", "*") else _UNNAMED


def _weighted(field: str) -> Iterator[tuple[str, float]]:
    """Each entry of a field such as ``Accept``, in lower case, with its quality."""
    for entry in _ENTRIES.findall(field):
        name, *parameters = (part.strip().lower() for part in _PARTS.findall(entry))
        if name:
            yield name, _quality(parameters)


def _quality(parameters: list[str]) -> float:
    """The quality that parameters state: 1 where they state none, 0 where it is no number."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            value = value.strip()
            return min(1.0, float(value)) if _QUALITY.fullmatch(value) else 0.0
    return 1.0
