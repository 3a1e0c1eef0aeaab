"""The kitchen and pickup screens, told event by event: what they show, ring and take."""

import asyncio
from typing import Any

import pytest

pytest.importorskip("playwright", reason="the browser's driver comes with the dev requirements")
from playwright.async_api import Page, expect

from tests.browser import CHROMIUM, People, TestStream
from tests.stack import Stack

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")

WALL = {"width": 1920, "height": 1080}
LANGUAGES = ["en-GB", "ru-RU"]


def ticket(number: int, status: str, **facts: Any) -> dict[str, Any]:
    """A ticket of the kitchen's stream."""
    return {
        "order_id": f"order{number}",
        "number": number,
        "status": status,
        "seq": number,
        "revision": 1,
        "items": [
            {"sku": "fries", "name": "Fries", "quantity": 1, "options": [], "station": "fryer"}
        ],
        "note": "",
        "placed_at": f"2026-01-01T12:00:{number:02}.000Z",
        "promised_at": f"2026-01-01T12:10:{number:02}.000Z",
        "ready_at": "2026-01-01T12:05:00.000Z" if status == "ready" else None,
        "cause": "cook",
        "held": False,
        "flag": None,
        "reason": None,
        **facts,
    }


async def open_board(people: People, stack: Stack, **options: Any) -> TestStream:
    context = await people.context(**{"viewport": WALL, **options})
    page = await context.new_page()
    await page.clock.install()
    stream = await TestStream.of(page)
    await page.goto(f"{stack.gateway_url}/board")
    return stream


async def open_kitchen(people: People, stack: Stack, **options: Any) -> TestStream:
    context = await people.context(**options)
    page = await context.new_page()
    stream = await TestStream.of(page)
    await page.goto(f"{stack.gateway_url}/kitchen")
    await page.locator("[name=login]").fill("cook")
    await page.locator("[name=password]").fill(stack.secrets.passwords["cook"])
    await page.locator(".sign-in .primary").click()
    await expect(page.locator(".columns")).to_be_visible()
    return stream


def numbers(ready: list[int] = [], preparing: list[int] = [], guessed: list[int] = []) -> Any:  # noqa: B006
    """The snapshot of a pickup screen."""
    causes = [("preparing", "cook", preparing), ("ready", "cook", ready)]
    causes.append(("ready", "timer", guessed))
    return {
        "preparing": preparing,
        "ready": [*ready, *guessed],
        "tickets": [
            {"number": number, "status": status, "cause": cause}
            for status, cause, among in causes
            for number in among
        ],
    }


async def freeze(page: Page) -> None:
    """Lets time pass on the page only as the test says from here on."""
    await page.clock.pause_at(await page.evaluate("() => (Date.now() + 100) / 1000"))


# How fresh it is


async def test_lost_service_shows_at_once_on_every_page(people: People, stack: Stack) -> None:
    board, kitchen = await asyncio.gather(open_board(people, stack), open_kitchen(people, stack))
    context = await people.context()
    guest = await TestStream.of(await context.new_page())
    await guest.page.goto(stack.gateway_url)
    await guest.page.get_by_role("button", name="Sign in").click()
    dialog = guest.page.locator("dialog[open]")
    await dialog.locator("[name=login]").fill("cook")
    await dialog.locator("[name=password]").fill(stack.secrets.passwords["cook"])
    await dialog.locator(".primary").click()
    snapshots = [(board, numbers()), (kitchen, {"tickets": []}), (guest, {"orders": []})]
    for stream, snapshot in snapshots:
        await stream.tell("snapshot", snapshot)
        await stream.beat()
        pill = stream.page.locator(".pill")
        await expect(pill).to_have_attribute("data-kind", "live")
        await stream.beat(away=["kitchen"])
        # It may be a hiccup.
        assert await pill.get_attribute("data-kind") == "reconnecting"
    await board.page.clock.fast_forward(4_000)
    for stream in (board, kitchen, guest):
        pill = stream.page.locator(".pill")
        await expect(pill).to_have_attribute("data-kind", "as-of")
        await stream.beat()
        await expect(pill).to_have_attribute("data-kind", "live")


async def test_silent_stream_passes_for_lost_within_eight_seconds_on_a_screen(
    people: People, stack: Stack
) -> None:
    board = await open_board(people, stack)
    pill = board.page.locator(".pill")
    await board.tell("snapshot", numbers())
    await freeze(board.page)
    await board.beat()
    for passed, kind in ((6_000, "live"), (2_000, "as-of")):
        await board.page.clock.run_for(passed)
        assert await pill.get_attribute("data-kind") == kind


async def test_tab_that_joins_a_lost_stream_is_not_live(people: People, stack: Stack) -> None:
    board = await open_board(people, stack)
    await board.tell("snapshot", numbers([7]))
    await board.beat(away=["kitchen"])
    other = await board.page.context.new_page()
    await other.goto(board.page.url)
    await expect(other.locator(".ready li")).to_have_text("7")
    await expect(other.locator(".pill")).not_to_have_attribute("data-kind", "live")
