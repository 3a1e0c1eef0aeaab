"""Where a request really came from, when proxies that we trust stand before us."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.settings import split_list

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


TrustedProxies = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(split_list)]
"""A setting such as ``10.0.0.0/8, 192.0.2.7``."""


def parse_address(text: str) -> Address | None:
    """The address ``text`` writes, or None; an IPv4 address in IPv6's clothes is unclothed."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def network_of(text: str) -> str:
    """What limits count by: an IPv4 address, the /64 that one IPv6 customer has whole, or ""."""
    address = parse_address(text)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return "" if address is None else str(address)


def find_client(peer: Address, hops: Iterable[str], trusted: Iterable[Network]) -> Address:
    """The right-most hop that is not a trusted proxy.

    What stands to the left of that hop it may have written itself, so it counts for nothing.

    Args:
        peer: who is connected to us.
        hops: ``X-Forwarded-For``, as each proxy added to it.
        trusted: the proxies that add to it truthfully.
    """
    trusted = tuple(trusted)
    client = peer
    for hop in reversed(tuple(hops)):
        if not any(client in network for network in trusted):
            break
        address = parse_address(hop)
        if address is None:
            break
        client = address
    return client


def forwarded_app(app: ASGIApp, trusted: Iterable[Network]) -> ASGIApp:
    """``app`` behind ``ForwardedMiddleware`` where there are proxies to trust."""
    trusted = tuple(trusted)
    return ForwardedMiddleware(app, trusted) if trusted else app


class ForwardedMiddleware:
    """Makes ``request.client`` and ``request.url.scheme`` the visitor's, by ``X-Forwarded-For``
    and ``X-Forwarded-Proto``, where the peer is a proxy that is trusted; else these say nothing."""

    def __init__(self, app: ASGIApp, trusted: Iterable[Network]) -> None:
        self._app = app
        self._trusted = tuple(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._trusted and scope.get("client"):
            scope = self._as_visited(scope)
        await self._app(scope, receive, send)

    def _as_visited(self, scope: Scope) -> Scope:
        peer = parse_address(scope["client"][0])
        if peer is None or not any(peer in network for network in self._trusted):
            return scope
        headers = Headers(scope=scope)
        hops = ",".join(headers.getlist("x-forwarded-for")).split(",")
        client = find_client(peer, hops, self._trusted)
        # Of several values the last is the one our own proxy wrote.
        scheme = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        return {
            **scope,
            "client": (str(client), 0),
            "scheme": scheme if scheme in ("http", "https") else scope["scheme"],
        }
