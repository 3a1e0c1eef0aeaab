"""HTTP as every service of ours speaks it: problems for errors (RFC 9457), JSON bodies that were
checked, and a request id that joins the log lines of one request."""

import asyncio
import json
import operator
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import cached_property
from http import HTTPStatus
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.datastructures import Headers, QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from infra.correlation import LOGGED_AS, REQUEST_ID_KEY, TRACE_KEY, correlation_of
from infra.errors import Violation
from infra.http_cycle import Header, cycle_of, is_all_here, render_head, send_whole
from infra.logs import get_logger
from infra.metrics import observe_request
from infra.problems import (
    BODY_TOO_LARGE,
    HEADERS_TOO_LARGE,
    INTERNAL,
    INVALID_PARAMETER,
    INVALID_REQUEST,
    MALFORMED_HTTP,
    MALFORMED_JSON,
    REQUEST_TIMEOUT,
    UNSUPPORTED_MEDIA_TYPE,
    URI_TOO_LONG,
    ProblemType,
)
from infra.strict_json import has_unique_names, read_exactly, repeated_names

log = get_logger()

M = TypeVar("M", bound=BaseModel)

ExceptionHandlers = dict[Any, Callable[[Request, Any], Awaitable[Response]]]
"""What answers an exception, by its class or one that this is a kind of."""

MAX_BODY_BYTES = 64 * 1024
MAX_URI_BYTES = 8 * 1024
MAX_HEADER_BYTES = 16 * 1024
# Statuses whose answers have no body.
NO_CONTENT = frozenset({204, 304})
# A body that takes longer is sent by a broken or an unfriendly client.
BODY_SECONDS = 10


