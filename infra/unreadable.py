"""What stands in Redis and can't be read: a hand has changed it, or a later release has written it.

It is told and left as it is, and whatever stands beside it goes on.
"""

from typing import Literal, get_args

from prometheus_client import Counter
from redis.exceptions import ResponseError

from infra.logs import get_logger

UNREADABLE = (ResponseError, LookupError, TypeError, ValueError, OverflowError, OSError)
"""What is raised by data that is not as we write it."""
OF_ALL = ("OOM", "MISCONF", "READONLY", "NOPERM")
"""What Redis begins a refusal with that holds for every order alike."""

MET = Counter(
    "redis_unreadable",
    "Times something in Redis was not as this release writes it, by what it is.",
    ["what"],
)

Kind = Literal["order", "event", "ticket", "change", "outbox", "dish", "tick", "key", "revocation"]
for _kind in get_args(Kind):
    # From 0 on: what begins at 1 has not increased.
    MET.labels(_kind)

log = get_logger()


def is_of_data(error: Exception) -> bool:
    """Whether Redis refused a call for what stands at the keys that call is about."""
    text = str(error)
    return (
        isinstance(error, ResponseError)
        and ("user_script" in text or text.startswith("WRONGTYPE"))
        and not any(word in text for word in OF_ALL)
    )


def int32(value: str | int) -> int:
    """The whole number, if a message's int32 can carry it. Raises ValueError."""
    return _whole(value, 2**31)


def int64(value: str | int) -> int:
    """The whole number, if a message's int64 can carry it. Raises ValueError."""
    return _whole(value, 2**63)


def _whole(value: str | int, bound: int) -> int:
    number = int(value)
    if not -bound <= number < bound:
        raise ValueError(f"{number} is out of range")
    return number


def tell_unreadable(what: Kind, error: Exception, **ids: str) -> None:
    """Logs and counts one; ``ids`` say which."""
    MET.labels(what).inc()
    log.error(f"{what}_unreadable", error=repr(error), **ids)
