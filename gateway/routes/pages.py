"""The pages people look at, and the files these are made of."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.conditions import is_known
from infra import web
from infra.negotiation import JSON, accepts_gzip, preferred
from infra.openapi import Reply, operation
from infra.web import field_value

# Where each page is served.
PAGES = {"/": "guest.html", "/kitchen": "kitchen.html", "/board": "board.html"}

# Where there is no page.
LOST = "lost.html"

# Not the machine's table, which may be another: a browser runs no module of a wrong type.
_MEDIA_TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
# A page is asked about each time, and answered 304; what it is made of has its release in the path.
_ASK_EACH_TIME = "no-cache"
_KEEP_FOR_EVER = "public, max-age=31536000, immutable"
_HEADERS = {
    "Vary": "Accept, Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Nothing from another host, nothing inline, and nobody frames us.
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
}


_VARY = {"Vary": "Accept"}
LED = Reply(
    "The guest's page is at `Location`.", status=303, media_type=_MEDIA_TYPES["html"], schema={}
)


@dataclass(frozen=True)
class PageFile:
    """A file as it is served."""

    content: bytes
    gzipped: bytes
    media_type: str


@dataclass(frozen=True)
class PageRelease:
    """All files of the pages, by name, under the one name they have together."""

    name: str
    files: Mapping[str, PageFile]


class PageRoutes:
    """``/``, ``/kitchen`` and ``/board`` for browsers, and ``/pages/…``: for anyone.

    A browser that opens the address of an order is led to the guest's page, which asks to sign in,
    and where there is no page it gets one that leads on. The JSON of ``/board`` has the same path:
    requests that prefer HTML get the page. A page's ETag is the release's name, so that a screen on
    the wall learns by a ``HEAD`` of itself whether it is outdated
    (docs/decisions/0014-pages-know-their-release.md).
    """

    def __init__(self) -> None:
        self._release = read_release()

    def routes(self) -> list[Route]:
        return [
            *(Route(path, self.get_page, methods=["GET"]) for path in PAGES),
            # An order's link, as a browser opens it: programs get the JSON of the same path.
            Route("/order", self.lead_to_orders, methods=["GET"]),
            Route("/order/{id}", self.lead_to_order, methods=["GET"]),
            Route("/pages/{release}/{name}", self.get_file, methods=["GET"]),
        ]

    @operation("Shows a page", Reply("The page.", media_type=_MEDIA_TYPES["html"], schema={}))
    async def get_page(self, request: Request) -> Response:
        page = self._release.files[PAGES[request.url.path]]
        return self._answer(request, page, _ASK_EACH_TIME)

    @operation("Leads to the guest's orders", LED)
    async def lead_to_orders(self, _: Request) -> Response:
        return RedirectResponse("/#/orders", 303, _VARY)

    @operation("Leads to the order on the guest's page", LED)
    async def lead_to_order(self, request: Request) -> Response:
        return RedirectResponse(f"/#/order/{request.path_params['id']}", 303, _VARY)

    async def answer_error(self, request: Request, error: HTTPException) -> Response:
        """Answer a browser that asks for a page where there is none with a page that leads on, and
        everything else with a problem, as ``infra.web`` does."""
        is_lost = error.status_code in (404, 405) and request.method in ("GET", "HEAD")
        if not (is_lost and _prefers_html(request)):
            return await web.EXCEPTION_HANDLERS[HTTPException](request, error)
        page = self._release.files[LOST]
        headers = {**_HEADERS, **(error.headers or {}), "Cache-Control": _ASK_EACH_TIME}
        return _encoded(request, page, headers, status=error.status_code)

    async def get_file(self, request: Request) -> Response:
        file = self._release.files.get(request.path_params["name"])
        if file is None:
            raise HTTPException(404)
        # While replicas are replaced one by one, a page of another release may ask here: it gets
        # what there is, and keeps it under no wrong name.
        is_ours = request.path_params["release"] == self._release.name
        return self._answer(request, file, _KEEP_FOR_EVER if is_ours else _ASK_EACH_TIME)

    def _answer(self, request: Request, file: PageFile, caching: str) -> Response:
        # Weak: the same file, however it is encoded.
        headers = _HEADERS | {"Cache-Control": caching, "ETag": f'W/"{self._release.name}"'}
        if is_known(request, self._release.name):
            return Response(status_code=304, headers=headers)
        return _encoded(request, file, headers)


def _prefers_html(request: Request) -> bool:
    html = _MEDIA_TYPES["html"]
    return preferred(field_value(request, "accept"), (JSON, html)) == html


def _encoded(
    request: Request, file: PageFile, headers: dict[str, str], status: int = 200
) -> Response:
    """Return ``file``, compressed for those that accept it."""
    content = file.content
    if accepts_gzip(field_value(request, "accept-encoding")):
        headers["Content-Encoding"] = "gzip"
        content = file.gzipped
    return Response(content, status, headers, media_type=file.media_type)


def read_release() -> PageRelease:
    """The pages as they were installed, read once: a release never changes under a gateway."""
    contents = {
        entry.name: entry.read_bytes() for entry in files("gateway").joinpath("pages").iterdir()
    }
    digest = hashlib.sha256()
    for file_name, content in sorted(contents.items()):
        digest.update(file_name.encode() + b"\0" + content + b"\0")
    name = digest.hexdigest()[:16]
    return PageRelease(name, {each: _page_file(each, contents[each], name) for each in contents})


def _page_file(file_name: str, content: bytes, release: str) -> PageFile:
    extension = file_name.rpartition(".")[2]
    if extension == "html":
        # Modules import one another by relative paths: they follow.
        content = content.replace(b'"/pages/', f'"/pages/{release}/'.encode())
    return PageFile(content, gzip.compress(content, mtime=0), _MEDIA_TYPES[extension])
