"""The gateway behind a real nginx, set up as docs/operations.md says and as it is without more."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.clock import utc_now
from infra.dev.certificates import CA, CERT, KEY, Authority
from shared_proto.restaurant.order.v1 import order_pb2
from tests.conftest import free_port
from tests.integration.gateway.house import EventStream, House
from tests.nginx import documented_server, needs_nginx, nginx_running

pytestmark = needs_nginx

ANNA = {"login": "anna", "password": "correct horse"}
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
PROXY_PASS_ALONE = "server {{ listen {}; location / {{ proxy_pass http://{}; }} }}"


class Front:
    """nginx before a house."""

    def __init__(self, house: House, url: str, trusted: ssl.SSLContext | None = None) -> None:
        self.house = house
        self.url = url
        self._trusted = trusted or ssl.create_default_context()

    def browser(self, address: str = "127.0.0.1") -> httpx.AsyncClient:
        """A client at ``address``, to be closed by the caller."""
        transport = httpx.AsyncHTTPTransport(verify=self._trusted, local_address=address)
        return httpx.AsyncClient(transport=transport, base_url=self.url, timeout=20)


def upstream(house: House) -> str:
    return f"{house.http.base_url.host}:{house.http.base_url.port}"


@asynccontextmanager
async def documented(folder: Path, **settings: Any) -> AsyncIterator[Front]:
    """The block of docs/operations.md, TLS included, before a gateway that trusts it."""
    for name, content in Authority.new(utc_now()).issue("gateway", utc_now()).items():
        (folder / name).write_bytes(content)
    port = free_port()
    async with House().open(trusted_proxies=("127.0.0.1",), **settings) as house:
        server = documented_server(
            listen=f"127.0.0.1:{port} ssl http2",
            ssl_certificate=str(folder / CERT),
            ssl_certificate_key=str(folder / KEY),
            proxy_pass=f"http://{upstream(house)}",
        )
        async with nginx_running(folder / "nginx", server):
            trusted = ssl.create_default_context(cafile=folder / CA)
            yield Front(house, f"https://127.0.0.1:{port}", trusted)


@asynccontextmanager
async def proxy_pass_alone(folder: Path, port: int, **settings: Any) -> AsyncIterator[Front]:
    """nginx with nothing but ``proxy_pass``, which names its upstream in ``Host``."""
    async with House().open(**settings) as house:
        server = PROXY_PASS_ALONE.format(f"127.0.0.1:{port}", upstream(house))
        async with nginx_running(folder / "nginx", server):
            yield Front(house, f"http://127.0.0.1:{port}")


async def sign_in(http: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await http.post("/session", json=ANNA, headers=headers)


@pytest.mark.parametrize("says_site", [True, False])
async def test_page_signs_in_and_acts_behind_the_documented_block(
    tmp_path: Path, says_site: bool
) -> None:
    async with documented(tmp_path) as front, front.browser() as browser:
        own = OWN_PAGE if says_site else {"Origin": front.url}
        answer = await sign_in(browser, **own)
        assert answer.status_code == 200, answer.text
        assert "strict-transport-security" in answer.headers
        assert sorted(browser.cookies) == ["__Host-brigade_access", "__Host-brigade_refresh"]
        order_id = front.house.orders.place("anna", "mine")
        assert (await browser.get(f"/order/{order_id}")).status_code == 200
        assert (await browser.delete(f"/order/{order_id}", headers=own)).status_code == 200
        evil = {"Origin": "https://evil.example"}
        assert (await browser.delete(f"/order/{order_id}", headers=evil)).status_code == 403


async def test_events_pass_the_documented_block_one_by_one(tmp_path: Path) -> None:
    async with documented(tmp_path) as front, front.browser() as browser:
        await sign_in(browser, **OWN_PAGE)
        order_id = front.house.orders.place("anna", "mine")
        async with browser.stream("GET", "/order/stream") as answer:
            stream = EventStream(answer)
            assert [event.event for event in await stream.take(1)] == ["snapshot"]
            for status, name in (
                (order_pb2.ORDER_STATUS_QUEUED, "queued"),
                (order_pb2.ORDER_STATUS_PREPARING, "preparing"),
            ):
                # The next one happens only when this one has arrived.
                front.house.orders.move(order_id, status)
                assert await stream.statuses(1) == [name]


async def test_each_guest_behind_the_documented_block_has_an_address_of_its_own(
    tmp_path: Path,
) -> None:
    lies = {"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6", **OWN_PAGE}
    async with documented(tmp_path) as front:
        for address in ("127.0.0.2", "127.0.0.3"):
            async with front.browser(address) as browser:
                assert (await sign_in(browser, **lies)).status_code == 200
        assert front.house.auth.addresses == ["127.0.0.2", "127.0.0.3"]


async def test_without_the_host_a_page_is_refused_and_told_why(tmp_path: Path) -> None:
    port = free_port()
    async with proxy_pass_alone(tmp_path, port) as front, front.browser() as browser:
        answer = await sign_in(browser, Origin=front.url)
        assert answer.status_code == 403
        assert f"set GATEWAY_PUBLIC_ORIGIN={front.url}" in answer.json()["detail"]


async def test_public_origin_lets_pages_in_behind_proxy_pass_alone(tmp_path: Path) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    async with (
        proxy_pass_alone(tmp_path, port, public_origin=origin) as front,
        front.browser() as browser,
    ):
        assert (await sign_in(browser, Origin=origin)).status_code == 200
        assert sorted(browser.cookies) == ["brigade_access", "brigade_refresh"]
        order_id = front.house.orders.place("anna", "mine")
        cancelled = await browser.delete(f"/order/{order_id}", headers={"Origin": origin})
        assert cancelled.status_code == 200


async def test_public_https_origin_makes_cookies_secure_behind_proxy_pass_alone(
    tmp_path: Path,
) -> None:
    origin = "https://orders.example.com"
    async with (
        proxy_pass_alone(tmp_path, free_port(), public_origin=origin) as front,
        front.browser() as browser,
    ):
        answer = await sign_in(browser, Origin=origin)
        assert answer.status_code == 200
        cookies = answer.headers.get_list("set-cookie")
        assert all("__Host-" in cookie and "; Secure" in cookie for cookie in cookies)
