"""What the gateway's documentation says of all its operations, and the parts many share."""

from collections.abc import Iterator

from gateway.answers import Heartbeat, OrderSnapshot, StatusEvent
from gateway.cookies import ACCESS
from gateway.problems import CROSS_ORIGIN, OF_CALLERS, OF_SERVICES
from infra.openapi import SAFE_METHODS, Api, Operation, Parameter, Reply
from infra.problems import INTERNAL, ProblemType
from shared_proto.kitchens import DEFAULT_KITCHEN

API_PREFIX = "/api/v1"

DESCRIPTION = """\
A guest orders, the kitchen cooks, and everyone watches it happen live.

Sign up with `POST /register`, sign in with `POST /login`, and send the access token as
`Authorization: Bearer …` (the "Authorize" button does that for this page). Pages of this origin use
`POST /session` instead and never see a token: their cookie counts where `Sec-Fetch-Site` or
`Origin` says that the request is the page's own.

Every path is served at the root and under `/api/v1`, and none ends with a slash. `HEAD` is answered
wherever `GET` is, and `OPTIONS` everywhere. Errors are `application/problem+json`
(RFC 9457) with a stable `type`; `/problems` lists them. Money is in minor units, and
`currency_digits` beside each `currency` says how many digits those take; times are RFC 3339 in UTC.
`X-Request-ID` is taken, echoed and logged; a W3C `traceparent` is logged and passed on.
`Accept: application/json` is answered with JSON of any kind.

Event streams are Server-Sent Events. Take the last `id` along as `Last-Event-ID` (browsers do by
themselves) and nothing is missed and nothing comes twice. Event → data: `snapshot` →
`OrderSnapshot`, `status` → `StatusEvent`, `heartbeat` → `Heartbeat`, `reset` → `{}`.
"""


def if_match(what: str) -> Parameter:
    """Return the header that names the version of ``what`` that a change is for."""
    said = f"Only if the {what} is still at this version (412 else)."
    return Parameter("If-Match", said, "header", example='"3"')


ORDER_ID = Parameter("id", "The order's id.", "path", example="01M84H3W5V9ZK2Q7X4T6B8C1DE")
KITCHEN = Parameter("kitchen", f"The kitchen; `{DEFAULT_KITCHEN}` when not given.", example="main")
IF_MATCH = if_match("order")
IF_NONE_MATCH = Parameter(
    "If-None-Match", "The version that is known already (304 then).", "header", example='"3"'
)
REASON = Parameter("reason", "Why; staff must say.", example="the guest left")
LAST_EVENT_ID = Parameter(
    "Last-Event-ID", "The last event seen: what came after it follows.", "header"
)
LAST_EVENT_ID_IN_QUERY = Parameter("last_event_id", "The same; the header counts more.")

ETAG = {"ETag": "The version."}
NOT_MODIFIED = Reply("The version that is known already.", status=304, headers=ETAG)
NO_CONTENT = Reply("It is done.", status=204)


def event_stream(description: str, example: str) -> Reply:
    """The good answer of an event stream."""
    return Reply(
        description, media_type="text/event-stream", schema={"type": "string"}, example=example
    )


def _common_problems(method: str, found: Operation) -> Iterator[ProblemType]:
    yield INTERNAL
    if found.tag not in WITHOUT_SERVICES:
        yield from OF_SERVICES
    if found.signed_in:
        yield from OF_CALLERS
        if method not in SAFE_METHODS:
            yield CROSS_ORIGIN


# Tags of operations that ask no service.
WITHOUT_SERVICES = frozenset({"About"})

API = Api(
    title="Brigade",
    description=DESCRIPTION,
    servers=("/", API_PREFIX),
    security={
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `access_token` of `POST /login`.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": ACCESS,
            "description": f"Set by `POST /session`; `__Host-{ACCESS}` over HTTPS.",
        },
    },
    problems=_common_problems,
    models=(OrderSnapshot, StatusEvent, Heartbeat),
)
