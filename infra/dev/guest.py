"""A guest, or staff, at the gateway: an account, its session and its event stream."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx

from infra.dev.sse_client import ServerSentEvent, read_events

READ_SECONDS = 40
"""How long a stream may be silent: more than two of its heartbeats, which come every 15 s."""
LONGEST_PAUSE_SECONDS = 5.0
MOST_RENEWALS = 3
"""How many sessions a call opens anew before it believes that it is refused."""
BUSY = frozenset({429, 502, 503, 504})
"""Answers that ask to come again later."""


def open_http(base_url: str) -> httpx.AsyncClient:
    """A client with as many connections as there are streams to hold open."""
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=httpx.Timeout(30, connect=5),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
        # What a proxy of the machine's environment would do to event streams is not asked for here.
        trust_env=False,
    )


class Guest:
    """One account. Its session is opened when first needed, and again when it ends.

    Every call is made again while the gateway is away or answers that it is busy, so calls that
    change something must carry an ``Idempotency-Key`` or be harmless when repeated.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        login: str,
        password: str,
        *,
        silence_seconds: float = READ_SECONDS,
    ) -> None:
        """``silence_seconds``: how long a stream may be silent before it passes for dead."""
        self.login = login
        self._http = http
        self._password = password
        self._token = ""
        self._silence_seconds = silence_seconds
        self._signing_in = asyncio.Lock()
        self.retries = 0
        """How often a call had to be made again."""
        self.reconnects = 0
        """How often a stream had to be opened again."""

    @property
    def account(self) -> dict[str, str]:
        """Name and password, as the gateway takes them."""
        return {"login": self.login, "password": self._password}

    async def register(self) -> None:
        """Makes the account; one of that name that is there already is taken for ours."""
        answer = await self._until_served("POST", "/register", json=self.account)
        if answer.status_code != httpx.codes.CONFLICT:
            answer.raise_for_status()

    async def sign_in(self) -> None:
        """Opens a new session. Raises httpx.HTTPStatusError where the password is wrong."""
        answer = await self._until_served("POST", "/login", json=self.account)
        self._token = str(answer.raise_for_status().json()["access_token"])

    async def token(self) -> str:
        """The access token of its session, for calls that go past the gateway."""
        return await self._session("")

    async def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The gateway's answer to a call in this account's name, whatever its status."""
        token = await self._session("")
        answer = await self._until_served(method, path, token=token, **request)
        # More than once: the next one may expire too before the gateway is there to look at it.
        for _ in range(MOST_RENEWALS):
            if answer.status_code != httpx.codes.UNAUTHORIZED:
                break
            token = await self._session(token)
            answer = await self._until_served(method, path, token=token, **request)
        return answer

    async def follow(
        self, path: str = "/order/stream", *, last_id: str = ""
    ) -> AsyncIterator[ServerSentEvent]:
        """The events of ``path`` over as many connections as it takes, each after the last seen.

        Ends when the server answers that nothing more will come (204).

        Raises:
            httpx.HTTPStatusError: the stream is refused for another reason than being busy.
        """
        token = await self._session("")
        pauses = _Pauses()
        while True:
            headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
            if last_id:
                headers["Last-Event-ID"] = last_id
            try:
                async with self._http.stream(
                    "GET",
                    path,
                    headers=headers,
                    timeout=httpx.Timeout(self._silence_seconds, connect=5),
                ) as answer:
                    if answer.status_code == httpx.codes.NO_CONTENT:
                        return
                    if answer.status_code == httpx.codes.UNAUTHORIZED:
                        token = await self._session(token)
                        continue
                    if answer.status_code not in BUSY:
                        answer.raise_for_status()
                        async for event in read_events(answer.aiter_text(), last_id=last_id):
                            last_id = event.last_id
                            pauses = _Pauses()
                            yield event
            except httpx.TransportError:
                pass
            self.reconnects += 1
            await pauses.take()

    async def _session(self, unusable: str) -> str:
        """A token other than ``unusable``."""
        async with self._signing_in:
            if self._token == unusable:
                await self.sign_in()
            return self._token

    async def _until_served(
        self, method: str, path: str, *, token: str = "", **request: Any
    ) -> httpx.Response:
        headers = {**request.pop("headers", {})}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        pauses = _Pauses()
        while True:
            try:
                answer = await self._http.request(method, path, headers=headers, **request)
            except httpx.TransportError:
                await pauses.take()
            else:
                if answer.status_code not in BUSY:
                    return answer
                await pauses.take(answer.headers.get("Retry-After", ""))
            self.retries += 1


class _Pauses:
    """Waits that double, with jitter: many clients must not come back all at once."""

    def __init__(self) -> None:
        self._next = 0.1

    async def take(self, retry_after: str = "") -> None:
        wanted = float(retry_after) if retry_after.isdecimal() else self._next
        await asyncio.sleep(min(wanted, LONGEST_PAUSE_SECONDS) * random.uniform(0.5, 1))
        self._next = min(self._next * 2, LONGEST_PAUSE_SECONDS)
