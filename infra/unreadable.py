"""What stands in Redis and can't be read: a hand has changed it, or a later release has written it.

It is told and left as it is, and whatever stands beside it goes on.
"""

from typing import Literal, get_args

from prometheus_client import Counter
from redis.exceptions import ResponseError

from infra.logs import get_logger

UNREADABLE = (ResponseError, LookupError, TypeError, ValueError)
"""What is raised by data that is not as we write it."""

MET = Counter(
    "redis_unreadable",
    "Times something in Redis was not as this release writes it, by what it is.",
    ["what"],
)

Kind = Literal["order", "event", "ticket", "change"]
for _kind in get_args(Kind):
    # From 0 on: what begins at 1 has not increased.
    MET.labels(_kind)

log = get_logger()


def tell_unreadable(what: Kind, error: Exception, **ids: str) -> None:
    """Logs and counts one; ``ids`` say which."""
    MET.labels(what).inc()
    log.error(f"{what}_unreadable", error=repr(error), **ids)
