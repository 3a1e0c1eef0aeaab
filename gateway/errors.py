"""How what goes wrong leaves the gateway: one table from gRPC to HTTP, and RFC 9457 around it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc
import orjson
from starlette.requests import Request
from starlette.responses import Response

from gateway.clients import RETRY_AFTER_SECONDS
from gateway.problems import PEER_FAILED
from infra.errors import Refusal, RefusedError, read_refusal
from infra.identity import IDENTITY_ANSWERS
from infra.limits import rate_limit_headers
from infra.logs import get_logger
from infra.problems import ProblemType
from infra.web import problem

log = get_logger()

STATUSES: Mapping[grpc.StatusCode, int] = {
    grpc.StatusCode.INVALID_ARGUMENT: 422,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.FAILED_PRECONDITION: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 503,
    # What a service that stops makes of the calls it did not finish.
    grpc.StatusCode.CANCELLED: 503,
}
# Reasons whose HTTP status is more exact than that of their gRPC status.
STATUSES_BY_REASON: Mapping[str, int] = {"VERSION_MISMATCH": 412}
UNLISTED = 502
COME_AGAIN = frozenset({429, 503})

# Facts travel as text; these are more than that.
_READ_FACT: Mapping[str, Callable[[str], Any]] = {
    "allowed_actions": str.split,
    "skus": str.split,
    "items": orjson.loads,
    "total": int,
    "currency_digits": int,
    "version": int,
    "seq": int,
    "limit": int,
    "window_seconds": int,
    "retry_after": int,
}
# RFC 9457 has its own ``status``, the HTTP one.
_MEMBER_NAMES: Mapping[str, str] = {"status": "current_status"}


def answer_refusal(refusal: Refusal, *, token_shown: bool = False) -> Response:
    """A service's refusal as a problem; ``token_shown`` when the request came with a token."""
    status = STATUSES_BY_REASON.get(refusal.reason) or STATUSES.get(refusal.code, UNLISTED)
    headers = rate_limit_headers(refusal.facts)
    if status in COME_AGAIN:
        headers.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
    if status == 401:
        # RFC 6750, section 3.1: an error is named only where a token was shown.
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if token_shown else "Bearer"
    if status == UNLISTED:
        log.error("peer_failed", code=refusal.code.name, error=refusal.message)
        return problem(PEER_FAILED, headers=headers)
    # Without a reason of its own it is gRPC that speaks, and of addresses.
    is_ours = refusal.reason != refusal.code.name
    reason = refusal.reason if is_ours else _plain_reason(status, refusal)
    log.info("request_refused", status=status, reason=reason, **_facts(refusal, "order_id"))
    return problem(
        ProblemType.of_reason(reason, status),
        refusal.message if is_ours else "",
        errors=refusal.violations,
        headers=headers,
        **{
            _MEMBER_NAMES.get(name, name): _READ_FACT.get(name, str)(value)
            for name, value in refusal.facts.items()
        },
    )


def _plain_reason(status: int, refusal: Refusal) -> str:
    return "SERVICE_UNAVAILABLE" if status == 503 else refusal.reason


def _facts(refusal: Refusal, *names: str) -> dict[str, str]:
    return {name: refusal.facts[name] for name in names if name in refusal.facts}


async def _answer_rpc_error(request: Request, error: grpc.aio.AioRpcError) -> Response:
    return answer_refusal(read_refusal(error), token_shown="authorization" in request.headers)


async def _answer_identity_error(request: Request, error: RefusedError) -> Response:
    answer = IDENTITY_ANSWERS[type(error)]
    return answer_refusal(
        Refusal(answer.code, answer.reason, str(error)),
        token_shown="authorization" in request.headers,
    )


# For Starlette's ``exception_handlers``, beside those of ``infra.web``.
EXCEPTION_HANDLERS: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
    grpc.aio.AioRpcError: _answer_rpc_error,
    **dict.fromkeys(IDENTITY_ANSWERS, _answer_identity_error),
}
