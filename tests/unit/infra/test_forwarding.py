"""Whom a request comes from, behind proxies and without."""

from ipaddress import ip_address, ip_network

import httpx
import pytest
from pydantic_settings import BaseSettings
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from infra.forwarding import ForwardedMiddleware, TrustedProxies, find_client, parse_address

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "hops", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1", "10.9.9.9"], "198.51.100.1"),
        ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["198.51.100.1", "rubbish"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
    ],
)
def test_client_is_the_right_most_hop_that_is_not_trusted(
    peer: str, hops: list[str], client: str
) -> None:
    assert find_client(ip_address(peer), hops, TRUSTED) == ip_address(client)


def test_what_is_no_address_is_none() -> None:
    assert parse_address("anna") is None
    assert parse_address(" 192.0.2.1 ") == ip_address("192.0.2.1")


def test_trusted_proxies_are_read_from_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    class Settings(BaseSettings):
        proxies: TrustedProxies = ()

    assert Settings().proxies == ()
    monkeypatch.setenv("PROXIES", "10.0.0.0/8, 192.0.2.7")
    assert Settings().proxies == (ip_network("10.0.0.0/8"), ip_network("192.0.2.7/32"))


async def _tell(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope)
    assert request.client is not None
    answer: Response = JSONResponse([request.client.host, request.url.scheme])
    await answer(scope, receive, send)


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("10.0.0.1", {"X-Forwarded-For": "198.51.100.1"}, ["198.51.100.1", "http"]),
        (
            "10.0.0.1",
            {"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "https"},
            ["198.51.100.1", "https"],
        ),
        (
            "203.0.113.9",
            {"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "https"},
            ["203.0.113.9", "http"],
        ),
        ("10.0.0.1", {"X-Forwarded-Proto": "gopher"}, ["10.0.0.1", "http"]),
    ],
)
async def test_forwarding_headers_count_only_from_trusted_proxies(
    peer: str, forwarded: dict[str, str], seen: list[str]
) -> None:
    transport = httpx.ASGITransport(ForwardedMiddleware(_tell, TRUSTED), client=(peer, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://brigade") as http:
        assert (await http.get("/", headers=forwarded)).json() == seen
