"""Accounts and sessions, passed on to auth."""

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import answers, shapes
from gateway.access import address_of
from gateway.clients import Peer
from gateway.openapi import NO_CONTENT
from gateway.problems import (
    HASHING_BUSY,
    INVALID_REFRESH_TOKEN,
    LOGIN_TAKEN,
    TOO_MANY_ATTEMPTS,
    WRONG_CREDENTIALS,
)
from gateway.schemas import Credentials, Logout, ShownRefreshToken
from infra.openapi import Reply, operation
from infra.web import JsonResponse, read_json
from shared_proto.restaurant.auth.v1.auth_pb2 import (
    LoginRequest,
    LogoutRequest,
    RefreshTokenRequest,
    RegisterRequest,
    TokenPair,
)

if TYPE_CHECKING:
    from shared_proto.restaurant.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub


TAG = "Accounts"


class AccountRoutes:
    """``/register``, ``/login``, ``/token/refresh``, ``/logout``: for anyone."""

    def __init__(self, auth: "Peer[AuthServiceAsyncStub]") -> None:
        self._auth = auth

    def routes(self) -> list[Route]:
        return [
            Route("/register", self.register, methods=["POST"]),
            Route("/login", self.log_in, methods=["POST"]),
            Route("/token/refresh", self.refresh, methods=["POST"]),
            Route("/logout", self.log_out, methods=["POST"]),
        ]

    @operation(
        "Makes an account",
        Reply("The account, with the role customer.", status=201, body=answers.Account),
        body=Credentials,
        tag=TAG,
        description="Passwords have 8 to 128 characters; common ones, and those with the login "
        "name in them, are refused.",
        problems=[LOGIN_TAKEN, HASHING_BUSY],
    )
    async def register(self, request: Request) -> Response:
        body = await read_json(request, Credentials)
        answer = await self._auth.ask(
            self._auth.stub.Register, RegisterRequest(login=body.login, password=body.password)
        )
        return JsonResponse(shapes.account(answer.account), status_code=201)

    @operation(
        "Signs in",
        Reply("A pair of tokens.", body=answers.TokenPair),
        body=Credentials,
        tag=TAG,
        problems=[WRONG_CREDENTIALS, TOO_MANY_ATTEMPTS, HASHING_BUSY],
    )
    async def log_in(self, request: Request) -> Response:
        body = await read_json(request, Credentials)
        answer = await self._auth.ask(
            self._auth.stub.Login,
            LoginRequest(login=body.login, password=body.password),
            address=address_of(request),
        )
        return _tokens(answer.tokens)

    @operation(
        "Trades a refresh token for a new pair of tokens",
        Reply("A pair of tokens.", body=answers.TokenPair),
        body=ShownRefreshToken,
        tag=TAG,
        description="A refresh token is good once; who shows a used one later ends its session.",
        problems=[INVALID_REFRESH_TOKEN],
    )
    async def refresh(self, request: Request) -> Response:
        body = await read_json(request, ShownRefreshToken)
        answer = await self._auth.ask(
            self._auth.stub.RefreshToken, RefreshTokenRequest(refresh_token=body.refresh_token)
        )
        return _tokens(answer.tokens)

    @operation(
        "Ends the session of a refresh token, or all of its account's",
        NO_CONTENT,
        body=Logout,
        tag=TAG,
        description="Access tokens of it are refused, and their streams end, within two seconds.",
        problems=[INVALID_REFRESH_TOKEN],
    )
    async def log_out(self, request: Request) -> Response:
        body = await read_json(request, Logout)
        await self._auth.ask(
            self._auth.stub.Logout, LogoutRequest(refresh_token=body.refresh_token, all=body.all)
        )
        return Response(status_code=204)


def _tokens(tokens: TokenPair) -> Response:
    # RFC 6749, section 5.1: nobody on the way keeps them.
    return JsonResponse(shapes.token_pair(tokens), headers={"Cache-Control": "no-store"})
