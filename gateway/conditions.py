"""Conditional requests (RFC 9110, section 13): versions as entity tags, and asking about them."""

import re

from starlette.requests import Request

# What a call names that knows no version; versions of orders count from 1.
NO_VERSION = 0
# What a tag wants that is none of ours. It matches nothing: a menu before its first import has 0.
UNKNOWN_VERSION = -1
_TAG = re.compile(r'(W/)?"([^"]*)"')
_VERSION = re.compile(r"[0-9]{1,18}", re.ASCII)
# With the state that an answer shows beside its version, such as in "7-paused".
_WANTED = re.compile(r"([0-9]{1,18})(?:-[a-z]+)?", re.ASCII)


def etag(version: int, state: str = "") -> str:
    """Return the entity tag of a version; ``state`` is one lower-case word for what the answer
    shows beside it and time alone changes."""
    return f'"{version}-{state}"' if state else f'"{version}"'


def is_known(request: Request, tag: str) -> bool:
    """Return whether the client has the representation with this tag, by ``If-None-Match``."""
    asked = request.headers.get("if-none-match")
    if not asked:
        return False
    if asked.strip() == "*":
        return True
    return any(f'"{known}"' == tag for _, known in _TAG.findall(asked))


def known_version(request: Request) -> int:
    """The one version the client names by ``If-None-Match``; ``NO_VERSION`` unless it is one."""
    asked = request.headers.get("if-none-match")
    if not asked:
        return NO_VERSION
    tags = [tag for _, tag in _TAG.findall(asked)]
    return int(tags[0]) if len(tags) == 1 and _VERSION.fullmatch(tags[0]) else NO_VERSION


def wanted_version(request: Request) -> int | None:
    """The version the client changes, by ``If-Match``; None when any will do.

    Weak tags never match, as the RFC has it. Of several the highest counts: versions only grow, so
    the others are past.
    """
    asked = request.headers.get("if-match")
    if asked is None or asked.strip() == "*":
        return None
    strong = (_WANTED.fullmatch(tag) for weak, tag in _TAG.findall(asked) if not weak)
    return max((int(found[1]) for found in strong if found), default=UNKNOWN_VERSION)
