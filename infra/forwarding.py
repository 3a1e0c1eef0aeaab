"""Where a request really came from, when proxies that we trust stand before us."""

import re
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.settings import split_list

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

X_FORWARDED_FOR: Final = "X-Forwarded-For"
FORWARDED: Final = "Forwarded"

SCHEMES = frozenset({"http", "https"})


def _as_ipv4(networks: tuple[Network, ...]) -> tuple[Network, ...]:
    """``networks``, those of IPv4-mapped addresses written as the IPv4 networks they are."""
    return tuple(
        IPv4Network((each.network_address.ipv4_mapped, each.prefixlen - 96))
        if isinstance(each, IPv6Network)
        and each.prefixlen >= 96
        and each.network_address.ipv4_mapped
        else each
        for each in networks
    )


def _as_registered(name: object) -> object:
    """A header's name in its usual spelling: in HTTP names have no case."""
    return {each.lower(): each for each in (X_FORWARDED_FOR, FORWARDED)}.get(
        str(name).strip().lower(), name
    )


TrustedProxies = Annotated[
    tuple[Network, ...], NoDecode, BeforeValidator(split_list), AfterValidator(_as_ipv4)
]
"""A setting such as ``10.0.0.0/8, 192.0.2.7``."""

ForwardedHeader = Annotated[
    Literal["X-Forwarded-For", "Forwarded"], BeforeValidator(_as_registered)
]
"""A setting: the one header in which the trusted proxies name the visitor.

Never both: a proxy writes one of them and passes on the other as the visitor wrote it.
"""


def parse_address(text: str) -> Address | None:
    """The address ``text`` writes, or None; an IPv4 address in IPv6's clothes is unclothed, and a
    zone (RFC 4007, section 11) dropped: it means something on one machine alone."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


_WITH_PORT = re.compile(
    r"(?:\[(?P<six>[^\]]*)\]|(?P<four>[0-9.]+))(?::(?:[0-9]{1,5}|_[a-z0-9._-]+))?",
    re.ASCII | re.IGNORECASE,
)


def parse_node(text: str) -> Address | None:
    """The address of a node (RFC 7239, section 6), with its port or without; None where it is
    ``unknown``, obfuscated or no node at all."""
    found = _WITH_PORT.fullmatch(text.strip())
    return parse_address((found["six"] or found["four"] or "") if found else text)


def network_of(text: str) -> str:
    """What limits count by: an IPv4 address, the /64 that one IPv6 customer has whole, or ""."""
    address = parse_address(text)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return "" if address is None else str(address)


class Hop(NamedTuple):
    """What a proxy says of its client."""

    address: Address | None
    """None where that can't be read or is hidden."""
    scheme: str
    """``http``, ``https``, or "" where that is not said."""


def read_x_forwarded(headers: Headers) -> Iterator[Hop]:
    """The hops of ``X-Forwarded-For``, the right-most first.

    ``X-Forwarded-Proto`` is written anew by each proxy rather than added to; where there are
    several values all the same, the last is our own proxy's.
    """
    scheme = _scheme(",".join(headers.getlist("x-forwarded-proto")).rpartition(",")[2])
    # Empty elements of a list count for nothing (RFC 9110, section 5.6.1).
    nodes = [n for n in ",".join(headers.getlist("x-forwarded-for")).split(",") if n.strip()]
    # Without any, the scheme counts all the same.
    for node in reversed(nodes or [""]):
        yield Hop(parse_node(node), scheme)


def read_forwarded(headers: Headers) -> Iterator[Hop]:
    """The hops of ``Forwarded`` (RFC 7239), the right-most first."""
    found = _ELEMENTS.finditer(",".join(headers.getlist("forwarded")))
    for each in reversed([element for element in found if not element["between"]]):
        yield _read_element(each["element"] or "")


