"""Conditional requests (RFC 9110, section 13): versions as entity tags, and asking about them."""

import re
from typing import NamedTuple

from starlette.requests import Request

from infra.web import field_value

# What a call names that knows no version; versions of orders count from 1.
NO_VERSION = 0
# What a tag wants that is none of ours. It matches nothing: a menu before its first import has 0.
UNKNOWN_VERSION = -1
_TAG = re.compile(r'(W/)?"([^"]*)"[ \t]*(?:,[ \t,]*|$)')
_VERSION = re.compile(r"[0-9]{1,18}", re.ASCII)
# With a digest of what an answer shows beside its version, such as in "7-1c291ca3".
_WANTED = re.compile(r"([0-9]{1,18})(?:-[0-9a-f]+)?", re.ASCII)


class Tag(NamedTuple):
    """An entity tag (RFC 9110, section 8.8.3)."""

    opaque: str
    is_weak: bool


ANY = Tag("*", is_weak=True)
"""Stands for whatever there is."""


def etag(opaque: str | int) -> str:
    """Return the strong entity tag of a version, or of a version with what an answer shows beside
    it, such as ``7-1c291ca3``."""
    return f'"{opaque}"'


def is_known(request: Request, tag: str | int) -> bool:
    """True if the client has what ``tag`` names already, by ``If-None-Match``.

    The comparison is weak (RFC 9110, section 13.1.2), which proxies that compress count on.
    """
    tags = _tags(request, "if-none-match")
    return bool(tags) and any(asked is ANY or asked.opaque == str(tag) for asked in tags)


def known_version(request: Request) -> int:
    """The one version the client names by ``If-None-Match``; ``NO_VERSION`` unless it is one."""
    tags = _tags(request, "if-none-match")
    return _version(tags[0]) if len(tags) == 1 else NO_VERSION


def wanted_version(request: Request) -> int | None:
    """The version the client changes, by ``If-Match``; None when any will do.

    Weak tags never match, as the RFC has it. Of several the highest counts: versions only grow, so
    the others are past.
    """
    if "if-match" not in request.headers:
        return None
    tags = _tags(request, "if-match")
    if tags and tags[0] is ANY:
        return None
    strong = (_WANTED.fullmatch(tag.opaque) for tag in tags if not tag.is_weak)
    return max((int(found[1]) for found in strong if found), default=UNKNOWN_VERSION)


def _version(tag: Tag) -> int:
    return int(tag.opaque) if _VERSION.fullmatch(tag.opaque) else NO_VERSION


def _tags(request: Request, name: str) -> list[Tag]:
    """The entity tags that a header lists; none where it is no such list, so that nothing
    matches."""
    value = field_value(request, name)
    if not value:
        return []
    text = value.strip(" \t,")
    if text == "*":
        return [ANY]
    tags: list[Tag] = []
    at = 0
    while at < len(text):
        found = _TAG.match(text, at)
        if found is None:
            return []
        tags.append(Tag(found[2], found[1] is not None))
        at = found.end()
    return tags
