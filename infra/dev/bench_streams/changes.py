"""From a cook's tap to the guest's screen, through the whole system.

Also of use to other benchmarks: ``measure_changes``.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx

from infra.dev.bench.errors import BenchError
from infra.dev.bench.guests import ORDER, Account
from infra.dev.bench.processes import cpu_seconds
from infra.dev.bench_streams.readers import Reader, open_readers, stream_request
from infra.dev.bench_streams.system import System
from infra.dev.guest import Guest, open_http
from infra.dev.sse_client import ServerSentEvent

AT_ONCE = 16
"""Calls under way at once."""
LATE_SECONDS = 30
"""How long after the last tap its arrival is waited for."""


@dataclass(frozen=True)
class Arrivals:
    """How long changes took to arrive, in seconds.

    Attributes:
        from_tap: since the cook's tap was due.
        from_change: since the moment that stands in the event.
        rate: taps a second that were answered in the end.
        client_share: how much of a core the reading process used meanwhile.
        gateway_share: how much of one the gateway used.
    """

    from_tap: Sequence[float]
    from_change: Sequence[float]
    rate: float
    client_share: float
    gateway_share: float


class Dish:
    """An order that goes back and forth between stove and counter."""

    def __init__(self, order_id: str) -> None:
        self.order_id = order_id
        self.is_ready = False
        self.tapped_at = 0.0
        self.told = asyncio.Event()


async def measure_changes(
    system: System, accounts: Sequence[Account], *, per_second: float, seconds: float
) -> Arrivals:
    """Taps so many tickets a second, each watched by its own guest, who has one stream.

    Raises:
        BenchError: a change was lost, told twice or out of order, or a call failed.
        TimeoutError: one was not told in time.
    """
    async with open_http(system.layout.gateway_url) as http:
        cook = system.staff["cook"]
        dishes = await start_cooking(http, accounts, cook)
        from_tap: list[float] = []
        from_change: list[float] = []
        faults: list[str] = []

        def tell(_: Reader, event: ServerSentEvent) -> None:
            if event.event != "status":
                return
            now, wall = time.monotonic(), time.time()
            data = json.loads(event.data)
            dish = dishes[data["order_id"]]
            wanted = "ready" if dish.is_ready else "preparing"
            if dish.told.is_set() or data["status"] != wanted:
                faults.append(f"{data['order_id']}: {data['status']} when {wanted} was due")
            dish.told.set()
            from_tap.append(now - dish.tapped_at)
            from_change.append(wall - datetime.fromisoformat(data["at"]).timestamp())

        requests = [stream_request("/order/stream", token=a.token) for a in accounts]
        async with open_readers(system.gateway_port, requests, tell):
            began = time.monotonic(), time.process_time(), cpu_seconds(system.gateway_pid)
            await _tap_all(list(dishes.values()), cook, per_second, seconds)
            took = time.monotonic() - began[0]
            client_share = (time.process_time() - began[1]) / took
            gateway_share = (cpu_seconds(system.gateway_pid) - began[2]) / took
    if faults:
        raise BenchError(f"{len(faults)} events at fault: {faults[0]}")
    return Arrivals(from_tap, from_change, len(from_tap) / took, client_share, gateway_share)


async def start_cooking(
    http: httpx.AsyncClient, accounts: Sequence[Account], cook: Guest
) -> dict[str, Dish]:
    """A new order of each account, on the stove; by their ids."""
    calling = asyncio.Semaphore(AT_ONCE)

    async def one(account: Account) -> Dish:
        async with calling:
            answer = await http.post("/order", json=ORDER, headers=account.authorization)
            dish = Dish(answer.raise_for_status().json()["id"])

            async def is_started() -> bool:
                return (await tap(cook, dish, "start")).is_success

            async def is_told() -> bool:
                answer = await http.get(f"/order/{dish.order_id}", headers=account.authorization)
                return bool(answer.raise_for_status().json()["status"] == "preparing")

            # The kitchen gets the ticket in its own time, and so does the order what it says.
            await _until(is_started)
            await _until(is_told)
        return dish

    dishes = await asyncio.gather(*(one(account) for account in accounts))
    return {dish.order_id: dish for dish in dishes}


async def _until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LATE_SECONDS):
        while True:
            if await is_so():
                return
            await asyncio.sleep(0.05)


async def _tap_all(dishes: list[Dish], cook: Guest, per_second: float, seconds: float) -> None:
    began_at = time.monotonic()

    async def change(dish: Dish, due: float) -> None:
        dish.tapped_at = due
        dish.is_ready = not dish.is_ready
        answer = await tap(cook, dish, "ready" if dish.is_ready else "recall")
        if not answer.is_success:
            raise BenchError(f"a tap was answered {answer.status_code}: {answer.text[:200]}")
        async with asyncio.timeout(LATE_SECONDS):
            await dish.told.wait()

    changing: dict[Dish, asyncio.Task[None]] = {}
    async with asyncio.TaskGroup() as tasks:
        for number in range(round(per_second * seconds)):
            dish = dishes[number % len(dishes)]
            due = began_at + number / per_second
            if (early := due - time.monotonic()) > 0:
                await asyncio.sleep(early)
            if dish in changing:
                await changing[dish]
            dish.told.clear()
            changing[dish] = tasks.create_task(change(dish, due))


async def tap(cook: Guest, dish: Dish, what: str) -> httpx.Response:
    """The cook taps ``start``, ``ready`` or ``recall``."""
    body = {"reason": "once more"} if what == "recall" else {}
    return await cook.call("POST", f"/kitchen/tickets/{dish.order_id}/{what}", json=body)
