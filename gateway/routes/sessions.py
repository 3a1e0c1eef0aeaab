"""Sessions of pages: the tokens stay in cookies, and no script ever sees one."""

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import grpc
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import answers
from gateway.access import Access, address_of
from gateway.clients import Peer
from gateway.cookies import (
    ACCESS,
    REFRESH,
    clear_cookies,
    read_cookie,
    set_cookie,
)
from gateway.errors import answer_refusal
from gateway.openapi import NO_CONTENT
from gateway.parameters import flag
from gateway.problems import (
    CROSS_ORIGIN,
    HASHING_BUSY,
    INVALID_REFRESH_TOKEN,
    INVALID_TOKEN,
    KEYS_UNAVAILABLE,
    TOO_MANY_ATTEMPTS,
    WRONG_CREDENTIALS,
)
from gateway.schemas import Credentials
from infra.errors import read_refusal
from infra.identity import Caller, InvalidTokenError
from infra.openapi import Parameter, Reply, operation
from infra.web import JsonResponse, read_json
from shared_proto.restaurant.auth.v1.auth_pb2 import (
    LoginRequest,
    LogoutRequest,
    RefreshTokenRequest,
    TokenPair,
)

if TYPE_CHECKING:
    from shared_proto.restaurant.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub

TAG = "Sessions of pages"
SETS_COOKIES = {"Set-Cookie": "`HttpOnly`, `SameSite=Strict`; over HTTPS `Secure`, `__Host-`."}
NO_STORE = {"Cache-Control": "no-store"}


class SessionRoutes:
    """``/session``: a page's login, its renewal and its end, and who is signed in.

    Args:
        access: verifies callers.
        auth: opens and ends sessions.
        lifetime: how long a browser keeps the session; auth decides how long that is good for.
    """

    def __init__(
        self, access: Access, auth: "Peer[AuthServiceAsyncStub]", lifetime: timedelta
    ) -> None:
        self._access = access
        self._auth = auth
        self._lifetime = lifetime

    def routes(self) -> list[Route]:
        return [
            Route("/session", self.get, methods=["GET"]),
            Route("/session", self.open, methods=["POST"]),
            Route("/session", self.close, methods=["DELETE"]),
            Route("/session/refresh", self.refresh, methods=["POST"]),
        ]

    @operation(
        "Says who is signed in",
        Reply("Who.", body=answers.Session),
        tag=TAG,
        signed_in=True,
    )
    async def get(self, request: Request) -> Response:
        return _signed_in(await self._access.caller(request))

    @operation(
        "Signs a page in",
        Reply(
            "Who is signed in; the tokens are in cookies.",
            body=answers.Session,
            headers=SETS_COOKIES,
        ),
        body=Credentials,
        tag=TAG,
        problems=[
            WRONG_CREDENTIALS,
            TOO_MANY_ATTEMPTS,
            HASHING_BUSY,
            CROSS_ORIGIN,
            KEYS_UNAVAILABLE,
        ],
    )
    async def open(self, request: Request) -> Response:
        self._access.require_same_origin(request)
        body = await read_json(request, Credentials)
        answer = await self._auth.ask(
            self._auth.stub.Login,
            LoginRequest(login=body.login, password=body.password),
            address=address_of(request),
        )
        return await self._with_cookies(request, answer.tokens)

    @operation(
        "Renews a page's session",
        Reply("Who is signed in.", body=answers.Session, headers=SETS_COOKIES),
        tag=TAG,
        description="Takes no body: the refresh token is in a cookie.",
        problems=[INVALID_REFRESH_TOKEN, INVALID_TOKEN, CROSS_ORIGIN, KEYS_UNAVAILABLE],
    )
    async def refresh(self, request: Request) -> Response:
        self._access.require_same_origin(request)
        token = read_cookie(request, REFRESH)
        if not token:
            raise InvalidTokenError("there is no session")
        try:
            answer = await self._auth.ask(
                self._auth.stub.RefreshToken, RefreshTokenRequest(refresh_token=token)
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                raise
            refused = answer_refusal(read_refusal(error))
            clear_cookies(request, refused)
            return refused
        return await self._with_cookies(request, answer.tokens)

    @operation(
        "Signs a page out",
        NO_CONTENT,
        tag=TAG,
        description="Ends the session, wherever its tokens are. Done again, it changes nothing.",
        parameters=[
            Parameter(
                "all",
                "Signs the account out everywhere.",
                schema={"type": "boolean", "default": False},
            )
        ],
        problems=[CROSS_ORIGIN],
    )
    async def close(self, request: Request) -> Response:
        self._access.require_same_origin(request)
        everywhere = flag(request, "all")
        token = read_cookie(request, REFRESH)
        if token:
            await self._end(token, everywhere=everywhere)
        closed = Response(status_code=204, headers=NO_STORE)
        clear_cookies(request, closed)
        return closed

    async def _end(self, refresh_token: str, *, everywhere: bool) -> None:
        try:
            await self._auth.ask(
                self._auth.stub.Logout, LogoutRequest(refresh_token=refresh_token, all=everywhere)
            )
        except grpc.aio.AioRpcError as error:
            # Not a token at all: there is nothing to end.
            if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                raise

    async def _with_cookies(self, request: Request, tokens: TokenPair) -> Response:
        caller = await self._access.holder(tokens.access_token)
        response = _signed_in(caller)
        set_cookie(request, response, ACCESS, tokens.access_token, max_age=tokens.expires_in)
        set_cookie(
            request,
            response,
            REFRESH,
            tokens.refresh_token,
            max_age=int(self._lifetime.total_seconds()),
        )
        return response


def _signed_in(caller: Caller) -> Response:
    return JsonResponse(
        {
            "user_id": caller.user_id,
            "login": caller.login,
            "roles": sorted(caller.roles),
            "expires_in": max(int(caller.expires_at - time.time()), 0),
        },
        headers=NO_STORE,
    )
