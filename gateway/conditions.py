"""Conditional requests (RFC 9110, section 13): versions as entity tags, and asking about them."""

import re

from starlette.requests import Request

# Versions count from 1, so this one never matches.
NO_VERSION = 0
_TAG = re.compile(r'(W/)?"([^"]*)"')
_VERSION = re.compile(r"[0-9]{1,18}", re.ASCII)


def etag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def is_known(request: Request, version: int) -> bool:
    """Whether the client has this version already, by ``If-None-Match``."""
    asked = request.headers.get("if-none-match")
    if not asked:
        return False
    if asked.strip() == "*":
        return True
    return any(tag == str(version) for _, tag in _TAG.findall(asked))


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
    strong = (tag for weak, tag in _TAG.findall(asked) if not weak)
    return max((int(tag) for tag in strong if _VERSION.fullmatch(tag)), default=NO_VERSION)
