"""What auth's documentation says of all its operations, and every kind of problem it answers."""

from collections.abc import Iterator

from infra.openapi import Api, Operation
from infra.problems import COMMON, INTERNAL, ProblemType

API_PREFIX = "/api/v1"

DESCRIPTION = """\
Accounts, sessions and tokens. `POST /api/v1/login` answers an access token, good for a quarter of
an hour, and a refresh token, good for one use. Cookies are ignored here: pages sign in at the
gateway. Errors are `application/problem+json` (RFC 9457) with a stable `type`; `/problems` lists
them.
"""

_of = ProblemType.of_reason

INVALID_TOKEN = _of("INVALID_TOKEN", 401, "The access token is missing, forged or expired.")
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
ACCOUNT_CHANGED = _of("ACCOUNT_CHANGED", 409, "The account was changed at the same moment.")

# What any operation may meet.
OF_THE_STORE = (
    _of("STORE_UNAVAILABLE", 503, "The store does not answer."),
    _of("STORE_READ_ONLY", 503, "The store takes no changes now."),
    _of("STORE_FULL", 503, "The store is full."),
    _of("DEPENDENCY_TIMEOUT", 503, "Something auth needs was too slow."),
)
KEYS_UNAVAILABLE = _of("KEYS_UNAVAILABLE", 503, "Tokens can't be verified yet.")

ALL = tuple(
    sorted(
        {
            *COMMON,
            *OF_THE_STORE,
            *(value for value in vars().values() if isinstance(value, ProblemType)),
        },
        key=lambda kind: (kind.status, kind.slug),
    )
)


def _common_problems(_: str, found: Operation) -> Iterator[ProblemType]:
    yield INTERNAL
    if found.tag != "About":
        yield from OF_THE_STORE
    if found.signed_in:
        yield INVALID_TOKEN
        yield KEYS_UNAVAILABLE


API = Api(
    title="Brigade auth",
    description=DESCRIPTION,
    servers=("/",),
    security={
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": f"The `access_token` of `POST {API_PREFIX}/login`.",
        }
    },
    problems=_common_problems,
)
