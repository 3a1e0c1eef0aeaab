"""The replay itself: guests place their share of the orders and follow them to the end."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx

from infra.clock import utc_now
from infra.dev.guest import Guest
from infra.dev.replay.ledger import Ledger
from infra.dev.replay.sales_file import SoldOrder
from infra.dev.replay.sold_menu import SoldMenu

LIST_LIMIT = 100


class RefusedOrderError(Exception):
    """The gateway will not take an order of the file, whatever is tried. For people."""


@dataclass
class Pace:
    """How fast it went. Times are the event loop's, in seconds."""

    began_at: float = 0.0
    placed_at: float = 0.0
    completed_at: float = 0.0


class Replay:
    """One replay of a file through a gateway.

    Args:
        http: to the gateway.
        sold: the orders, placed in this order as far as ``concurrency`` permits.
        orders_per_guest: how many orders share an account; making an account costs a password
            hash, which is slow on purpose.
        concurrency: how many calls are under way at once.
        patience_seconds: how long nothing may happen before the rest is given up.
        on_progress: called whenever the books have changed.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        sold: Sequence[SoldOrder],
        menu: SoldMenu,
        *,
        orders_per_guest: int,
        concurrency: int,
        patience_seconds: float,
        on_progress: Callable[[Ledger], None],
    ) -> None:
        self.ledger = Ledger(sold)
        self.pace = Pace()
        self.listed: list[dict[str, Any]] | None = None
        self.guests: list[Guest] = []
        self._http = http
        self._sold = sold
        self._menu = menu
        self._orders_per_guest = orders_per_guest
        self._slots = asyncio.Semaphore(concurrency)
        self._patience_seconds = patience_seconds
        self._on_progress = on_progress
        self._moved = asyncio.Event()

    async def run(self) -> None:
        """Places all orders, waits until all are finished, and reads the guests' lists.

        Raises:
            RefusedOrderError: an order was refused.
            httpx.HTTPStatusError: an account or a stream was refused.
        """
        loop = asyncio.get_running_loop()
        self.guests = await self._make_guests()
        async with self._following():
            self.pace.began_at = loop.time()
            async with asyncio.TaskGroup() as placing:
                for index, order in enumerate(self._sold):
                    guest = self.guests[index // self._orders_per_guest]
                    await self._slots.acquire()
                    placing.create_task(self._place(guest, order))
            self.pace.placed_at = loop.time()
            with suppress(TimeoutError):
                await self._wait_until_finished()
            self.pace.completed_at = loop.time()
        self.listed = [order for guest in self.guests async for order in _list_orders(guest)]

    async def _make_guests(self) -> list[Guest]:
        count = -(-len(self._sold) // self._orders_per_guest)
        run = uuid.uuid4().hex[:8]
        guests = [
            Guest(self._http, f"replay-{run}-{number}", uuid.uuid4().hex) for number in range(count)
        ]

        async def make(guest: Guest) -> None:
            async with self._slots:
                await guest.register()
                await guest.sign_in()

        async with asyncio.TaskGroup() as making:
            for guest in guests:
                making.create_task(make(guest))
        return guests

    @asynccontextmanager
    async def _following(self) -> AsyncIterator[None]:
        """Every guest's stream is open, and its first snapshot read, while the block runs."""
        opened = [asyncio.Event() for _ in self.guests]
        async with asyncio.TaskGroup() as following:
            tasks = [
                following.create_task(self._follow(guest, event))
                for guest, event in zip(self.guests, opened, strict=True)
            ]
            for event in opened:
                await event.wait()
            yield
            for task in tasks:
                task.cancel()

    async def _follow(self, guest: Guest, opened: asyncio.Event) -> None:
        async for event in guest.follow():
            arrived_at = utc_now()
            data = json.loads(event.data)
            if event.event == "status":
                self.ledger.take_event(data, arrived_at)
                self._tell()
            elif event.event == "snapshot":
                self.ledger.take_snapshot(data["orders"])
                opened.set()

    async def _place(self, guest: Guest, sold: SoldOrder) -> None:
        try:
            answer = await guest.call(
                "POST",
                "/order",
                json=self._menu.order_for(sold),
                headers={"Idempotency-Key": str(uuid.uuid4())},
            )
        finally:
            self._slots.release()
        if answer.status_code != httpx.codes.CREATED:
            raise RefusedOrderError(
                f"order {sold.number} of the file was refused ({answer.status_code}): {answer.text}"
            )
        self.ledger.acknowledge(sold, answer.json())
        self._tell()

    async def _wait_until_finished(self) -> None:
        while self.ledger.finished < self.ledger.acknowledged:
            self._moved.clear()
            async with asyncio.timeout(self._patience_seconds):
                await self._moved.wait()

    def _tell(self) -> None:
        self._moved.set()
        self._on_progress(self.ledger)


async def _list_orders(guest: Guest) -> AsyncIterator[dict[str, Any]]:
    cursor = ""
    while True:
        answer = await guest.call(
            "GET", "/order", params={"limit": LIST_LIMIT, **({"cursor": cursor} if cursor else {})}
        )
        page = answer.raise_for_status().json()
        for order in page["orders"]:
            yield order
        cursor = page["next_cursor"] or ""
        if not cursor:
            return
