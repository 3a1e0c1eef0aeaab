"""Who is asking, by what a request shows."""

from collections.abc import Collection

from starlette.requests import Request

from gateway.cookies import ACCESS, read_cookie, require_same_origin
from infra.identity import BEARER, Caller, InvalidTokenError, TokenVerifier
from shared_proto.roles import staff_roles


class Access:
    """Verifies callers before anything else is done for them; the services verify them again.

    Args:
        verifier: of access tokens.
        public_origins: where browsers find our pages, if ``Host`` does not tell.
    """

    def __init__(self, verifier: TokenVerifier, public_origins: Collection[str] = ()) -> None:
        self._verifier = verifier
        self._public_origins = public_origins

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
        self.require_same_origin(request)
        return await self._verifier.verify(cookie)

    def require_same_origin(self, request: Request) -> None:
        """Raises ProblemError, 403, where another site's page asks for what is unsafe."""
        require_same_origin(request, self._public_origins)

    async def holder(self, token: str) -> Caller:
        """Whose access token this is; raises as ``caller`` does."""
        return await self._verifier.verify(token)


def address_of(request: Request) -> str:
    """Where the visitor is; "" if that can't be known."""
    return request.client.host if request.client else ""


def require_cook(caller: Caller, kitchen: str) -> None:
    """Raises NotAllowedError unless the caller works at that kitchen."""
    caller.require(*staff_roles(kitchen))
