"""Scripts of other origins: which are let in, what they may send and which headers they can read
(https://fetch.spec.whatwg.org/#http-cors-protocol)."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.problems import PREFLIGHT_REFUSED
from infra.correlation import REQUEST_ID_KEY, TRACE_KEY
from infra.web import EdgeMiddleware, problem

# Beside those that the API's document names: what any request may have, and any answer.
SENT = ("Authorization", "Content-Type", REQUEST_ID_KEY, TRACE_KEY, "tracestate")
EXPOSED = ("Allow", REQUEST_ID_KEY)
# No script ever sees it.
HIDDEN = frozenset({"Set-Cookie"})


def cors_app(app: ASGIApp, origins: Sequence[str], document: dict[str, Any]) -> ASGIApp:
    """``app``, which lets scripts of ``origins`` in, never with cookies.

    Args:
        app: with its edge, so that refusals and failures of the edge can be read by scripts, too.
        origins: none leaves ``app`` as it is.
        document: the OpenAPI document, which says what is sent and what is answered.
    """
    if not origins:
        return app
    operations = [
        (method.upper(), operation)
        for methods in document["paths"].values()
        for method, operation in methods.items()
    ]
    described = [operation for _, operation in operations]
    return _CorsMiddleware(
        app,
        allow_origins=origins,
        allow_methods=sorted({"HEAD", "OPTIONS", *(method for method, _ in operations)}),
        allow_headers=sorted({*SENT, *_request_headers(described)}),
        expose_headers=sorted({*EXPOSED, *_response_headers(described)} - HIDDEN),
    )


def _request_headers(operations: Sequence[dict[str, Any]]) -> Iterator[str]:
    for operation in operations:
        for parameter in operation["parameters"]:
            if parameter["in"] == "header":
                yield parameter["name"]


def _response_headers(operations: Sequence[dict[str, Any]]) -> Iterator[str]:
    for operation in operations:
        for response in operation["responses"].values():
            yield from response.get("headers", {})


class _CorsMiddleware(CORSMiddleware):
    """Starlette's, whose preflights have an edge of their own and are refused by problems."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        asks_first = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
        if asks_first and "origin" in headers:
            await EdgeMiddleware(self.preflight_response(headers))(scope, receive, send)
        else:
            await self.simple_response(scope, receive, send, request_headers=headers)

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code != HTTPStatus.BAD_REQUEST:
            return answer
        refused = bytes(answer.body).decode().removeprefix("Disallowed CORS ")
        of_the_text = {"content-length", "content-type"}
        return problem(
            PREFLIGHT_REFUSED,
            f"not let in: {refused}",
            headers={
                name: value for name, value in answer.headers.items() if name not in of_the_text
            },
        )
