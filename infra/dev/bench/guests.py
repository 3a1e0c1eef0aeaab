"""The guests whose requests make the load: accounts with sessions, and orders to look at."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra.dev.bench.errors import BenchError
from infra.dev.bench.generator import Load
from infra.dev.bench.shots import KEY_MARK, request, write_shots

PASSWORD = "correct horse battery"
AT_ONCE = 8
"""Passwords hashed at the same time: fewer than may wait."""
ORDER: dict[str, Any] = {
    "items": [
        {"sku": "chicken-bowl", "quantity": 2, "options": ["rice", "guacamole"]},
        {"sku": "fries", "quantity": 1},
    ],
    "note": "no onion",
}


@dataclass(frozen=True)
class Account:
    """A guest who has signed in."""

    login: str
    token: str

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


async def sign_up(http: httpx.AsyncClient, count: int) -> list[Account]:
    """So many new accounts, signed in."""
    hashing = asyncio.Semaphore(AT_ONCE)

    async def one(login: str) -> Account:
        async with hashing:
            body = _credentials(login)
            _expect(201, await http.post("/register", json=body))
            answer = _expect(200, await http.post("/login", json=body))
        return Account(login, answer.json()["access_token"])

    return list(await asyncio.gather(*(one(f"guest-{n:03}") for n in range(count))))


class Requests:
    """The loads that are measured, kept as files in ``folder``."""

    def __init__(self, folder: Path, accounts: list[Account], *, connections: int) -> None:
        self._folder = folder
        self._accounts = accounts
        self._connections = connections

    def hello(self) -> Load:
        """What the ceiling is measured with."""
        return self._load("hello", [request("GET", "/")], 200)

    def place_order(self) -> Load:
        """A new order each, of the guests in turn."""
        shots = [
            request(
                "POST",
                "/order",
                token=account.token,
                json_body=ORDER,
                headers={"Idempotency-Key": KEY_MARK.decode()},
            )
            for account in self._accounts
        ]
        return self._load("POST-order", shots, 201)

    async def read_order(self, http: httpx.AsyncClient) -> Load:
        """The newest orders of each guest, one by one."""
        shots = [
            request("GET", f"/order/{order['id']}", token=account.token)
            for account in self._accounts
            for order in (await _orders(http, account))[:5]
        ]
        return self._load("GET-order", shots, 200)

    def list_orders(self) -> Load:
        """Each guest's newest orders, as many as the gateway gives when it is not told."""
        shots = [request("GET", "/order", token=account.token) for account in self._accounts]
        return self._load("GET-orders", shots, 200)

    async def read_unchanged_order(self, http: httpx.AsyncClient) -> Load:
        """An order of each guest with the ETag it has: cancelled ones, which nobody changes."""
        shots = []
        for account in self._accounts:
            [order, *_] = await _orders(http, account)
            path, headers = f"/order/{order['id']}", account.authorization
            _expect(200, await http.delete(path, headers=headers))
            etag = _expect(200, await http.get(path, headers=headers)).headers["ETag"]
            known = {"If-None-Match": etag}
            _expect(304, await http.get(path, headers=headers | known))
            shots.append(request("GET", path, token=account.token, headers=known))
        return self._load("GET-304", shots, 304)

    def sign_in(self) -> Load:
        """Logins of the guests in turn; few at once, for each takes a core for a while."""
        shots = [
            request("POST", "/login", json_body=_credentials(account.login))
            for account in self._accounts
        ]
        return self._load("POST-login", shots, 200, connections=AT_ONCE)

    def _load(self, name: str, shots: list[bytes], expected: int, *, connections: int = 0) -> Load:
        file = self._folder / name
        write_shots(file, shots)
        return Load(file, expected, connections or self._connections)


async def _orders(http: httpx.AsyncClient, account: Account) -> list[dict[str, Any]]:
    answer = _expect(200, await http.get("/order", headers=account.authorization))
    orders: list[dict[str, Any]] = answer.json()["orders"]
    return orders


def _credentials(login: str) -> dict[str, str]:
    return {"login": login, "password": PASSWORD}


def _expect(status: int, answer: httpx.Response) -> httpx.Response:
    if answer.status_code != status:
        asked = f"{answer.request.method} {answer.request.url.path}"
        raise BenchError(f"{asked} was answered {answer.status_code}: {answer.text[:300]}")
    return answer
