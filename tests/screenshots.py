"""Pictures of the three pages for the documentation: ``python -m tests.screenshots``.

A small restaurant is filled with guests, and each page is taken on a phone and on a desktop, light
and dark.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, expect

from infra.dev.opening import SAMPLE_MENU
from infra.dev.settings import REPOSITORY
from tests.browser import CHROMIUM, DESKTOP, PHONE, BoardPage, GuestPage, KitchenPage, open_browser
from tests.stack import Stack

FOLDER = REPOSITORY / "docs" / "screenshots"
SETTINGS = {
    # The cook decides, so that every picture shows the same.
    "KITCHENS": json.dumps([{"name": "main", "mode": "manual", "capacity": 6}]),
    "AUTH_ARGON2_MEMORY_KIB": "64",
    "AUTH_ARGON2_TIME_COST": "1",
}
VIEWPORTS = {"phone": PHONE, "desktop": DESKTOP}
SCHEMES = ("light", "dark")


def line(sku: str, quantity: int = 1, *options: str) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity, "options": list(options)}


# What the other guests ordered, and what they wish.
ORDERS: list[tuple[list[dict[str, Any]], str]] = [
    ([line("chicken-bowl", 2, "rice", "guacamole"), line("fries")], "no onion"),
    ([line("tomato-salad"), line("chocolate-mousse", 2)], ""),
    ([line("halloumi-bowl", 1, "greens", "cheese"), line("lemon-tart")], "nut allergy"),
    ([line("fries", 3), line("onion-rings")], ""),
    ([line("chicken-bowl", 1, "brown rice"), line("caesar-salad")], ""),
    ([line("chocolate-mousse"), line("lemon-tart", 3)], "with candles, please"),
    ([line("caesar-salad", 2)], ""),
    ([line("halloumi-bowl", 2, "rice")], ""),
]
READY, COOKING = 2, 3


async def main() -> str | None:
    """Writes the pictures, or says why it could not."""
    if CHROMIUM is None:
        return "screenshots need chromium on the PATH"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), SETTINGS)
        stack.start()
        try:
            await stack.wait_ready()
            async with stack.http() as http, open_browser() as browser:
                await stack.open_house(http, SAMPLE_MENU)
                await fill_the_rail(browser, stack)
                await take_guest(browser, stack)
                await take_kitchen(browser, stack)
                await take_board(browser, stack)
        finally:
            stack.stop()
    return None


async def fill_the_rail(browser: Browser, stack: Stack) -> None:
    """Orders of other guests: some ready, some cooking, some waiting."""
    guest = GuestPage(await new_page(browser))
    await guest.open(stack.gateway_url)
    await guest.page.get_by_role("button", name="Sign in").click()
    await guest.sign_up("the-others")
    await expect(guest.page.get_by_role("button", name="Sign out")).to_be_visible()
    for items, note in ORDERS:
        await guest.order_again(items, "main", note)
    cook = await open_kitchen(browser, stack)
    await expect(cook.page.locator(".card")).to_have_count(len(ORDERS))
    for number in range(1, READY + COOKING + 1):
        await cook.tap(number, "queued")
        await cook.expect_in("preparing", number)
    for number in range(1, READY + 1):
        await cook.tap(number, "preparing")
        await cook.expect_in("ready", number)
    await guest.page.context.close()
    await cook.page.context.close()


async def take_guest(browser: Browser, stack: Stack) -> None:
    for name, viewport in VIEWPORTS.items():
        for scheme in SCHEMES:
            guest = GuestPage(await new_page(browser, viewport=viewport, color_scheme=scheme))
            await guest.open(stack.gateway_url)
            await guest.write_down("lemon-tart")
            await guest.dish("chicken-bowl").locator(".dish-row").click()
            await guest.page.mouse.wheel(0, -5000)
            await take(guest.page, f"guest-menu-{name}-{scheme}")
            await guest.dish("chicken-bowl").locator(".fold .primary").click()
            await guest.send()
            await guest.sign_up(f"anna-{name}-{scheme}")
            await guest.number()
            await take(guest.page, f"guest-ticket-{name}-{scheme}")
            await guest.page.context.close()


async def take_kitchen(browser: Browser, stack: Stack) -> None:
    for name, viewport in VIEWPORTS.items():
        cook = await open_kitchen(browser, stack, viewport=viewport)
        await expect(cook.page.locator(".card").first).to_be_visible()
        await take(cook.page, f"kitchen-{name}-dark")
        await cook.page.get_by_role("button", name="Light").click()
        await take(cook.page, f"kitchen-{name}-light")
        await cook.page.context.close()


async def take_board(browser: Browser, stack: Stack) -> None:
    for name, viewport in VIEWPORTS.items():
        for scheme in SCHEMES:
            page = await new_page(browser, viewport=viewport, color_scheme=scheme)
            board = BoardPage(page)
            await board.open(f"{stack.gateway_url}/board")
            await expect(page.locator(".ready li")).to_have_count(READY)
            await take(page, f"board-{name}-{scheme}")
            await page.context.close()


async def open_kitchen(browser: Browser, stack: Stack, **options: Any) -> KitchenPage:
    cook = KitchenPage(await new_page(browser, **options))
    await cook.open(f"{stack.gateway_url}/kitchen", "cook", stack.secrets.passwords["cook"])
    return cook


async def new_page(browser: Browser, **options: Any) -> Page:
    """A page in a browser of its own."""
    context = await browser.new_context(**{"viewport": DESKTOP, "locale": "en-GB", **options})
    return await context.new_page()


async def take(page: Page, name: str) -> None:
    await page.mouse.move(0, 0)
    await page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
