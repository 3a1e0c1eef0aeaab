"""A guest's event stream, read in the background, so that a test can wait for what it tells."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Self

from infra.dev.guest import Guest

WAIT_SECONDS = 15


class Follower:
    """Reads a stream while its block runs; the block begins when the stream's first event is here.

    It reconnects by itself, as a browser would.
    """

    def __init__(self, guest: Guest, path: str = "/order/stream") -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        """Everything told so far: the event's name and its data."""
        self.last_id = ""
        self._guest = guest
        self._path = path
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._reading = asyncio.create_task(self._read())
        await self.until(lambda: bool(self.events))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        await asyncio.wait({self._reading})

    @property
    def ended(self) -> bool:
        """Whether the server said that nothing more will come."""
        return self._reading.done()

    def statuses_of(self, order_id: str) -> list[dict[str, Any]]:
        """The status events of one order."""
        return [d for e, d in self.events if e == "status" and d["order_id"] == order_id]

    async def until(self, happened: Callable[[], bool]) -> None:
        """Returns once ``happened``; TimeoutError with all that was told if that never comes."""
        try:
            async with asyncio.timeout(WAIT_SECONDS), self._news:
                await self._news.wait_for(lambda: happened() or self._failed())
        except TimeoutError:
            raise TimeoutError(f"told so far: {self.events}") from None
        if self._failed():
            self._reading.result()

    async def until_status(self, order_id: str, status: str) -> list[dict[str, Any]]:
        """The events of one order, once it has come to ``status``."""
        await self.until(lambda: any(e["status"] == status for e in self.statuses_of(order_id)))
        return self.statuses_of(order_id)

    async def until_heartbeats(self, count: int) -> None:
        """Returns when ``count`` more heartbeats have come."""
        wanted = self._heartbeats() + count
        await self.until(lambda: self._heartbeats() >= wanted)

    def _heartbeats(self) -> int:
        return sum(name == "heartbeat" for name, _ in self.events)

    def _failed(self) -> bool:
        return self._reading.done() and self._reading.exception() is not None

    async def _read(self) -> None:
        try:
            async for event in self._guest.follow(self._path):
                self.last_id = event.last_id
                await self._tell(event.event, json.loads(event.data))
        finally:
            await self._tell_waiters()

    async def _tell(self, name: str, data: dict[str, Any]) -> None:
        async with self._news:
            self.events.append((name, data))
            self._news.notify_all()

    async def _tell_waiters(self) -> None:
        async with self._news:
            self._news.notify_all()
