"""REST in: a JSON body, one use case, a JSON body. Cookies are ignored: no browser is trusted by
what it sends without being asked."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from functools import wraps

import grpc
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from auth import openapi
from auth.domain import Account, TokenPair
from auth.openapi import API, API_PREFIX
from auth.schemas import (
    AccountAnswer,
    Credentials,
    ExportAnswer,
    KeySetAnswer,
    Logout,
    NewPassword,
    ShownAccessToken,
    ShownRefreshToken,
    TokenAnswer,
    VerifyAnswer,
)
from auth.service import AuthService
from auth.servicer import ANSWERS
from infra.clock import from_ms, to_text
from infra.errors import RefusedError, find_answer
from infra.forwarding import X_FORWARDED_FOR, ForwardedHeader, Network, forwarded_app
from infra.identity import IDENTITY_ANSWERS, InvalidTokenError
from infra.limits import rate_limit_headers
from infra.logs import get_logger
from infra.openapi import Reply, operation
from infra.problems import ProblemType
from infra.resources import PathRouter, resources
from infra.swagger import documentation_routes, problem_routes
from infra.trace_edges import traced_app
from infra.web import (
    EXCEPTION_HANDLERS,
    EdgeMiddleware,
    ErrorsMiddleware,
    JsonResponse,
    problem,
    read_json,
)

log = get_logger()

# Longer than a body may take to arrive, and than a login in a rush.
REQUEST_SECONDS = 15
RETRY_SECONDS = "1"
# RFC 6749, section 5.1: tokens are kept by nobody on the way.
NO_STORE = {"Cache-Control": "no-store"}

HTTP_STATUSES = {
    grpc.StatusCode.INVALID_ARGUMENT: 422,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
}

Endpoint = Callable[[Request], Awaitable[Response]]


def rest_app(
    service: AuthService,
    trusted_proxies: Iterable[Network] = (),
    forwarded_header: ForwardedHeader = X_FORWARDED_FOR,
) -> ASGIApp:
    """Auth's REST over ``service``."""
    app = ErrorsMiddleware(
        PathRouter(rest_routes(service)),
        EXCEPTION_HANDLERS
        | dict.fromkeys((RefusedError, RedisError, TimeoutError), _answer_refusal),
    )
    return forwarded_app(traced_app(EdgeMiddleware(app)), trusted_proxies, forwarded_header)


