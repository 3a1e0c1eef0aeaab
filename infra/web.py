"""HTTP as every service of ours speaks it: problems for errors (RFC 9457), JSON bodies that were
checked, and a request id that joins the log lines of one request."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from infra.correlation import REQUEST_ID_KEY, TRACE_KEY, correlation_of
from infra.errors import Violation
from infra.logs import get_logger
from infra.metrics import observe_request
from infra.problems import (
    BODY_TOO_LARGE,
    HEADERS_TOO_LARGE,
    INTERNAL,
    INVALID_REQUEST,
    MALFORMED_JSON,
    REQUEST_TIMEOUT,
    UNSUPPORTED_MEDIA_TYPE,
    URI_TOO_LONG,
    ProblemType,
)

log = get_logger()

M = TypeVar("M", bound=BaseModel)

MAX_BODY_BYTES = 64 * 1024
MAX_URI_BYTES = 8 * 1024
MAX_HEADER_BYTES = 16 * 1024
# A body that takes longer is sent by a broken or an unfriendly client.
BODY_SECONDS = 10


class JsonResponse(Response):
    """JSON, by the fastest encoder there is: 1 us for an order, where Starlette's takes 12."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


class ProblemResponse(JsonResponse):
    """``application/problem+json``."""

    media_type = "application/problem+json"


