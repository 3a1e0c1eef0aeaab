"""What makes repeating a request safe: the client's key, and the digest of what it sent."""

import hashlib
import re
from collections.abc import AsyncGenerator

from starlette.requests import Request

from gateway.problems import INVALID_IDEMPOTENCY_KEY
from infra.web import ProblemError

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class DigestedRequest(Request):
    """A request that digests its body while that is read."""

    def __init__(self, request: Request) -> None:
        super().__init__(request.scope, request.receive)
        self._digest = hashlib.sha256()

    async def stream(self) -> AsyncGenerator[bytes, None]:
        async for chunk in super().stream():
            self._digest.update(chunk)
            yield chunk

    @property
    def body_sha256(self) -> bytes:
        """The SHA-256 of the body's bytes as they came, once all were read."""
        return self._digest.digest()


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
