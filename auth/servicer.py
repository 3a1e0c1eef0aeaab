"""gRPC in: a message, one use case, a message."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

import grpc

from auth.domain import (
    Account,
    AccountChangedError,
    HashingBusyError,
    InvalidRefreshTokenError,
    LoginTakenError,
    Revocation,
    TokenPair,
    TooManyAttemptsError,
    UnfitCredentialsError,
    WrongCredentialsError,
)
from auth.revocations import RevocationWatch
from auth.service import AuthService
from infra.clock import to_ms
from infra.errors import Answer, Answers
from infra.identity import current_caller
from shared_proto.restaurant.auth.v1 import auth_pb2, auth_pb2_grpc

SERVICE_NAME = auth_pb2.DESCRIPTOR.services_by_name["AuthService"].full_name

ANSWERS: Answers = {
    UnfitCredentialsError: Answer(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
    LoginTakenError: Answer(grpc.StatusCode.ALREADY_EXISTS, "LOGIN_TAKEN"),
    WrongCredentialsError: Answer(grpc.StatusCode.UNAUTHENTICATED, "WRONG_CREDENTIALS"),
    InvalidRefreshTokenError: Answer(grpc.StatusCode.UNAUTHENTICATED, "INVALID_REFRESH_TOKEN"),
    TooManyAttemptsError: Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS"),
    HashingBusyError: Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, "HASHING_BUSY"),
    AccountChangedError: Answer(grpc.StatusCode.ABORTED, "ACCOUNT_CHANGED"),
}

Context = grpc.aio.ServicerContext[Any, Any]


class AuthServicer(auth_pb2_grpc.AuthServiceServicer):
    """The contract of ``auth.proto``; errors leave by ``ANSWERS``."""

    def __init__(self, service: AuthService, revocations: RevocationWatch) -> None:
        self._service = service
        self._revocations = revocations

    async def Register(
        self, request: auth_pb2.RegisterRequest, context: Context
    ) -> auth_pb2.RegisterResponse:
        account = await self._service.register(request.login, request.password)
        return auth_pb2.RegisterResponse(account=_account(account))

    async def Login(
        self, request: auth_pb2.LoginRequest, context: Context
    ) -> auth_pb2.LoginResponse:
        tokens = await self._service.login(
            request.login, request.password, address=current_caller().address or _peer(context)
        )
        return auth_pb2.LoginResponse(tokens=_tokens(tokens))

    async def RefreshToken(
        self, request: auth_pb2.RefreshTokenRequest, context: Context
    ) -> auth_pb2.RefreshTokenResponse:
        tokens = await self._service.refresh(request.refresh_token)
        return auth_pb2.RefreshTokenResponse(tokens=_tokens(tokens))

    async def Logout(
        self, request: auth_pb2.LogoutRequest, context: Context
    ) -> auth_pb2.LogoutResponse:
        await self._service.logout(request.refresh_token, everywhere=request.all)
        return auth_pb2.LogoutResponse()

    async def VerifyToken(
        self, request: auth_pb2.VerifyTokenRequest, context: Context
    ) -> auth_pb2.VerifyTokenResponse:
        caller = await self._service.verify(request.access_token)
        return auth_pb2.VerifyTokenResponse(
            account=auth_pb2.Account(
                user_id=caller.user_id, login=caller.login, roles=sorted(caller.roles)
            ),
            expires_at_seconds=int(caller.expires_at),
        )

    async def GetPublicKeys(
        self, request: auth_pb2.GetPublicKeysRequest, context: Context
    ) -> auth_pb2.GetPublicKeysResponse:
        return auth_pb2.GetPublicKeysResponse(jwks_json=await self._service.public_keys())

    async def WatchRevocations(
        self, request: auth_pb2.WatchRevocationsRequest, context: Context
    ) -> AsyncIterator[auth_pb2.WatchRevocationsResponse]:
        async for news in self._revocations.follow():
            yield auth_pb2.WatchRevocationsResponse(revocations=map(_revocation, news))


def _peer(context: Context) -> str:
    """The address of whoever is connected, such as 192.0.2.1 of ``ipv4:192.0.2.1:4711``."""
    host = context.peer().partition(":")[2].rpartition(":")[0]
    return unquote(host).strip("[]")


def _account(account: Account) -> auth_pb2.Account:
    return auth_pb2.Account(
        user_id=account.user_id, login=account.login, roles=sorted(account.roles)
    )


def _revocation(revocation: Revocation) -> auth_pb2.Revocation:
    return auth_pb2.Revocation(
        session_id=revocation.session,
        user_id=revocation.user_id,
        revoked_at_ms=to_ms(revocation.at),
        expires_at_ms=to_ms(revocation.expires_at),
    )


def _tokens(tokens: TokenPair) -> auth_pb2.TokenPair:
    return auth_pb2.TokenPair(
        access_token=tokens.access_token,
        token_type=tokens.token_type,
        expires_in=tokens.expires_in,
        refresh_token=tokens.refresh_token,
    )
