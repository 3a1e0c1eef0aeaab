"""Every kind of problem the gateway answers with, its own and those of the services behind it."""

from infra.problems import COMMON, ProblemType

# The gateway's own.

CROSS_ORIGIN = ProblemType(
    "cross-origin-request",
    403,
    "Cross-origin request",
    "A session's cookie came with a request that no page of this origin made; `detail` says what "
    "was compared, and `public_origins` where the pages are, if the gateway is told.",
)
PREFLIGHT_REFUSED = ProblemType(
    "preflight-refused",
    403,
    "Preflight refused",
    "A browser asked whether a page of another origin may send a request, and it may not: its "
    "origin, its method or one of its headers is not let in.",
)
INVALID_IDEMPOTENCY_KEY = ProblemType(
    "invalid-idempotency-key",
    400,
    "Invalid Idempotency-Key",
    "The header is not 1 to 255 visible ASCII characters.",
)
PEER_FAILED = ProblemType(
    "peer-failed", 502, "A service failed", "A service behind the gateway made a mistake."
)
SERVICE_UNAVAILABLE = ProblemType(
    "service-unavailable",
    503,
    "Service unavailable",
    "A service behind the gateway can't be reached now; come again after `Retry-After`.",
)
TOO_MANY_STREAMS = ProblemType(
    "too-many-streams",
    503,
    "No more streams here",
    "This gateway holds as many event streams as it may.",
)
TOO_MANY_STREAMS_OF_USER = ProblemType(
    "too-many-streams-of-user",
    429,
    "Too many streams",
    "One user has as many event streams open as one may.",
)
TOO_MANY_BOARDS = ProblemType(
    "too-many-boards",
    503,
    "No more boards here",
    "Too many kitchens were asked for while the kitchen service is away.",
)

# Who may do what.

_of = ProblemType.of_reason

INVALID_TOKEN = _of("INVALID_TOKEN", 401, "The access token is missing, forged or expired.")
NOT_ALLOWED = _of("NOT_ALLOWED", 403, "This takes a role that the caller does not have.")
KEYS_UNAVAILABLE = _of(
    "KEYS_UNAVAILABLE", 503, "Tokens can't be verified yet: the auth service is away."
)

# Of auth.

LOGIN_TAKEN = _of("LOGIN_TAKEN", 409, "Somebody has this login name.")
WRONG_CREDENTIALS = _of(
    "WRONG_CREDENTIALS", 401, "No such account, or another password; which of these is not told."
)
INVALID_REFRESH_TOKEN = _of(
    "INVALID_REFRESH_TOKEN", 401, "The refresh token is not good, or no longer."
)
TOO_MANY_ATTEMPTS = _of(
    "TOO_MANY_ATTEMPTS", 429, "Too many logins have failed for this name or from this address."
)
HASHING_BUSY = _of("HASHING_BUSY", 429, "Too many passwords wait to be checked.")

# Of order.

ORDER_NOT_FOUND = _of("ORDER_NOT_FOUND", 404, "There is no such order for this caller.")
DISH_NOT_FOUND = _of("DISH_NOT_FOUND", 404, "There is no such dish.")
INVALID_ORDER = _of(
    "INVALID_ORDER", 422, "It can't be ordered as it stands; `errors` says what and why."
)
INVALID_MENU = _of("INVALID_MENU", 422, "It can't be the menu; `errors` says what and why.")
REASON_NEEDED = _of("REASON_NEEDED", 422, "Staff must say why.")
IDEMPOTENCY_KEY_REUSED = _of(
    "IDEMPOTENCY_KEY_REUSED", 422, "The Idempotency-Key came with another order before."
)
TRANSITION_NOT_ALLOWED = _of(
    "TRANSITION_NOT_ALLOWED",
    409,
    "The order's status does not permit this; `current_status` and `allowed_actions` say what is.",
)
HOUSE_CLOSED = _of(
    "HOUSE_CLOSED", 409, "Guests order, and add to orders, within the opening hours only."
)
ORDERS_PAUSED = _of(
    "ORDERS_PAUSED", 409, "Staff take no orders, and no additions to them, for now."
)
INVALID_HOUSE = _of(
    "INVALID_HOUSE", 422, "The hours or the reason can't be so; `errors` says where and why."
)
SOLD_OUT = _of("SOLD_OUT", 409, "Dishes are sold out; `skus` names them.")
PRICE_CHANGED = _of(
    "PRICE_CHANGED",
    409,
    "The order comes to another total than `expected_total`, or in another currency; nothing is "
    "written. `items`, `total`, `currency` and `currency_digits` say what it comes to now.",
)
VERSION_MISMATCH = _of(
    "VERSION_MISMATCH", 412, "What is to be changed moved on from the version named in `If-Match`."
)
TOO_MANY_ORDERS = _of("TOO_MANY_ORDERS", 429, "The caller orders faster than one guest may.")
BACKLOG_FULL = _of("BACKLOG_FULL", 503, "Too many orders wait for the kitchen.")

# Of the kitchen.

KITCHEN_NOT_FOUND = _of("KITCHEN_NOT_FOUND", 404, "There is no such kitchen.")
TICKET_NOT_FOUND = _of("TICKET_NOT_FOUND", 404, "There is no such ticket in this kitchen.")
TICKET_MOVED = _of("TICKET_MOVED", 409, "The ticket moved on since the cook saw it.")
MOVE_NOT_ALLOWED = _of("MOVE_NOT_ALLOWED", 409, "The ticket's status does not permit this.")
REASON_MISSING = _of("REASON_MISSING", 422, "A recall takes a reason.")

# Of any of them.

STORE_UNAVAILABLE = _of("STORE_UNAVAILABLE", 503, "The service's store does not answer.")
STORE_READ_ONLY = _of("STORE_READ_ONLY", 503, "The service's store takes no changes now.")
STORE_FULL = _of("STORE_FULL", 503, "The service's store is full.")
DEPENDENCY_TIMEOUT = _of("DEPENDENCY_TIMEOUT", 503, "Something the service needs was too slow.")

# What any call that reaches a service may meet.
OF_SERVICES = (
    PEER_FAILED,
    SERVICE_UNAVAILABLE,
    STORE_UNAVAILABLE,
    STORE_READ_ONLY,
    STORE_FULL,
    DEPENDENCY_TIMEOUT,
)
OF_CALLERS = (INVALID_TOKEN, KEYS_UNAVAILABLE)

ALL = tuple(
    sorted(
        {
            *COMMON,
            *(value for value in vars().values() if isinstance(value, ProblemType)),
        },
        key=lambda kind: (kind.status, kind.slug),
    )
)
