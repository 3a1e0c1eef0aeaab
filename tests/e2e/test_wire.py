"""HTTP byte by byte at every port of the running services."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from infra.dev.guest import Guest
from tests.integration.infra.wire import LAST, request, statuses
from tests.stack import Stack

WAIT_SECONDS = 30
OFFER = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAA"]
ORDER = json.dumps({"items": [{"sku": "fries", "quantity": 1}], "kitchen": "patio"}).encode()
# What is answered at each of these is not 404: the gateway, auth, and the operations of all.
PORTS = {
    "GATEWAY_PORT": "/menu",
    "AUTH_PORT": "/.well-known/jwks.json",
    "GATEWAY_OPS_PORT": "/healthz",
    "AUTH_OPS_PORT": "/healthz",
    "ORDER_OPS_PORT": "/healthz",
    "KITCHEN_OPS_PORT": "/healthz",
}
every_port = pytest.mark.parametrize(("port", "path"), PORTS.items(), ids=PORTS)


@asynccontextmanager
async def connected(
    stack: Stack, port: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.layout.ports[port])
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            yield reader, writer
    finally:
        writer.close()


async def token_of(http: httpx.AsyncClient, guest: Guest) -> str:
    token: str = (await http.post("/login", json=guest.account)).json()["access_token"]
    return token


async def count_orders(guest: Guest) -> int:
    return len((await guest.call("GET", "/order")).raise_for_status().json()["orders"])


@every_port
async def test_offer_of_an_upgrade_takes_no_body_for_a_request(
    stack: Stack, port: str, path: str
) -> None:
    inner = request(path="/inner")
    async with connected(stack, port) as (reader, writer):
        writer.write(request(*OFFER, f"Content-Length: {len(inner)}", path=path))
        # It is answered without its body, which is in another segment then.
        said = await reader.readuntil(b"\r\n\r\n")
        writer.write(inner + LAST)
        said += await reader.read()
    assert statuses(said) == [200, 404]


@every_port
async def test_host_is_wanted_once(stack: Stack, port: str, path: str) -> None:
    for sent, expected in [
        (request("Connection: close", path=path), 200),
        (request(path=path, host=None, version="1.0"), 200),
        (request(path=path, host=None), 400),
        (request("Host: there", path=path), 400),
        (request(path=path, host="here/there"), 400),
    ]:
        async with connected(stack, port) as (reader, writer):
            writer.write(sent)
            said = await reader.read()
        assert statuses(said) == [expected], sent


@every_port
async def test_client_that_shuts_its_sending_side_is_answered_whole(
    stack: Stack, port: str, path: str
) -> None:
    async with connected(stack, port) as (reader, writer):
        writer.write(request(path=path) * 3)
        writer.write_eof()
        said = await reader.read()
    assert statuses(said) == [200] * 3


@pytest.mark.parametrize("offer", [[], OFFER], ids=["plain", "with an offer"])
async def test_order_of_a_client_that_shuts_its_sending_side_is_placed_and_answered(
    stack: Stack, http: httpx.AsyncClient, guest: Guest, offer: list[str]
) -> None:
    sent = request(
        *offer,
        f"Authorization: Bearer {await token_of(http, guest)}",
        "Content-Type: application/json",
        f"Content-Length: {len(ORDER)}",
        method="POST",
        path="/order",
        body=ORDER,
    )
    async with connected(stack, "GATEWAY_PORT") as (reader, writer):
        writer.write(sent)
        writer.write_eof()
        said = await reader.read()
    assert statuses(said) == [201]
    placed = json.loads(said.partition(b"\r\n\r\n")[2])
    found = await guest.call("GET", f"/order/{placed['id']}")
    assert found.json()["items"][0]["sku"] == "fries"


async def test_order_that_was_cut_is_not_placed(
    stack: Stack, http: httpx.AsyncClient, guest: Guest
) -> None:
    sent = request(
        f"Authorization: Bearer {await token_of(http, guest)}",
        "Content-Type: application/json",
        f"Content-Length: {len(ORDER) + 1}",
        method="POST",
        path="/order",
        body=ORDER,
    )
    async with connected(stack, "GATEWAY_PORT") as (reader, writer):
        writer.write(sent)
        writer.write_eof()
        assert statuses(await reader.read()) == [400]
    assert await count_orders(guest) == 0


async def open_streams(stack: Stack) -> float:
    async with httpx.AsyncClient(trust_env=False) as http:
        metrics = (await http.get(stack.layout.ops_url("gateway") + "/metrics")).text
    [line] = [line for line in metrics.splitlines() if line.startswith("gateway_streams ")]
    return float(line.split()[1])


@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_event_stream_ends_with_the_input_and_has_chunks_for_those_who_know_them(
    stack: Stack, version: str
) -> None:
    before = await open_streams(stack)
    async with connected(stack, "GATEWAY_PORT") as (reader, writer):
        writer.write(request(path="/board/stream", version=version))
        head = await reader.readuntil(b"\r\n\r\n")
        told = await reader.readuntil(b"event: snapshot\n")
        assert await open_streams(stack) == before + 1
        writer.write_eof()
        rest = await reader.read()
        async with asyncio.timeout(WAIT_SECONDS):
            while await open_streams(stack) > before:
                pass
    if version == "1.0":
        assert b"transfer-encoding" not in head
        assert told.startswith(b"retry: 1000\n\nevent: snapshot\n")
    else:
        assert b"transfer-encoding: chunked" in head
        assert rest.endswith(b"\r\n0\r\n\r\n")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_curl_that_offers_http_2_places_an_order(
    stack: Stack, http: httpx.AsyncClient, guest: Guest, tmp_path: Path
) -> None:
    (tmp_path / "order.json").write_bytes(ORDER)
    token = await token_of(http, guest)
    process = await asyncio.create_subprocess_exec(
        *("curl", "-sS", "--http2", "--noproxy", "*", "-w", " %{http_code}"),
        *("-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/json"),
        *("--data-binary", f"@{tmp_path / 'order.json'}", f"{stack.gateway_url}/order"),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert said.endswith(b" 201"), said
