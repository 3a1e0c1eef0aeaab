"""Query parameters, and what is said about bad ones."""

import re

from starlette.requests import Request

from infra.problems import INVALID_PARAMETER
from infra.web import ProblemError
from shared_proto.kitchens import DEFAULT_KITCHEN

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def bad_parameter(name: str, detail: str) -> ProblemError:
    """400: the parameter ``name`` is not what it must be."""
    return ProblemError(INVALID_PARAMETER, f"{name} {detail}", parameter=name)


def whole_number(request: Request, name: str, *, most: int) -> int:
    """The parameter as a number from 1 to ``most``; 0 when it is not given.

    Raises:
        ProblemError: 400 when it is something else.
    """
    asked = request.query_params.get(name)
    if asked is None:
        return 0
    # int() takes more than ASCII digits, and any number of them.
    if asked.isascii() and asked.isdigit() and len(asked) <= 9 and 1 <= int(asked) <= most:
        return int(asked)
    raise bad_parameter(name, f"must be 1 to {most}")


def page_cursor(request: Request) -> str:
    """Where a page of orders begins: after an order's id; "" when it is not given.

    Raises:
        ProblemError: 400 when it is something else.
    """
    cursor = request.query_params.get("cursor", "")
    if cursor and not _ULID.fullmatch(cursor):
        raise bad_parameter("cursor", "must be the next_cursor of another page")
    return cursor


def flag(request: Request, name: str) -> bool:
    """The parameter as true or false; false when it is not given.

    Raises:
        ProblemError: 400 when it is something else.
    """
    asked = request.query_params.get(name, "false")
    if asked not in ("true", "false"):
        raise bad_parameter(name, "must be true or false")
    return asked == "true"


def kitchen_of(request: Request) -> str:
    """The kitchen a request is about."""
    return request.query_params.get("kitchen") or DEFAULT_KITCHEN
