"""Routes by their paths: every path knows all its methods, and which media types it can answer."""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from starlette._utils import get_route_path
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import Receive, Scope, Send

from infra.negotiation import preferred
from infra.openapi import find_operation
from infra.problems import NOT_ACCEPTABLE
from infra.web import ProblemError, WebRequest, field_value

Endpoint = Callable[[Request], Awaitable[Response]]


class Resource(Route):
    """One path with all its methods, so that 405 and ``OPTIONS`` name every one of them.

    A request is answered here even if a later path would match it, too: ``/order/stream`` is never
    taken for the order "stream".
    """

    def __init__(self, path: str, endpoints: dict[str, Endpoint]) -> None:
        self._endpoints = dict(endpoints)
        if "GET" in endpoints:
            self._endpoints["HEAD"] = endpoints["GET"]
        self._endpoints.setdefault("OPTIONS", self._tell_methods)
        self._allow = {"Allow": ", ".join(sorted(self._endpoints))}
        super().__init__(path, self._tell_methods, methods=sorted(self._endpoints))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http":
            return Match.NONE, {}
        found = self.path_regex.match(get_route_path(scope))
        if found is None:
            return Match.NONE, {}
        convert = self.param_convertors
        named = {name: convert[name].convert(text) for name, text in found.groupdict().items()}
        return Match.FULL, {
            "endpoint": self.endpoint,
            "path_params": {**scope.get("path_params", {}), **named},
            # What a metric calls it, whose paths must be few.
            "resource": self.path,
        }

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers; not as Starlette does, whose two layers for exceptions cost 8 us."""
        endpoint = self._endpoints.get(scope["method"])
        if endpoint is None:
            raise HTTPException(405, headers=self._allow)
        response = await endpoint(WebRequest(scope, receive, send))
        await response(scope, receive, send)

    async def _tell_methods(self, _: Request) -> Response:
        return Response(status_code=204, headers=self._allow)


class PathRouter(Router):
    """Finds a path without parameters at once; of the others it looks through those, one by one,
    whose first segment is the path's.

    A fixed path goes before one that would match it, too, wherever they stand. ``OPTIONS *`` names
    every method of every route. A path with a slash at its end is another path.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        # A redirect would be to the ``Host`` that the request names, over plain HTTP behind a
        # proxy that is not trusted.
        super().__init__(routes, redirect_slashes=False)
        methods = {method for route in routes for method in getattr(route, "methods", None) or ()}
        self._allow = {"Allow": ", ".join(sorted(methods))}
        self._fixed: dict[str, list[BaseRoute]] = {}
        patterns: list[tuple[str, BaseRoute]] = []
        for route in routes:
            if isinstance(route, Route) and "{" not in route.path:
                self._fixed.setdefault(route.path, []).append(route)
            else:
                patterns.append((_first_segment(getattr(route, "path", "")), route))
        # Beside its own, a segment has those whose first one is a parameter or nothing.
        self._patterns = {
            segment: [route for first, route in patterns if first in (segment, "")]
            for segment in ("", *(first for first, _ in patterns))
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = get_route_path(scope)
            for route in self._fixed.get(path) or self._patterns_of(path):
                match, child_scope = route.matches(scope)
                if match is Match.FULL:
                    scope.update(child_scope)
                    await route.handle(scope, receive, send)
                    return
        # Methods that are not allowed, the server as a whole, nothing at all.
        await super().__call__(scope, receive, send)

    def _patterns_of(self, path: str) -> Sequence[BaseRoute]:
        return self._patterns.get(_first_segment(path)) or self._patterns[""]

    async def not_found(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == "*" and scope.get("method") == "OPTIONS":
            # Of the server as a whole (RFC 9110, section 9.3.7).
            await Response(status_code=204, headers=self._allow)(scope, receive, send)
            return
        is_slashed = path.endswith("/") and get_route_path(scope) != "/"
        raise HTTPException(404, "no path here ends with a slash" if is_slashed else None)


def _first_segment(path: str) -> str:
    """The first segment of a path; "" where that is a parameter."""
    segment = path[1:].partition("/")[0]
    return "" if "{" in segment else segment


def resources(routes: Iterable[Route]) -> list[Route]:
    """The routes, with those of the same path in one resource; paths keep their order.

    Routes of the same path and method answer with different media types; where a request permits
    several equally, the earlier route does.
    """
    paths: dict[str, dict[str, list[Route]]] = {}
    for route in routes:
        for method in (route.methods or set()) - {"HEAD"}:
            paths.setdefault(route.path, {}).setdefault(method, []).append(route)
    return [
        Resource(path, {method: _negotiated(alike) for method, alike in methods.items()})
        for path, methods in paths.items()
    ]


def _negotiated(routes: Sequence[Route]) -> Endpoint:
    """The endpoint of the route that the request prefers; it answers 406 where it permits none."""
    first: Endpoint = routes[0].endpoint
    endpoints: dict[str, Endpoint] = {}
    for route in routes:
        for media_type in _media_types(route):
            endpoints.setdefault(media_type, route.endpoint)
    if not endpoints:
        return first
    offered = tuple(endpoints)

    # Hands the endpoint's own awaitable on: a coroutine more would be passed by every step of it.
    def answer(request: Request) -> Awaitable[Response]:
        accept = field_value(request, "accept")
        if not accept:
            return first(request)
        chosen = preferred(accept, offered)
        if chosen is None:
            raise ProblemError(NOT_ACCEPTABLE, f"there is {' and '.join(sorted(offered))}")
        return endpoints[chosen](request)

    return answer


def _media_types(route: Route) -> Iterable[str]:
    """The media types that the route answers with; none where it is not described."""
    found = find_operation(route)
    return [reply.media_type for reply in (found.replies if found else ()) if reply.has_body]
