"""Whom a request comes from, behind proxies and without."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_settings import BaseSettings
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from infra.forwarding import (
    FORWARDED,
    X_FORWARDED_FOR,
    ForwardedHeader,
    ForwardedMiddleware,
    TrustedProxies,
    network_of,
    parse_address,
)

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
Line = tuple[str, str]


async def _tell(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope)
    assert request.client is not None
    answer: Response = JSONResponse([request.client.host, request.url.scheme])
    await answer(scope, receive, send)


async def seen(peer: str, lines: Sequence[Line], header: ForwardedHeader = X_FORWARDED_FOR) -> str:
    """The visitor as the application sees it when ``peer`` sends these header lines."""
    app = ForwardedMiddleware(_tell, TRUSTED, header)
    transport = httpx.ASGITransport(app, client=(peer, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://brigade") as http:
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in lines]
        host, scheme = (await http.get("/", headers=encoded)).json()
        return f"{scheme}://{host}"


@pytest.mark.parametrize(
    ("peer", "hops", "client"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6,198.51.100.1,10.9.9.9", "198.51.100.1"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "198.51.100.1, rubbish", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "", "10.0.0.1"),
        # With the port that the visitor sends from.
        ("10.0.0.1", "203.0.113.9:51234", "203.0.113.9"),
        ("10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.9:51234, 10.0.0.2:80, [fd00::2]:80", "203.0.113.9"),
        # This is an address already.
        ("10.0.0.1", "2001:db8::1:443", "2001:db8::1:443"),
        # IPv4 in the clothes of IPv6.
        ("10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "[::ffff:198.51.100.1]:443", "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        # A zone means something to the machine that wrote it alone.
        ("10.0.0.1", "fe80::7%eth0", "fe80::7"),
        ("fd00::1%eth0", "[fe80::7%3]:443", "fe80::7"),
        # No addresses: the proxy's own counts.
        ("10.0.0.1", "198.51.100.1, 203.0.113.9:", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9:port", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, [2001:db8::1", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, [2001:db8::1]443", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, :443", "10.0.0.1"),
    ],
)
async def test_client_is_the_right_most_hop_that_is_not_trusted(
    peer: str, hops: str | None, client: str
) -> None:
    lines = [] if hops is None else [("X-Forwarded-For", hops)]
    assert await seen(peer, lines) == f"http://{client}"


@pytest.mark.parametrize(
    ("peer", "lines", "visitor"),
    [
        ("10.0.0.1", ["for=198.51.100.1"], "http://198.51.100.1"),
        ("10.0.0.1", ["for=198.51.100.1;proto=https"], "https://198.51.100.1"),
        ("203.0.113.9", ["for=198.51.100.1;proto=https"], "http://203.0.113.9"),
        ("10.0.0.1", ['For="[2001:db8:cafe::17]:4711"'], "http://2001:db8:cafe::17"),
        ("10.0.0.1", ['for="198.51.100.1:4711"'], "http://198.51.100.1"),
        ("10.0.0.1", ['for="198.51.100.1:_ssh"'], "http://198.51.100.1"),
        ("10.0.0.1", [r'for="\1\98.51.100.1"'], "http://198.51.100.1"),
        (
            "10.0.0.1",
            ['by=10.0.0.1;FOR=198.51.100.1;Host="a,b;for=6.6.6.6";pRoTo=HTTPS'],
            "https://198.51.100.1",
        ),
        ("10.0.0.1", ["for=6.6.6.6;proto=https, for=198.51.100.1"], "http://198.51.100.1"),
        ("10.0.0.1", ["for=6.6.6.6", "for=198.51.100.1"], "http://198.51.100.1"),
        # Each proxy says how it was spoken to: the visitor's is what the first of ours says.
        (
            "10.0.0.1",
            ["for=198.51.100.1;proto=https", "for=10.0.0.2;proto=http"],
            "https://198.51.100.1",
        ),
        ("10.0.0.1", ["for=198.51.100.1 ; proto=https , ,"], "https://198.51.100.1"),
        ("10.0.0.1", ["for=198.51.100.1;"], "http://198.51.100.1"),
        # Written without the quotes there should be, as simple configurations do.
        ("10.0.0.1", ["for=198.51.100.1:4711;proto=https"], "https://198.51.100.1"),
        ("10.0.0.1", ["for=[2001:db8::1]:4711"], "http://2001:db8::1"),
        ("10.0.0.1", ["for=2001:db8::1"], "http://2001:db8::1"),
        # Hidden on purpose, or unreadable: the way ends there.
        ("10.0.0.1", ["for=6.6.6.6, for=_hidden;proto=https"], "https://10.0.0.1"),
        ("10.0.0.1", ["for=6.6.6.6, for=unknown, for=10.0.0.2"], "http://10.0.0.2"),
        ("10.0.0.1", ["for=6.6.6.6, proto=https"], "https://10.0.0.1"),
        ("10.0.0.1", ["for=6.6.6.6, for=198.51.100.1;for=198.51.100.2"], "http://10.0.0.1"),
        ("10.0.0.1", ["for=6.6.6.6, for=198.51.100.1 proto=https"], "http://10.0.0.1"),
        ("10.0.0.1", ["for=6.6.6.6, rubbish"], "http://10.0.0.1"),
        ("10.0.0.1", ["for=198.51.100.1;proto=gopher"], "http://198.51.100.1"),
        ("10.0.0.1", [""], "http://10.0.0.1"),
        ("10.0.0.1", [], "http://10.0.0.1"),
        # What a stranger left open ends where the next hop begins.
        ("10.0.0.1", ['for="6.6.6.6, for=198.51.100.1'], "http://198.51.100.1"),
        ("10.0.0.1", ['for=6.6.6.6;x=", for="[2001:db8::1]:443"'], "http://2001:db8::1"),
    ],
)
async def test_forwarded_is_read_as_rfc_7239_writes_it(
    peer: str, lines: list[str], visitor: str
) -> None:
    assert await seen(peer, [("Forwarded", line) for line in lines], FORWARDED) == visitor


@pytest.mark.parametrize(
    ("peer", "lines", "visitor"),
    [
        ("10.0.0.1", [("X-Forwarded-Proto", "https")], "https://198.51.100.1"),
        ("203.0.113.9", [("X-Forwarded-Proto", "https")], "http://203.0.113.9"),
        ("10.0.0.1", [("X-Forwarded-Proto", "gopher")], "http://198.51.100.1"),
        # Of several values the last is our own proxy's, on whichever line.
        ("10.0.0.1", [("X-Forwarded-Proto", "https, http")], "http://198.51.100.1"),
        (
            "10.0.0.1",
            [("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http")],
            "http://198.51.100.1",
        ),
    ],
)
async def test_scheme_counts_only_from_trusted_proxies(
    peer: str, lines: list[Line], visitor: str
) -> None:
    assert await seen(peer, [("X-Forwarded-For", "198.51.100.1"), *lines]) == visitor


async def test_the_header_that_was_not_chosen_counts_for_nothing() -> None:
    lines = [
        ("X-Forwarded-For", "198.51.100.1"),
        ("X-Forwarded-Proto", "https"),
        ("Forwarded", "for=198.51.100.2;proto=http"),
    ]
    assert await seen("10.0.0.1", lines) == "https://198.51.100.1"
    assert await seen("10.0.0.1", lines, FORWARDED) == "http://198.51.100.2"
    assert await seen("10.0.0.1", lines[:2], FORWARDED) == "http://10.0.0.1"
    assert await seen("10.0.0.1", lines[2:]) == "http://10.0.0.1"


LIES = st.text(st.sampled_from('",;=\\ \t.:[]_%for6pto\xff'), max_size=60) | st.text(
    st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=60
)


@given(lies=LIES, glue=st.sampled_from((", ", ",", "\n")))
@pytest.mark.parametrize(
    ("header", "truth"),
    [
        (X_FORWARDED_FOR, "198.51.100.1:443"),
        (X_FORWARDED_FOR, "198.51.100.1, [fd00::2]:443"),
        (FORWARDED, "for=198.51.100.1;proto=http"),
        (FORWARDED, 'for="198.51.100.1:443";host="a.example:80";proto=http'),
        (FORWARDED, 'for=198.51.100.1;proto=http, for="[fd00::2]:443";by="_a";proto=http'),
    ],
)
async def test_nothing_a_visitor_writes_makes_it_another(
    header: ForwardedHeader, truth: str, lies: str, glue: str
) -> None:
    lines = [(header, line) for line in f"{lies}{glue}{truth}".split("\n")]
    assert await seen("10.0.0.1", lines, header) == "http://198.51.100.1"


def test_what_is_no_address_is_none() -> None:
    assert parse_address("anna") is None
    assert parse_address(" 192.0.2.1 ") == ip_address("192.0.2.1")


def test_limits_count_a_customer_as_one_in_whatever_zone() -> None:
    assert network_of("fe80::7%eth0") == network_of("fe80::8%wlan0") == "fe80::/64"
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1"


class Settings(BaseSettings):
    """As a service behind proxies has them."""

    proxies: TrustedProxies = ()
    header: ForwardedHeader = X_FORWARDED_FOR


def test_trusted_proxies_are_read_from_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().proxies == ()
    monkeypatch.setenv("PROXIES", "10.0.0.0/8, 192.0.2.7, ::ffff:172.18.0.0/112")
    assert [str(each) for each in Settings().proxies] == [
        "10.0.0.0/8",
        "192.0.2.7/32",
        "172.18.0.0/16",
    ]


def test_trusted_header_is_one_of_two_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().header == X_FORWARDED_FOR
    monkeypatch.setenv("HEADER", "forwarded")
    assert Settings().header == FORWARDED
    monkeypatch.setenv("HEADER", "X-Real-IP")
    with pytest.raises(ValidationError, match="X-Forwarded-For"):
        Settings()


async def test_empty_elements_of_the_list_count_for_nothing() -> None:
    assert (
        await seen("10.0.0.1", [("X-Forwarded-For", ",198.51.100.1, ,")]) == "http://198.51.100.1"
    )


async def test_scheme_counts_where_the_proxy_names_no_visitor() -> None:
    assert await seen("10.0.0.1", [("X-Forwarded-Proto", "https")]) == "https://10.0.0.1"
