"""An API's documentation: its OpenAPI document, Swagger UI from files of our own, its problems."""

from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from infra.openapi import Parameter, Reply, operation
from infra.problems import NOT_FOUND, ProblemType
from infra.web import JsonResponse, ProblemError

# The UI sets styles on its elements; all else comes from here alone.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
ONE_DAY = {"Cache-Control": "public, max-age=86400"}
# Our name → that of the package which carries the file, and its media type.
FILES = {
    "swagger-ui.css": ("swagger_style.css", "text/css"),
    "swagger-ui-bundle.js": ("swagger_bundle.js", "text/javascript"),
}
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{at}/swagger-ui.css">
<main id="swagger-ui"></main>
<script src="{at}/swagger-ui-bundle.js"></script>
<script src="{at}/start.js"></script>
</html>
"""
START = """SwaggerUIBundle({
  url: new URL("../openapi.json", document.currentScript.src).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
});
"""

Endpoint = Callable[[Request], Awaitable[Response]]


class ProblemKind(BaseModel):
    """A kind of problem."""

    type: str
    title: str
    status: int
    description: str


class ProblemKinds(BaseModel):
    """Every kind of problem there is."""

    problems: list[ProblemKind]


def documentation_routes(document: dict[str, Any]) -> list[Route]:
    """``/openapi.json`` and ``/docs``, for anyone."""

    async def openapi(_: Request) -> Response:
        return JsonResponse(document)

    @operation("Shows the documentation", Reply("A page.", media_type="text/html", schema={}))
    async def page(request: Request) -> Response:
        at = f"{request.scope.get('root_path', '')}/docs"
        return HTMLResponse(
            PAGE.format(title=document["info"]["title"], at=at),
            headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY},
        )

    async def start(_: Request) -> Response:
        return Response(START, media_type="text/javascript")

    return [
        Route("/openapi.json", openapi),
        Route("/docs", page),
        Route("/docs/start.js", start),
        *(Route(f"/docs/{name}", _file(*file)) for name, file in FILES.items()),
    ]


def _file(name: str, media_type: str) -> Endpoint:
    async def send(_: Request) -> Response:
        return FileResponse(_assets() / name, media_type=media_type, headers=ONE_DAY)

    return send


@cache
def _assets() -> Path:
    # Found, not imported: on import the package reads every file it has, of which we need two.
    spec = find_spec("offapi")
    if spec is None or spec.origin is None:
        raise LookupError("the package that carries Swagger UI is not installed")
    return Path(spec.origin).parent


def problem_routes(kinds: Iterable[ProblemType]) -> list[Route]:
    """``/problems`` and each of ``/problems/{slug}``, to which the ``type`` of problems leads."""
    described = {
        kind.slug: ProblemKind(
            type=kind.uri, title=kind.title, status=kind.status, description=kind.when
        )
        for kind in kinds
    }
    whole = ProblemKinds(problems=list(described.values())).model_dump()

    @operation(
        "Lists every kind of problem",
        Reply("The kinds, by status.", body=ProblemKinds),
        tag="About",
    )
    async def list_kinds(_: Request) -> Response:
        return JsonResponse(whole)

    @operation(
        "Says what a kind of problem means",
        Reply("The kind.", body=ProblemKind),
        tag="About",
        parameters=[
            Parameter("slug", "The last part of a problem's `type`.", "path", example="not-found")
        ],
        problems=[NOT_FOUND],
    )
    async def get_kind(request: Request) -> Response:
        kind = described.get(request.path_params["slug"])
        if kind is None:
            raise ProblemError(NOT_FOUND, "there is no such kind of problem")
        return JsonResponse(kind.model_dump())

    return [Route("/problems", list_kinds), Route("/problems/{slug}", get_kind)]
