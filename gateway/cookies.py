"""A page's session: cookies that no script can read, and who may use them.

Over HTTPS their names begin with ``__Host-`` and they are ``Secure``: no other host and no plain
connection can set or see them (RFC 6265bis, section 4.1.3.2). Over HTTP a browser would not keep
such cookies, so there the names have no prefix.
"""

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from gateway.origins import LONGEST, read_origin
from gateway.problems import CROSS_ORIGIN
from infra.logs import get_logger
from infra.web import ProblemError

log = get_logger()

ACCESS = "brigade_access"
REFRESH = "brigade_refresh"

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# What a browser says of a request that no other site's page had a hand in.
OWN_SITE = frozenset({"same-origin", "none"})


def read_cookie(request: Request, name: str) -> str:
    """The cookie's value, "" where there is none."""
    return request.cookies.get(_full_name(request, name), "")


def set_cookie(
    request: Request, response: Response, name: str, value: str, *, max_age: int
) -> None:
    """Sets a cookie for ``max_age`` seconds."""
    response.set_cookie(
        _full_name(request, name),
        value,
        max_age=max_age,
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="strict",
    )


def clear_cookies(request: Request, response: Response) -> None:
    """Ends the session in this browser."""
    for name in (ACCESS, REFRESH):
        set_cookie(request, response, name, "", max_age=0)


def _full_name(request: Request, name: str) -> str:
    return f"__Host-{name}" if _is_secure(request) else name


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"


def require_same_origin(request: Request, public_origins: Collection[str] = ()) -> None:
    """Lets only our own pages change anything by cookie, which browsers send for any page.

    ``Sec-Fetch-Site`` decides; browsers that do not send it (old ones, and all over plain HTTP)
    send ``Origin`` with every unsafe request. What sends neither is no page of ours.

    Args:
        request: any.
        public_origins: where browsers find our pages; with none, ``Host`` says it. A proxy may
            have written another host there than the browser did.

    Raises:
        ProblemError: 403 where an unsafe request does not come from a page of this origin.
    """
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("sec-fetch-site")
    if site in OWN_SITE:
        return
    origin = read_origin(request.headers.get("origin", ""))
    own = public_origins or _origin_asked(request, origin)
    if site is None and origin in own:
        return
    log.warning(
        "cross_origin_refused",
        origin=request.headers.get("origin", "")[:LONGEST],
        compared_with=list(own),
        host=request.headers.get("host", "")[:LONGEST],
        sec_fetch_site=(site or "")[:LONGEST],
    )
    members: dict[str, Any] = {"public_origins": list(public_origins)} if public_origins else {}
    raise ProblemError(
        CROSS_ORIGIN,
        "a session's cookies count only for requests of its own pages; "
        + _why(site, origin, own, is_set=bool(public_origins)),
        **members,
    )


def _origin_asked(request: Request, like: str) -> tuple[str, ...]:
    """The origin that ``Host`` names, if it does; the scheme, which it does not, is that of
    ``like``."""
    asked = read_origin(f"{urlsplit(like).scheme}://{request.headers.get('host', '')}")
    return (asked,) if asked else ()


def _why(site: str | None, origin: str, own: Collection[str], *, is_set: bool) -> str:
    """What was wrong with the request. Nothing of what it said is repeated but origins."""
    if site is not None:
        return "by Sec-Fetch-Site, this one comes from another site"
    if not origin:
        return "this one names no page in Origin, as browsers do, nor sends Sec-Fetch-Site"
    mend = "add that to GATEWAY_PUBLIC_ORIGIN" if is_set else f"set GATEWAY_PUBLIC_ORIGIN={origin}"
    return (
        f"this one comes from a page of {origin}, not of {' or '.join(own) or 'the host asked'}. "
        f"If browsers find the pages there, {mend}"
    )
