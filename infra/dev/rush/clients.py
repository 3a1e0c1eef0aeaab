"""The people in the house: guests who order, watch and change their minds, and the staff."""

import asyncio
import json
import random
import uuid
from collections.abc import Sequence
from typing import Any

import httpx

from infra.dev.guest import Guest
from infra.dev.replay.sales_file import SoldOrder
from infra.dev.replay.sold_menu import SoldMenu
from infra.dev.rush.diary import Asked, Diary, StreamLog, Told

SILENCE_SECONDS = 7
CALL_SECONDS = 10
REFUSED = frozenset({httpx.codes.OK, httpx.codes.CONFLICT})
"""A change of mind is taken, or comes too late."""
# Answers that no fault excuses: what is away is 503, and comes with Retry-After.
FAULTY = frozenset({500, 501, 502, 504})


class AnyGateway(httpx.AsyncBaseTransport):
    """Sends each request to one of several gateways, as a load balancer would."""

    def __init__(self, urls: Sequence[str], diary: Diary, seed: int) -> None:
        self._urls = [httpx.URL(url) for url in urls]
        self._diary = diary
        self._random = random.Random(f"{seed} gateways")
        self._inner = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
            trust_env=False,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        gateway = self._random.choice(self._urls)
        request.url = request.url.copy_with(host=gateway.host, port=gateway.port)
        answer = await self._inner.handle_async_request(request)
        self._diary.answers[answer.status_code] += 1
        where = f"{request.method} {request.url.path}"
        if answer.status_code in FAULTY:
            await answer.aread()
            self._diary.complaints.append(f"{where} was answered {answer.status_code}")
        elif answer.status_code == 503 and "Retry-After" not in answer.headers:
            self._diary.complaints.append(f"{where} was answered 503 without Retry-After")
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


def open_gateways(urls: Sequence[str], diary: Diary, seed: int) -> httpx.AsyncClient:
    """A client of all gateways at once."""
    return httpx.AsyncClient(
        base_url="http://gateway",
        transport=AnyGateway(urls, diary, seed),
        timeout=httpx.Timeout(CALL_SECONDS, connect=5),
    )