class WholeResponse(Response):
    """An answer that is all there when it begins. The edge sends it in one piece, where nothing
    stands between the two that wants to see its head: 12 us less than by ASGI's messages."""

    # Starlette's also looks whether the headers of one's own are its own: 1 us more.
    def __init__(
        self,
        content: Any = b"",
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        self.status_code = status_code
        if media_type is not None:
            self.media_type = media_type
        self.background = None
        self.body = self.render(content)
        self.raw_headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in (headers or {}).items()
        ]
        if self.media_type:
            self.raw_headers.append((b"content-type", self.media_type.encode("latin-1")))
        if status_code not in NO_CONTENT:
            self.raw_headers.append((b"content-length", b"%d" % len(self.body)))

    @cached_property
    def head(self) -> bytes:
        """Its header lines; some answers are given more than once."""
        return render_head(self.raw_headers)

    @cached_property
    def lacks_security_headers(self) -> bool:
        """Whether it has none of them of its own."""
        return _SECURITY_NAMES.isdisjoint(map(_name, self.raw_headers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = getattr(send, "__self__", None)
        if isinstance(answer, _Answer) and answer.cycle is not None:
            await answer.send_whole(answer.cycle, self)
        else:
            await super().__call__(scope, receive, send)


class JsonResponse(WholeResponse):
    """JSON, by the fastest encoder there is: 1 us for an order, where Starlette's takes 12."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


# Header fields with one value that is acted on, by the names ASGI gives them.
_SINGLE_HEADERS = frozenset(
    {
        b"authorization",
        b"content-type",
        b"idempotency-key",
        b"last-event-id",
        b"origin",
        b"sec-fetch-site",
    }
)


class WebRequest(Request):
    """Starlette's, whose headers are found by name: in 0.3 us instead of by looking at each.

    What has one value and is given two is refused instead of one of them being ignored.

    Raises:
        ProblemError: 400 for such a header when the request is made, and for such a query
            parameter when ``query_params`` are first read.
    """

    # In place of a property that asks itself each time whether it was asked before.
    headers: Headers = Headers()

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        self.headers = self._headers = _HeadersByName(scope["headers"])

    @cached_property
    def query_params(self) -> QueryParams:
        parameters = QueryParams(self.scope["query_string"])
        given = Counter(name for name, _ in parameters.multi_items())
        for name, times in given.items():
            if times > 1:
                raise ProblemError(INVALID_PARAMETER, f"{name} must be given once", parameter=name)
        return parameters


class _HeadersByName(Headers):
    def __init__(self, headers: list[Header]) -> None:
        super().__init__(raw=headers)
        self._by_name = dict(headers)
        if len(self._by_name) < len(headers):
            self._by_name = _combined(headers)

    def __getitem__(self, key: str) -> str:
        return self._by_name[key.lower().encode("latin-1")].decode("latin-1")

    def get(self, key: str, default: Any = None) -> Any:
        value = self._by_name.get(key.lower().encode("latin-1"))
        return default if value is None else value.decode("latin-1")

    def getlist(self, key: str) -> list[str]:
        if len(self._by_name) != len(self._list):
            return super().getlist(key)
        value = self._by_name.get(key.lower().encode("latin-1"))
        return [] if value is None else [value.decode("latin-1")]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower().encode("latin-1") in self._by_name


def field_value(request: Request, name: str) -> str:
    """The value of a header that is a list, of all its lines (RFC 9110, section 5.3); "" where the
    request has none."""
    return ", ".join(request.headers.getlist(name))


def _combined(headers: Iterable[Header]) -> dict[bytes, bytes]:
    """The headers by name: the values of a list in their order (RFC 9110, section 5.3).

    Raises:
        ProblemError: 400 when a header that has one value has two.
    """
    combined: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in combined and name in _SINGLE_HEADERS:
            raise ProblemError(MALFORMED_HTTP, f"{name.decode('latin-1')} must be given once")
        combined[name] = combined[name] + b", " + value if name in combined else value
    return combined


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
    """``body`` as a ``model``.

    Raises:
        ProblemError: 400 when it is not JSON, 422 when it is not a ``model`` or has two members
            with the same name in an object.
    """
    try:
        parsed = model.model_validate_json(body)
    except ValidationError as error:
        _refuse_malformed(error)
    else:
        if has_unique_names(body):
            return parsed
    return _parse_exactly(body, model)


def _parse_exactly(body: bytes, model: type[M]) -> M:
    """``parse_json``, which finds a model also where only the notation is unusual, such as 1.0 for
    an integer. It takes five times as long."""
    try:
        value = read_exactly(body)
    except orjson.JSONDecodeError as error:
        # What pydantic's parser lets pass, such as NaN.
        raise ProblemError(MALFORMED_JSON, str(error)) from None
    if repeated := [json_pointer(path) for path in repeated_names(value)]:
        raise ProblemError(
            INVALID_REQUEST,
            "the request has members with the same name",
            errors=[Violation(pointer, "is there twice") for pointer in repeated],
        )
    try:
        return model.model_validate_json(json.dumps(value))
    except ValidationError as error:
        raise ProblemError(
            INVALID_REQUEST,
            "the request has fields at fault",
            errors=[_violation(detail) for detail in _details(error)],
        ) from None


def _refuse_malformed(error: ValidationError) -> None:
    first = _details(error)[0]
    if first["type"] == "json_invalid":
        raise ProblemError(MALFORMED_JSON, first["msg"])


def _details(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_input=False)


def media_type_of(request: Request) -> str:
    """The media type the request says its body is of, without parameters; "" if it says none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request, *, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The request's body. Raises ProblemError: 413 past ``max_bytes``, 408 when it is too slow."""
    if is_all_here(request.receive):
        # The timeout alone would cost as much as all of this.
        return await _read_body(request, max_bytes)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read_body(request, max_bytes)
    except TimeoutError:
        raise ProblemError(REQUEST_TIMEOUT) from None


async def _read_body(request: Request, max_bytes: int) -> bytes:
    body = b""
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
# EdgeMiddleware: Starlette's own catch-all stands outside it and would not have the id.
EXCEPTION_HANDLERS: ExceptionHandlers = {
    ProblemError: _answer_problem,
    HTTPException: _answer_http_exception,
    ClientDisconnect: _answer_nobody,
}


class ErrorsMiddleware:
    """Answers what was raised before an answer began, by ``handlers``; all else goes on.

    As Starlette's ExceptionMiddleware does, which costs each request 4 us: it makes another
    request object and wraps ``send`` again, in case.
    """

    def __init__(self, app: ASGIApp, handlers: ExceptionHandlers) -> None:
        self._app = app
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            handler = self._handler_of(type(error))
            if handler is None or scope["type"] != "http":
                raise
            response = await handler(Request(scope, receive), error)
            await response(scope, receive, send)

    def _handler_of(self, kind: type) -> Callable[[Request, Any], Awaitable[Response]] | None:
        return next((self._handlers[each] for each in kind.__mro__ if each in self._handlers), None)


# A page of ours sets its own policy; what is no page needs nothing at all.
_SECURITY_HEADERS = (
    (b"cache-control", b"private, no-cache"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
)
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=63072000")


_SECURITY_NAMES = frozenset(name for name, _ in (*_SECURITY_HEADERS, _HTTPS_ONLY))
_REQUEST_ID = REQUEST_ID_KEY.encode()
_CORRELATING = {key.encode(): key for key in (REQUEST_ID_KEY, TRACE_KEY)}


class EdgeMiddleware:
    """What holds for every request and every answer.

    A request gets its id: the caller's ``X-Request-ID`` if that is 1 to 128 visible ASCII
    characters. It joins every log line and is echoed; a W3C ``traceparent`` joins them too, and
    goes on to the other services. A head that is too long goes no further.

    An answer gets security headers where it has none of its own. ``request_served`` is logged when
    it starts, so also for streams that stay open for hours. An exception that no handler took is
    logged with its traceback and leaves as a bare 500.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation = _correlation_of(scope)
        answer = _Answer(scope, send, correlation[LOGGED_AS])
        # Not its context manager, which takes 3 us more.
        tokens = bind_contextvars(**correlation)
        try:
            await (_refusal_of(scope) or self._app)(scope, receive, answer.send)
        except Exception:
            # A half-sent answer can only be broken off: the server does that, and logs it.
            if answer.started:
                raise
            log.exception("request_failed", method=scope["method"], path=scope["path"])
            await problem(INTERNAL)(scope, receive, answer.send)
        finally:
            reset_contextvars(**tokens)


def _correlation_of(scope: Scope) -> dict[str, str]:
    given = dict(scope["headers"])
    return correlation_of(
        {key: given[name].decode("latin-1") for name, key in _CORRELATING.items() if name in given}
    )


def _refusal_of(scope: Scope) -> ASGIApp | None:
    """The answer to a request whose head is too long."""
    if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_URI_BYTES:
        return problem(URI_TOO_LONG, f"{MAX_URI_BYTES} bytes at most")
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
    if size > MAX_HEADER_BYTES:
        return problem(HEADERS_TOO_LARGE, f"{MAX_HEADER_BYTES} bytes at most")
    return None


class _Answer:
    """The answer to one request on its way out of the edge."""

    __slots__ = ("_request_id", "_scope", "_send", "_started_at", "cycle", "started")

    def __init__(self, scope: Scope, send: Send, request_id: str) -> None:
        self._scope = scope
        self._send = send
        self._request_id = request_id
        self._started_at = time.perf_counter()
        self.cycle = cycle_of(send)
        """The server's own, where no other layer stands between it and the edge."""
        self.started = False

    async def send(self, message: Message) -> None:
        """ASGI's ``send`` for the application."""
        if message["type"] == "http.response.start":
            self._start(message["status"])
            headers = message["headers"]
            request_id = (_REQUEST_ID, self._request_id.encode())
            message["headers"] = [*headers, *_missing(headers, self._scope), request_id]
        await self._send(message)

    async def send_whole(self, cycle: RequestResponseCycle, response: WholeResponse) -> None:
        """Sends ``response``, head and body, at once."""
        self._start(response.status_code)
        added = _SECURITY_HEAD
        if self._scope["scheme"] == "https" or not response.lacks_security_headers:
            added = render_head(_missing(response.raw_headers, self._scope))
        request_id = b"%b: %b\r\n" % (_REQUEST_ID, self._request_id.encode())
        head = b"".join((response.head, added, request_id))
        await send_whole(cycle, response.status_code, head, bytes(response.body))

    def _start(self, status: int) -> None:
        if self.started:
            raise RuntimeError("the answer has begun already")
        self.started = True
        seconds = time.perf_counter() - self._started_at
        observe_request(self._scope, status, seconds)
        log.info(
            "request_served",
            method=self._scope["method"],
            # Without the query: it may hold what no log should.
            path=self._scope["path"],
            status=status,
            duration_ms=round(seconds * 1000, 1),
        )


_name = operator.itemgetter(0)
_SECURITY_HEAD = render_head(_SECURITY_HEADERS)


def _missing(headers: Iterable[Header], scope: Scope) -> Iterator[Header]:
    """The security headers an answer with ``headers`` does not have."""
    own = set(map(_name, headers))
    ours = (*_SECURITY_HEADERS, _HTTPS_ONLY) if scope["scheme"] == "https" else _SECURITY_HEADERS
    return (each for each in ours if each[0] not in own)
