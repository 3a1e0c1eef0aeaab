"""What joins the log lines of one request through all services: its id, and its caller's trace."""

import random
import re
from collections.abc import Mapping

from structlog.contextvars import get_contextvars

REQUEST_ID_KEY = "x-request-id"
LOGGED_AS = "request_id"
# W3C Trace Context (https://www.w3.org/TR/trace-context/): passed on as it came, and logged.
TRACE_KEY = "traceparent"

_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,128}")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def correlation_of(given: Mapping[str, str]) -> dict[str, str]:
    """What to bind to the log while a request is served that came with ``given``.

    Args:
        given: HTTP headers or gRPC metadata. What is not well-formed there is left out; a request
            without an id gets one.
    """
    request_id = given.get(REQUEST_ID_KEY, "")
    traceparent = given.get(TRACE_KEY, "")
    is_good = request_id and _VISIBLE_ASCII.fullmatch(request_id)
    bound = {LOGGED_AS: request_id if is_good else _new_id()}
    if traceparent and is_traceparent(traceparent):
        bound[TRACE_KEY] = traceparent
    return bound


def is_traceparent(text: str) -> bool:
    """Whether this is a W3C ``traceparent`` that names a trace and a span."""
    return _TRACEPARENT.fullmatch(text) is not None


def correlation_metadata() -> tuple[tuple[str, str], ...]:
    """What goes with a call to another service, so that its lines join this request's."""
    bound = get_contextvars()
    request_id = (REQUEST_ID_KEY, str(bound.get(LOGGED_AS) or _new_id()))
    traceparent = bound.get(TRACE_KEY)
    return (request_id, (TRACE_KEY, str(traceparent))) if traceparent else (request_id,)


def _new_id() -> str:
    # No secret: only to be told from others.
    return f"{random.getrandbits(128):032x}"
