"""A page's session: cookies that no script can read, and who may use them.

Over HTTPS their names begin with ``__Host-`` and they are ``Secure``: no other host and no plain
connection can set or see them (RFC 6265bis, section 4.1.3.2). Over HTTP a browser would not keep
such cookies, so there the names have no prefix.
"""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from gateway.problems import CROSS_ORIGIN
from infra.web import ProblemError

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


def require_same_origin(request: Request) -> None:
    """Lets only our own pages change anything by cookie, which browsers send for any page.

    ``Sec-Fetch-Site`` decides; browsers that do not send it (old ones, and all over plain HTTP)
    send ``Origin`` with every unsafe request. What sends neither is no page of ours.

    Raises:
        ProblemError: 403 where an unsafe request does not come from a page of this origin.
    """
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        allowed = site in OWN_SITE
    else:
        origin = urlsplit(request.headers.get("origin", ""))
        allowed = bool(origin.netloc) and origin.netloc == request.headers.get("host")
    if not allowed:
        raise ProblemError(
            CROSS_ORIGIN,
            "a session's cookies count only for requests of its own pages",
        )
