"""Requests that mean nothing: refused, every one, and nothing comes of them."""

import asyncio
import hashlib
import json
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from redis.asyncio import Redis

from infra.dev.opening import SAMPLE_MENU
from infra.redis_client import open_redis
from tests.e2e.conftest import SETTINGS
from tests.stack import Stack, new_guest

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "20000"))
AT_ONCE = 24
ANSWER_SECONDS = 60
# Any will do; the same again finds the same again.
SEED = int(os.environ.get("FUZZ_SEED", "20261123"))

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get")
PATHS = {
    "gateway": (
        "/order",
        "/order/{}",
        "/menu",
        "/menu/{}",
        "/login",
        "/register",
        "/logout",
        "/token/refresh",
        "/session",
        "/session/refresh",
        "/kitchen/tickets",
        "/kitchen/tickets/{}/start",
        "/kitchen/tickets/{}/void",
        "/board",
        "/problems/{}",
        "/docs/{}",
        "/api/v1/order/{}",
        "/{}",
    ),
    "auth": (
        "/api/v1/register",
        "/api/v1/login",
        "/api/v1/token/refresh",
        "/api/v1/logout",
        "/api/v1/verify",
        "/api/v1/password",
        "/api/v1/{}",
        "/.well-known/{}",
    ),
}
HEADERS = (
    "Accept",
    "Authorization",
    "Content-Type",
    "Cookie",
    "Host",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Origin",
    "Sec-Fetch-Site",
    "X-Forwarded-For",
    "X-Request-ID",
)
# What the system does by itself, and what counts the failures.
RESTLESS_KEYS = ("order:kitchens", "kitchen:{main}:tick", "auth:attempts:")

Body = Callable[[random.Random], bytes]


def _broken_json(chance: random.Random) -> bytes:
    whole = json.dumps({"login": "anna", "items": [{"sku": "tea", "quantity": 1}]}).encode()
    return whole[: chance.randrange(1, len(whole) - 1)]


def _wrong_json(chance: random.Random) -> bytes:
    return json.dumps(
        chance.choice(([], 7, None, "text", True, {"\0": 1}, {"login": {}, "password": []}, [{}]))
    ).encode()


def _foreign_json(chance: random.Random) -> bytes:
    name = "".join(chance.choices("abc\0\ud800é\U0001f35c", k=8))
    return json.dumps({"login": "anna", "password": "long enough", name: 1}).encode()


def _deep_json(chance: random.Random) -> bytes:
    return b"[" * chance.randrange(1, 20_000)


def _bytes(chance: random.Random) -> bytes:
    return b"\xff" + chance.randbytes(chance.randrange(200))


BODIES: tuple[Body, ...] = (_broken_json, _wrong_json, _foreign_json, _deep_json, _bytes)


def malformed_request(chance: random.Random, paths: tuple[str, ...], token: str) -> bytes:
    """The bytes of a request no server could make sense of, or only so far."""
    if chance.random() < 0.1:
        return chance.randbytes(chance.randrange(1, 400)) + b"\r\n\r\n"
    odd = chance.choice((chance.randbytes(6), b"..", b"%", b"\0", b"", "é".encode(), b"a" * 300))
    # Raw bytes in a path are no HTTP; escaped, they are.
    part = odd if chance.random() < 0.2 else quote(odd).encode()
    target = chance.choice(paths).encode().replace(b"{}", part)
    if chance.random() < 0.5:
        target += b"?" + quote(chance.randbytes(5)).encode() + b"=" + part
    body = chance.choice(BODIES)(chance)
    headers = {
        b"Host": b"test",
        b"Connection": b"close",
        b"Content-Type": chance.choice((b"application/json", b"text/csv", b"", b"a/b;c")),
        b"Content-Length": str(len(body)).encode(),
        b"Sec-Fetch-Site": b"same-origin",
    }
    if chance.random() < 0.5:
        headers[b"Authorization"] = b"Bearer " + token.encode()
    if chance.random() < 0.5:
        value = chance.randbytes(chance.randrange(30)).translate(None, b"\r\n")
        headers[chance.choice(HEADERS).encode()] = value
    if chance.random() < 0.1:
        headers[b"Content-Length"] = chance.choice((b"-1", b"99999999999", b"x", b"0"))
    if chance.random() < 0.1:
        headers[b"Transfer-Encoding"] = b"chunked"
    head = b"".join(name + b": " + value + b"\r\n" for name, value in headers.items())
    return b"%s %s HTTP/1.1\r\n%s\r\n%s" % (
        chance.choice(METHODS).encode(),
        target,
        head,
        body,
    )


async def answer_to(url: str, request: bytes) -> int:
    """The status of the answer; 0 where the connection was closed without one."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(request)
        await writer.drain()
        writer.write_eof()
        async with asyncio.timeout(ANSWER_SECONDS):
            line = await reader.readline()
    except ConnectionError:
        return 0
    finally:
        writer.close()
    parts = line.split()
    return int(parts[1]) if len(parts) > 1 else 0


async def kept_in(redis: Redis) -> dict[str, str]:
    """A digest of everything that stays as it is unless somebody changes it."""
    kept = {}
    raw = Redis(connection_pool=redis.connection_pool)
    async for key in raw.scan_iter():
        if not str(key).startswith(RESTLESS_KEYS):
            kept[str(key)] = hashlib.sha256(
                repr(await read_key(raw, str(key))).encode()
            ).hexdigest()
    return kept


async def read_key(redis: Redis, key: str) -> object:
    match await redis.type(key):
        case "hash":
            return sorted((await redis.hgetall(key)).items())
        case "zset":
            return await redis.zrange(key, 0, -1, withscores=True)
        case "list":
            return await redis.lrange(key, 0, -1)
        case "set":
            return sorted(await redis.smembers(key))
        case "stream":
            return await redis.xrange(key)
        case _:
            return await redis.get(key)


@pytest.fixture
async def quiet_stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A whole system of its own in which nothing moves by itself."""
    kitchens = json.dumps([{"name": "main", "mode": "manual"}])
    stack = Stack(tmp_path, {**SETTINGS, "KITCHENS": kitchens})
    stack.start()
    try:
        await stack.wait_ready()
        async with stack.http() as http:
            await stack.open_house(http, SAMPLE_MENU)
        yield stack
    finally:
        stack.stop()


@pytest.mark.timeout(900)
async def test_malformed_requests_are_refused_and_change_nothing(quiet_stack: Stack) -> None:
    stack, chance = quiet_stack, random.Random(SEED)
    async with stack.http() as http:
        signed_in = await http.post("/login", json=(await new_guest(http)).account)
    token = signed_in.json()["access_token"]
    statuses: Counter[int] = Counter()
    failed: list[tuple[int, bytes]] = []

    async def send_some(count: int) -> None:
        for _ in range(count):
            name = chance.choice(("gateway", "auth"))
            request = malformed_request(chance, PATHS[name], token)
            url = stack.gateway_url if name == "gateway" else stack.auth_url
            status = await answer_to(url, request)
            statuses[status] += 1
            if status >= 500:
                failed.append((status, request))

    async with open_redis(stack.redis.url) as redis:
        before = await kept_in(redis)
        async with asyncio.TaskGroup() as senders:
            for _ in range(AT_ONCE):
                senders.create_task(send_some(REQUESTS // AT_ONCE))
        after = await kept_in(redis)
    assert not failed, (SEED, failed[:3])
    assert statuses[400] > 0
    assert statuses[422] > 0
    assert after == before
    for name in ("gateway", "auth", "order", "kitchen"):
        assert "Traceback" not in stack.log_file(name).read_text(encoding="utf-8"), name