def rest_routes(service: AuthService) -> list[Route]:
    """Every path of auth's REST, the documentation's too."""

    @operation(
        "Makes an account with the role customer",
        Reply("The account.", status=201, body=AccountAnswer),
        body=Credentials,
        tag="Accounts",
        problems=[openapi.LOGIN_TAKEN, openapi.HASHING_BUSY],
    )
    async def register(request: Request) -> Response:
        body = await read_json(request, Credentials)
        account = await service.register(body.login, body.password)
        return JsonResponse(_account(account), status_code=201)

    @operation(
        "Opens a session",
        Reply("A pair of tokens.", body=TokenAnswer),
        body=Credentials,
        tag="Sessions",
        problems=[
            openapi.WRONG_CREDENTIALS,
            openapi.TOO_MANY_ATTEMPTS,
            openapi.HASHING_BUSY,
        ],
    )
    async def login(request: Request) -> Response:
        body = await read_json(request, Credentials)
        return _tokens(await service.login(body.login, body.password, address=_address(request)))

    @operation(
        "Trades a refresh token for a new pair of tokens",
        Reply("A pair of tokens.", body=TokenAnswer),
        body=ShownRefreshToken,
        tag="Sessions",
        problems=[openapi.INVALID_REFRESH_TOKEN],
    )
    async def refresh(request: Request) -> Response:
        body = await read_json(request, ShownRefreshToken)
        return _tokens(await service.refresh(body.refresh_token))

    @operation(
        "Ends the session of a refresh token, or all of its account's",
        Reply("It is over; access tokens of it are refused within two seconds.", status=204),
        body=Logout,
        tag="Sessions",
        problems=[openapi.INVALID_REFRESH_TOKEN],
    )
    async def logout(request: Request) -> Response:
        body = await read_json(request, Logout)
        await service.logout(body.refresh_token, everywhere=body.all)
        return Response(status_code=204)

    @operation(
        "Says whose access token this is",
        Reply("Whose.", body=VerifyAnswer),
        body=ShownAccessToken,
        tag="Sessions",
        problems=[openapi.INVALID_TOKEN, openapi.KEYS_UNAVAILABLE],
    )
    async def verify(request: Request) -> Response:
        body = await read_json(request, ShownAccessToken)
        caller = await service.verify(body.access_token)
        said = {
            "user_id": caller.user_id,
            "login": caller.login,
            "roles": sorted(caller.roles),
            "expires_at": to_text(from_ms(caller.expires_at * 1000)),
        }
        return JsonResponse(said, headers=NO_STORE)

    @operation(
        "Says who the caller is, with the roles of now",
        Reply("Who.", body=AccountAnswer),
        tag="Accounts",
        signed_in=True,
    )
    async def me(request: Request) -> Response:
        account = await service.account_of(_bearer_token(request))
        return JsonResponse(_account(account), headers=NO_STORE)

    @operation(
        "Forgets the caller's account",
        Reply("It is gone, its sessions ended, its name free.", status=204),
        tag="Accounts",
        signed_in=True,
    )
    async def delete_me(request: Request) -> Response:
        await service.delete_account(_bearer_token(request))
        return Response(status_code=204)

    @operation(
        "Exports what is kept about the caller's account",
        Reply("All of it.", body=ExportAnswer),
        tag="Accounts",
        signed_in=True,
        description="The orders are the gateway's to list: `GET /order`.",
    )
    async def export(request: Request) -> Response:
        account = await service.account_of(_bearer_token(request))
        kept = _account(account) | {
            "created_at": to_text(account.created_at),
            "sessions_since": to_text(account.sessions_since),
        }
        return JsonResponse(kept, headers=NO_STORE)

    @operation(
        "Sets another password",
        Reply("The tokens of a new session; all others have ended.", body=TokenAnswer),
        body=NewPassword,
        tag="Accounts",
        signed_in=True,
        problems=[
            openapi.WRONG_CREDENTIALS,
            openapi.TOO_MANY_ATTEMPTS,
            openapi.HASHING_BUSY,
            openapi.ACCOUNT_CHANGED,
        ],
    )
    async def change_password(request: Request) -> Response:
        token = _bearer_token(request)
        body = await read_json(request, NewPassword)
        return _tokens(
            await service.change_password(
                token, body.current_password, body.new_password, address=_address(request)
            )
        )

    @operation(
        "The public keys that tokens are verified with (RFC 7517)",
        Reply("The key set.", body=KeySetAnswer, media_type="application/jwk-set+json"),
        tag="Sessions",
        description="`application/jwk-set+json`, to `Accept: application/json`, too.",
    )
    async def public_keys(_: Request) -> Response:
        return Response(
            await service.public_keys(),
            media_type="application/jwk-set+json",
            headers={"Cache-Control": "public, max-age=60"},
        )

    routes = [
        Route(path, _in_time(endpoint), methods=[method])
        for method, path, endpoint in (
            ("POST", f"{API_PREFIX}/register", register),
            ("POST", f"{API_PREFIX}/login", login),
            ("POST", f"{API_PREFIX}/token/refresh", refresh),
            ("POST", f"{API_PREFIX}/logout", logout),
            ("POST", f"{API_PREFIX}/verify", verify),
            ("GET", f"{API_PREFIX}/me", me),
            ("DELETE", f"{API_PREFIX}/me", delete_me),
            ("GET", f"{API_PREFIX}/me/export", export),
            ("PUT", f"{API_PREFIX}/password", change_password),
            ("GET", "/.well-known/jwks.json", public_keys),
        )
    ]
    routes += problem_routes(openapi.ALL)
    return resources([*routes, *documentation_routes(API.document(routes))])


def _in_time(endpoint: Endpoint) -> Endpoint:
    """``endpoint``, which raises TimeoutError rather than keep its caller waiting on a store that
    does not answer."""

    @wraps(endpoint)
    async def within(request: Request) -> Response:
        async with asyncio.timeout(REQUEST_SECONDS):
            return await endpoint(request)

    return within


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _bearer_token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise InvalidTokenError("an access token is needed")
    return token.strip()


async def _answer_refusal(request: Request, error: Exception) -> Response:
    answer = find_answer({**IDENTITY_ANSWERS, **ANSWERS}, error)
    if answer is None:
        # A bug: the table has no entry for it.
        raise error
    refused = error if isinstance(error, RefusedError) else RefusedError("")
    status = HTTP_STATUSES[answer.code]
    tell = log.warning if status == 503 else log.info
    tell("request_refused", reason=answer.reason, error=str(error))
    headers = rate_limit_headers(refused.facts)
    if status in (429, 503):
        headers.setdefault("Retry-After", RETRY_SECONDS)
    if status == 401:
        # RFC 6750, section 3.1: an error is named only where a token was shown.
        shown = isinstance(error, InvalidTokenError) and "authorization" in request.headers
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if shown else "Bearer"
    return problem(
        ProblemType.of_reason(answer.reason, status),
        str(refused),
        errors=refused.violations,
        headers=headers,
        **refused.facts,
    )


def _account(account: Account) -> dict[str, object]:
    return {
        "user_id": account.user_id,
        "login": account.login,
        "roles": sorted(account.roles),
    }


def _tokens(tokens: TokenPair) -> Response:
    return JsonResponse(asdict(tokens), headers=NO_STORE)
