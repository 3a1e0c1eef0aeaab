"""Who is asking, by what a request shows."""

from starlette.requests import Request

from gateway.cookies import ACCESS, read_cookie, require_same_origin
from infra.identity import BEARER, Caller, InvalidTokenError, TokenVerifier
from shared_proto.roles import staff_roles


class Access:
    """Verifies callers before anything else is done for them; the services verify them again."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def caller(self, request: Request) -> Caller:
        """Whose token the request shows: a bearer token (RFC 6750), or else a page's cookie.

        Raises:
            InvalidTokenError: nobody's.
            KeysUnavailableError: that can't be told while auth is away.
            ProblemError: 403 where the cookie came along with a request of another site's page.
        """
        shown = request.headers.get("authorization", "")
        # As nearly all requests show it; known already, nearly always.
        if shown.startswith(BEARER) and (known := self._verifier.recall(shown[len(BEARER) :])):
            return known
        scheme, _, token = shown.partition(" ")
        if scheme.lower() == "bearer" and token:
            return await self._verifier.verify(token.strip())
        cookie = read_cookie(request, ACCESS)
        if not cookie:
            raise InvalidTokenError("an access token is needed")
        require_same_origin(request)
        return await self._verifier.verify(cookie)

    async def holder(self, token: str) -> Caller:
        """Whose access token this is; raises as ``caller`` does."""
        return await self._verifier.verify(token)


def address_of(request: Request) -> str:
    """Where the visitor is; "" if that can't be known."""
    return request.client.host if request.client else ""


def require_cook(caller: Caller, kitchen: str) -> None:
    """Raises NotAllowedError unless the caller works at that kitchen."""
    caller.require(*staff_roles(kitchen))
