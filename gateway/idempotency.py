"""What makes repeating a request safe: the client's key."""

import hashlib
import re

import orjson
from pydantic import BaseModel
from starlette.requests import Request

from gateway.problems import INVALID_IDEMPOTENCY_KEY
from infra.web import ProblemError

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def read_key(request: Request) -> str:
    """The request's ``Idempotency-Key``, "" if it has none.

    Raises:
        ProblemError: 400 when it is not 1 to 255 visible ASCII characters.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return ""
    if not _KEY.fullmatch(key):
        raise ProblemError(
            INVALID_IDEMPOTENCY_KEY,
            f"{HEADER} must be 1 to 255 visible ASCII characters",
        )
    return key


def content_digest(body: BaseModel) -> bytes:
    """The SHA-256 of what ``body`` says, however it was written.

    The canonical JSON (RFC 8785) without members at their default is digested: another sequence of
    members, other white space, or a member that a newer client adds with its default change
    nothing.
    """
    said = body.model_dump(exclude_defaults=True)
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()
