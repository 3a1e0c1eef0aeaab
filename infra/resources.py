"""Routes by their paths: every path knows all its methods, and which media types it can answer."""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from starlette._utils import get_route_path
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import Receive, Scope, Send

from infra.openapi import find_operation
from infra.problems import NOT_ACCEPTABLE
from infra.web import ProblemError

Endpoint = Callable[[Request], Awaitable[Response]]


class Resource(Route):
    """One path with all its methods, so that 405 and ``OPTIONS`` name every one of them.

    A request is answered here even if a later path would match it, too: ``/order/stream`` is never
    taken for the order "stream".
    """

    def __init__(self, path: str, endpoints: dict[str, Endpoint]) -> None:
        self._endpoints = endpoints
        methods = {*endpoints, "OPTIONS"} | ({"HEAD"} if "GET" in endpoints else set())
        self._allow = ", ".join(sorted(methods))
        super().__init__(path, self._dispatch, methods=sorted(methods))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        if match is Match.NONE:
            return match, child_scope
        # What a metric calls it, whose paths must be few.
        return Match.FULL, {**child_scope, "resource": self.path}

    async def _dispatch(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": self._allow})
        endpoint = self._endpoints["GET" if request.method == "HEAD" else request.method]
        return await endpoint(request)


class PathRouter(Router):
    """Finds a path without parameters at once; only the others are looked through one by one.

    A fixed path goes before one that would match it, too, wherever they stand.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        super().__init__(routes)
        self._fixed: dict[str, list[BaseRoute]] = {}
        self._patterns: list[BaseRoute] = []
        for route in routes:
            if isinstance(route, Route) and "{" not in route.path:
                self._fixed.setdefault(route.path, []).append(route)
            else:
                self._patterns.append(route)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            for route in self._fixed.get(get_route_path(scope), ()) or self._patterns:
                match, child_scope = route.matches(scope)
                if match is Match.FULL:
                    scope.update(child_scope)
                    await route.handle(scope, receive, send)
                    return
        # Paths with a slash too many, methods that are not allowed, nothing at all.
        await super().app(scope, receive, send)

    async def not_found(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise HTTPException(404)


def resources(routes: Iterable[Route]) -> list[Route]:
    """The routes, with those of the same path in one resource; paths keep their order."""
    paths: dict[str, dict[str, Endpoint]] = {}
    for route in routes:
        for method in (route.methods or set()) - {"HEAD"}:
            paths.setdefault(route.path, {})[method] = _negotiated(route)
    return [Resource(path, endpoints) for path, endpoints in paths.items()]


def _negotiated(route: Route) -> Endpoint:
    """The route's endpoint, which answers 406 where nothing it has is acceptable."""
    endpoint: Endpoint = route.endpoint
    found = find_operation(route)
    offered = {reply.media_type for reply in found.replies if reply.has_body} if found else set()
    if not offered:
        return endpoint

    async def answer(request: Request) -> Response:
        accept = request.headers.get("accept")
        if accept and not any(accepts(accept, media_type) for media_type in offered):
            raise ProblemError(NOT_ACCEPTABLE, f"there is {' and '.join(sorted(offered))}")
        return await endpoint(request)

    return answer


def accepts(accept: str, media_type: str) -> bool:
    """Whether an ``Accept`` header permits a media type (RFC 9110, section 12.5.1)."""
    best = (-1, 0.0)
    for entry in accept.split(","):
        asked, *parameters = (part.strip().lower() for part in entry.split(";"))
        exactness = _exactness(asked, media_type)
        if exactness > best[0]:
            best = (exactness, _quality(parameters))
    return best[1] > 0


def _exactness(asked: str, media_type: str) -> int:
    if asked == media_type:
        return 2
    if asked == f"{media_type.partition('/')[0]}/*":
        return 1
    return 0 if asked == "*/*" else -1


def _quality(parameters: Iterable[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