_READERS: dict[str, Callable[[Headers], Iterator[Hop]]] = {
    X_FORWARDED_FOR: read_x_forwarded,
    FORWARDED: read_forwarded,
}

# All quantifiers are possessive, so that no text takes longer than its length.
_TOKEN = r"[!#$%&'*+.^_`|~0-9a-z-]++"
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
# RFC 7239 wants quotes about an address with colons; many proxies are set up without them.
_PAIR = rf"(?:{_TOKEN}=(?:{_QUOTED}|(?:{_TOKEN}|[\[\]:])++))"
# From left to right, as quoted strings can be read in no other way. What is no element ends at the
# next comma, so a quote that a stranger left open takes no hop of a proxy's into it.
_ELEMENTS = re.compile(
    r"(?P<between>[ \t,]++)"
    rf"|(?P<element>;*+{_PAIR}(?:[ \t]*+;[ \t]*+{_PAIR}?+)*+)(?=[ \t]*+(?:,|$))"
    r"|[^,]++",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_PAIRS = re.compile(rf"({_TOKEN})=({_QUOTED}|[^;\s]++)", re.ASCII | re.IGNORECASE | re.DOTALL)


def _read_element(element: str) -> Hop:
    pairs = [(name.lower(), _unquoted(value)) for name, value in _PAIRS.findall(element)]
    said = dict(pairs)
    if len(said) < len(pairs):
        # Section 4: each name once at most.
        return Hop(None, "")
    return Hop(parse_node(said.get("for", "")), _scheme(said.get("proto", "")))


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _scheme(text: str) -> str:
    scheme = text.strip().lower()
    return scheme if scheme in SCHEMES else ""


def find_visitor(peer: Address, hops: Iterable[Hop], trusted: Iterable[Network]) -> Hop:
    """The right-most hop that is not a trusted proxy, with the scheme of its request to one.

    What stands to the left of that hop it may have written itself, so it counts for nothing. A hop
    that can't be read ends the way: the proxy that wrote it counts.

    Args:
        peer: who is connected to us.
        hops: what proxies said, the last one's words first.
        trusted: the proxies that say it truthfully.
    """
    trusted = tuple(trusted)
    client, scheme = peer, ""
    for hop in hops:
        if not any(client in network for network in trusted):
            break
        scheme = hop.scheme or scheme
        if hop.address is None:
            break
        client = hop.address
    return Hop(client, scheme)


def forwarded_app(app: ASGIApp, trusted: Iterable[Network], header: ForwardedHeader) -> ASGIApp:
    """``app`` behind ``ForwardedMiddleware`` where there are proxies to trust."""
    trusted = tuple(trusted)
    return ForwardedMiddleware(app, trusted, header) if trusted else app


def https_app(app: ASGIApp) -> ASGIApp:
    """``app``, all of whose visitors come by HTTPS, whatever the proxy before it says."""

    async def as_https(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["scheme"] = "https"
        await app(scope, receive, send)

    return as_https


class ForwardedMiddleware:
    """Makes ``request.client`` and ``request.url.scheme`` the visitor's, by the one header that is
    trusted, where the peer is a proxy that is trusted; else it says nothing."""

    def __init__(
        self,
        app: ASGIApp,
        trusted: Iterable[Network],
        header: ForwardedHeader = X_FORWARDED_FOR,
    ) -> None:
        self._app = app
        self._trusted = tuple(trusted)
        self._read_hops = _READERS[header]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._trusted and scope.get("client"):
            scope = self._as_visited(scope)
        await self._app(scope, receive, send)

    def _as_visited(self, scope: Scope) -> Scope:
        peer = parse_address(scope["client"][0])
        if peer is None or not any(peer in network for network in self._trusted):
            return scope
        hops = self._read_hops(Headers(scope=scope))
        visitor = find_visitor(peer, hops, self._trusted)
        return {
            **scope,
            "client": (str(visitor.address), 0),
            "scheme": visitor.scheme or scope["scheme"],
        }