def problem(
    kind: ProblemType,
    detail: str = "",
    *,
    errors: Iterable[Violation] = (),
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """An error as RFC 9457 words it.

    Args:
        kind: what kind of problem it is.
        detail: what happened this time, for the person who reads it.
        errors: the fields at fault, as ``errors: [{pointer, detail}]``.
        headers: sent with it, such as ``Retry-After``.
        members: the problem's own facts, beside the standard ones.
    """
    body: dict[str, Any] = {"type": kind.uri, "title": kind.title, "status": kind.status}
    if detail:
        body["detail"] = detail
    if violations := [{"pointer": e.pointer, "detail": e.message} for e in errors]:
        body["errors"] = violations
    return ProblemResponse(body | members, status_code=kind.status, headers=headers)


class ProblemError(Exception):
    """Raised by a handler to answer with a problem; takes what ``problem`` takes. Expected."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str = "",
        *,
        errors: Iterable[Violation] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail or kind.title)
        self.response = problem(kind, detail, errors=errors, headers=headers, **members)


async def read_json(request: Request, model: type[M], *, max_bytes: int = MAX_BODY_BYTES) -> M:
    """The request's body as a ``model``.

    Raises:
        ProblemError: 415 when it does not say it is JSON, 413 past ``max_bytes``, 408 when it is
            not all here in time, 400 when it is not JSON, 422 when it is not a ``model``.
    """
    return parse_json(await read_json_body(request, max_bytes=max_bytes), model)


async def read_json_body(request: Request, *, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The body of a request that says it is JSON. Raises ProblemError: 415, 413, 408."""
    if media_type_of(request) != "application/json":
        raise ProblemError(UNSUPPORTED_MEDIA_TYPE, "send application/json")
    return await read_body(request, max_bytes=max_bytes)


def parse_json(body: bytes, model: type[M]) -> M:
    """``body`` as a ``model``. Raises ProblemError: 400 when it is not JSON, 422 when it is not a
    ``model``."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    if any(detail["type"] == "json_invalid" for detail in details):
        raise ProblemError(MALFORMED_JSON, details[0]["msg"])
    raise ProblemError(
        INVALID_REQUEST,
        "the request has fields at fault",
        errors=[_violation(detail) for detail in details],
    )


def media_type_of(request: Request) -> str:
    """The media type the request says its body is of, without parameters; "" if it says none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request, *, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The request's body. Raises ProblemError: 413 past ``max_bytes``, 408 when it is too slow."""
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            more = True
            while more:
                # As ``request.stream`` does, without a generator for what is one message mostly.
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                body += message.get("body", b"")
                if len(body) > max_bytes:
                    raise ProblemError(BODY_TOO_LARGE, f"send {max_bytes} bytes at most")
                more = message.get("more_body", False)
    except TimeoutError:
        raise ProblemError(REQUEST_TIMEOUT) from None
    return body


def _violation(detail: ErrorDetails) -> Violation:
    # A validator of ours raised ValueError: its own words, without pydantic's prefix.
    own = detail.get("ctx", {}).get("error") if detail["type"] == "value_error" else None
    return Violation(json_pointer(detail["loc"]), str(own or detail["msg"]))


def json_pointer(path: Iterable[str | int]) -> str:
    """The JSON pointer (RFC 6901) that names ``path``; the empty one names the whole document."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


async def _answer_problem(_: Request, error: ProblemError) -> Response:
    return error.response


async def _answer_http_exception(_: Request, error: HTTPException) -> Response:
    status = HTTPStatus(error.status_code)
    detail = "" if error.detail == status.phrase else error.detail
    slug = status.phrase.lower().replace(" ", "-").replace("'", "")
    kind = ProblemType(slug, status, status.phrase.capitalize())
    return problem(kind, detail, headers=error.headers)


async def _answer_nobody(_: Request, __: ClientDisconnect) -> Response:
    return Response(status_code=400)


# For Starlette's ``exception_handlers``. What nobody expected is answered by
# RequestContextMiddleware: Starlette's own catch-all stands outside it and would not have the id.
EXCEPTION_HANDLERS: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
    ProblemError: _answer_problem,
    HTTPException: _answer_http_exception,
    ClientDisconnect: _answer_nobody,
}


# A page of ours sets its own policy; what is no page needs nothing at all.
_SECURITY_HEADERS = (
    (b"cache-control", b"private, no-cache"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
)
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=63072000")


class EdgeMiddleware:
    """What holds for every answer and every request: security headers where the answer has none of
    its own, and an end to heads that are too long."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                own = {name for name, _ in headers}
                secure = scope["scheme"] == "https"
                ours = (*_SECURITY_HEADERS, _HTTPS_ONLY) if secure else _SECURITY_HEADERS
                message["headers"] = [*headers, *(each for each in ours if each[0] not in own)]
            await send(message)

        app = self._app
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_URI_BYTES:
            app = problem(URI_TOO_LONG, f"{MAX_URI_BYTES} bytes at most")
        elif sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
            app = problem(HEADERS_TOO_LARGE, f"{MAX_HEADER_BYTES} bytes at most")
        await app(scope, receive, send_secured)


_REQUEST_ID = REQUEST_ID_KEY.encode()
_CORRELATING = frozenset({_REQUEST_ID, TRACE_KEY.encode()})


class RequestContextMiddleware:
    """The outermost middleware: gives each request its id, logs it, and answers what went wrong.

    The id is the caller's ``X-Request-ID`` if that is 1 to 128 visible ASCII characters. It joins
    every log line and is echoed; a W3C ``traceparent`` joins them too, and goes on to the other
    services. ``request_served`` is logged when the answer starts, so also for
    streams that stay open for hours. An exception that no handler took is logged with its
    traceback and leaves as a bare 500.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation = correlation_of(
            {
                name.decode(): value.decode("latin-1")
                for name, value in scope["headers"]
                if name in _CORRELATING
            }
        )
        started_at = time.perf_counter()
        started = False

        async def send_and_log(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                request_id = (_REQUEST_ID, correlation["request_id"].encode())
                message["headers"] = [*message["headers"], request_id]
                seconds = time.perf_counter() - started_at
                observe_request(scope, message["status"], seconds)
                log.info(
                    "request_served",
                    method=scope["method"],
                    # Without the query: it may hold what no log should.
                    path=scope["path"],
                    status=message["status"],
                    duration_ms=round(seconds * 1000, 1),
                )
            await send(message)

        with bound_contextvars(**correlation):
            try:
                await self._app(scope, receive, send_and_log)
            except Exception:
                # A half-sent answer can only be broken off: the server does that, and logs it.
                if started:
                    raise
                log.exception("request_failed", method=scope["method"], path=scope["path"])
                answer = problem(INTERNAL)
                await answer(scope, receive, send_and_log)
