"""Routes by their paths: every path knows all its methods, and which media types it can answer."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache

from starlette._utils import get_route_path
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import Receive, Scope, Send

from infra.openapi import find_operation
from infra.problems import NOT_ACCEPTABLE
from infra.web import ProblemError, WebRequest

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

    A fixed path goes before one that would match it, too, wherever they stand.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        super().__init__(routes)
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
        # Paths with a slash too many, methods that are not allowed, nothing at all.
        await super().__call__(scope, receive, send)

    def _patterns_of(self, path: str) -> Sequence[BaseRoute]:
        return self._patterns.get(_first_segment(path)) or self._patterns[""]

    async def not_found(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise HTTPException(404)


def _first_segment(path: str) -> str:
    """The first segment of a path; "" where that is a parameter."""
    segment = path[1:].partition("/")[0]
    return "" if "{" in segment else segment


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
    offered = frozenset(
        reply.media_type for reply in (found.replies if found else ()) if reply.has_body
    )
    if not offered:
        return endpoint

    # Hands the endpoint's own awaitable on: a coroutine more would be passed by every step of it.
    def answer(request: Request) -> Awaitable[Response]:
        accept = request.headers.get("accept")
        if accept and not _accepts_one(accept, offered):
            raise ProblemError(NOT_ACCEPTABLE, f"there is {' and '.join(sorted(offered))}")
        return endpoint(request)

    return answer


# The same programs ask again and again.
@lru_cache(maxsize=1_024)
def _accepts_one(accept: str, offered: frozenset[str]) -> bool:
    return any(accepts(accept, media_type) for media_type in offered)


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