class Diner:
    """A guest who watches his orders, and edits or cancels some of them.

    Args:
        staff: who cancels what is being cooked already.
        chance: his own, so that he does the same whenever the seed is the same.
    """

    def __init__(
        self, guest: Guest, staff: Guest, menu: SoldMenu, diary: Diary, chance: random.Random
    ) -> None:
        self.guest = guest
        self._staff = staff
        self._menu = menu
        self._diary = diary
        self._chance = chance
        self._sent = 0

    async def watch(self, order_id: str = "") -> None:
        """Follows all his orders for ever, or one until its end."""
        name = f"{self.guest.login} {order_id or 'all'}"
        log = StreamLog(name, self.guest.login, order_id)
        self._diary.streams.append(log)
        path = f"/order/{order_id}/stream" if order_id else "/order/stream"
        async for event in self.guest.follow(path):
            self._diary.take(log, Told(event.event, event.last_id, json.loads(event.data)))
        log.ended = True

    async def dine(self, sold: SoldOrder, instead: SoldOrder) -> None:
        """Places one order and, perhaps, thinks better of it: then he wants ``instead``."""
        self._sent += 1
        asked = Asked(f"{self.guest.login}-{self._sent}", sold)
        self._diary.asked.append(asked)
        # All drawn before the first answer, so that faults don't change what is drawn next.
        edits, notes, cancels, staff_cancels, watches = (
            self._chance.random() < share for share in (0.15, 0.1, 0.1, 0.05, 0.12)
        )
        pauses = [self._chance.uniform(0, 1.5) for _ in range(4)]
        if not await self._place(asked):
            return
        async with asyncio.TaskGroup() as tasks:
            if watches:
                tasks.create_task(self.watch(asked.order_id))
            if edits:
                await asyncio.sleep(pauses[0])
                await self._edit(asked, instead)
            if notes:
                await asyncio.sleep(pauses[1])
                await self._write_note(asked)
            if cancels:
                await asyncio.sleep(pauses[2])
                await self._cancel(asked, self.guest)
            if staff_cancels:
                await asyncio.sleep(pauses[3])
                await self._cancel(asked, self._staff)

    async def _place(self, asked: Asked) -> bool:
        answer = await self.guest.call(
            "POST",
            "/order",
            json=self._menu.order_for(asked.sold),
            headers={"Idempotency-Key": asked.key},
        )
        if answer.status_code != httpx.codes.CREATED:
            self._complain(f"order {asked.key} was refused", answer)
            return False
        order = answer.json()
        asked.order_id = order["id"]
        asked.totals = {asked.sold.total}
        if order["total"] != asked.sold.total:
            self._complain(f"order {asked.key} costs another sum than {asked.sold.total}", answer)
        return True

    async def _edit(self, asked: Asked, instead: SoldOrder) -> None:
        lines = self._menu.order_for(instead)
        answer = await self.guest.call("PUT", f"/order/{asked.order_id}", json=lines)
        if self._is_taken(f"edit of {asked.order_id}", answer):
            asked.totals = {instead.total}
        else:
            # An earlier try may have been carried out, and only its answer lost.
            asked.totals.add(instead.total)

    async def _write_note(self, asked: Asked) -> None:
        note = f"for {self.guest.login}"
        answer = await self.guest.call("PUT", f"/order/{asked.order_id}", json={"note": note})
        if self._is_taken(f"note for {asked.order_id}", answer):
            asked.notes = {note}
        else:
            asked.notes.add(note)

    async def _cancel(self, asked: Asked, who: Guest) -> None:
        answer = await who.call(
            "DELETE", f"/order/{asked.order_id}", params={"reason": "called off"}
        )
        if self._is_taken(f"cancel of {asked.order_id}", answer):
            asked.cancelled = True

    def _is_taken(self, what: str, answer: httpx.Response) -> bool:
        if answer.status_code not in REFUSED:
            self._complain(what, answer)
        return answer.status_code == httpx.codes.OK

    def _complain(self, what: str, answer: httpx.Response) -> None:
        self._diary.complaints.append(f"{what}: {answer.status_code} {answer.text}")


class Cook:
    """Takes a ready ticket back now and then, and finishes it a moment later."""

    def __init__(self, account: Guest, chance: random.Random) -> None:
        self._account = account
        self._chance = chance
        self.recalls = 0

    async def work(self) -> None:
        """Recalls tickets for ever."""
        while True:
            await asyncio.sleep(self._chance.uniform(1, 5))
            ready = [t for t in await self._tickets() if t["status"] == "ready"]
            if ready:
                ticket = self._chance.choice(ready)
                # The seq he saw goes with each tap: one that is late must not be taken for another.
                recalled = await self._tap(ticket, "recall", reason="cold")
                if recalled is not None:
                    self.recalls += 1
                    await self._tap(recalled, "ready")

    async def finish_held(self) -> None:
        """Finishes every ticket that waits for a cook."""
        for ticket in await self._tickets():
            if ticket["held"]:
                await self._tap(ticket, "ready")

    async def _tickets(self) -> list[dict[str, Any]]:
        answer = await self._account.call("GET", "/kitchen/tickets")
        tickets: list[dict[str, Any]] = answer.raise_for_status().json()["tickets"]
        return tickets

    async def _tap(self, ticket: dict[str, Any], tap: str, **more: str) -> dict[str, Any] | None:
        answer = await self._account.call(
            "POST",
            f"/kitchen/tickets/{ticket['order_id']}/{tap}",
            json={"seq": ticket["seq"], **more},
        )
        # Somebody, or the job, was faster.
        if answer.status_code == httpx.codes.CONFLICT:
            return None
        tapped: dict[str, Any] = answer.raise_for_status().json()
        return tapped


def new_guest(http: httpx.AsyncClient, login: str) -> Guest:
    """A guest with a password of his own."""
    return Guest(http, login, uuid.uuid4().hex, silence_seconds=SILENCE_SECONDS)
