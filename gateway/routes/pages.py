"""The pages people look at, and the files these are made of."""

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

# Where each page is served.
PAGES = {"/": "guest.html", "/kitchen": "kitchen.html", "/board": "board.html"}

# Not the machine's table, which may be another: a browser runs no module of a wrong type.
_MEDIA_TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
_HEADERS = {
    # Asked about each time, and answered 304: a page never runs with another release's modules.
    "Cache-Control": "no-cache",
    "Vary": "Accept, Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Nothing from another host, nothing inline, and nobody frames us.
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
}


@dataclass(frozen=True)
class PageFile:
    """A file as it is served."""

    content: bytes
    gzipped: bytes
    media_type: str
    etag: str


class PageRoutes:
    """``/``, ``/kitchen`` and ``/board`` for browsers, and ``/pages/…``: for anyone.

    Only what asks for HTML gets a page: the JSON of ``/board`` has the same path.
    """

    def __init__(self) -> None:
        self._files = read_files()

    def routes(self) -> list[Route]:
        return [
            *(_HtmlRoute(path, self.get_page, methods=["GET"]) for path in PAGES),
            Route("/pages/{name}", self.get_file, methods=["GET"]),
        ]

    async def get_page(self, request: Request) -> Response:
        return _answer(request, self._files[PAGES[request.url.path]])

    async def get_file(self, request: Request) -> Response:
        file = self._files.get(request.path_params["name"])
        return _answer(request, file) if file else Response(status_code=404)


class _HtmlRoute(Route):
    """Leaves what does not ask for HTML to the routes that follow."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        if match is not Match.NONE and "text/html" not in Request(scope).headers.get("accept", ""):
            return Match.NONE, {}
        return match, child_scope


def _answer(request: Request, file: PageFile) -> Response:
    headers = _HEADERS | {"ETag": file.etag}
    # Weak comparison (RFC 9110, section 13.1.2), which proxies that compress count on.
    if file.etag.removeprefix("W/") in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(file.gzipped, media_type=file.media_type, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)


def read_files() -> dict[str, PageFile]:
    """All files by name, read once: a release never changes under a running gateway."""
    found = {}
    for entry in files("gateway").joinpath("pages").iterdir():
        content = entry.read_bytes()
        found[entry.name] = PageFile(
            content=content,
            gzipped=gzip.compress(content, mtime=0),
            media_type=_MEDIA_TYPES[entry.name.rpartition(".")[2]],
            # Weak: the same file, however it is encoded.
            etag=f'W/"{hashlib.sha256(content).hexdigest()[:20]}"',
        )
    return found
