"""A real browser at the pages, and what people do there."""

import json
import os
import re
import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import (
    Browser,
    BrowserContext,
    ElementHandle,
    Locator,
    Page,
    async_playwright,
    expect,
)

from tests.stack import Stack

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

PLAIN_HOST = "orders.example"

PASSWORD = "correct horse battery"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}

# Nothing moves by itself there.
PATIO = "?kitchen=patio"
CATCH_UP_MS = 20_000


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """Chromium until the block ends."""
    # Its sandbox needs another user than root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    # A name that is not this machine's own: over plain HTTP no page there is trustworthy.
    arguments.append(f"--host-resolver-rules=MAP *{PLAIN_HOST} 127.0.0.1")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            yield browser
        finally:
            await browser.close()


class GuestPage:
    """``/`` as one guest uses it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.ticket = page.locator(".tracker")
        self.pill = page.locator(".pill")

    async def open(self, url: str) -> None:
        """Shows the menu."""
        await self.page.goto(url)
        await expect(self.dish("chicken-bowl")).to_be_visible()

    def dish(self, sku: str) -> Locator:
        """A dish on the menu."""
        return self.page.locator(f".dish[data-sku='{sku}']")

    async def write_down(self, sku: str, *options: str) -> None:
        """Puts a dish on the bill."""
        dish = self.dish(sku)
        await dish.locator(".dish-row").click()
        for option in options:
            await dish.get_by_label(option, exact=False).first.check()
        if await dish.locator("fieldset").count():
            await dish.locator(".fold .primary").click()

    async def open_bill(self) -> None:
        """On a phone the bill is a bar that opens."""
        bar = self.page.locator(".bill-bar")
        if await bar.is_visible() and await bar.get_attribute("aria-expanded") == "false":
            await bar.click()

    async def send(self) -> None:
        """Presses the button that orders."""
        await self.open_bill()
        await self.page.locator("[data-key=send]").click()

    async def sign_up(self, login: str) -> None:
        """Fills in the form that is open."""
        dialog = self.page.locator("dialog[open]")
        await expect(dialog).to_be_visible()
        # Who is new here is asked for a new account at once.
        if await dialog.locator("[autocomplete=current-password]").count():
            await dialog.locator(".link").click()
        await dialog.locator("[name=login]").fill(login)
        await dialog.locator("[name=password]").fill(PASSWORD)
        await dialog.locator(".primary").click()

    async def order_bowl(self, login: str) -> int:
        """A new guest orders a bowl; the number is his pickup number."""
        await self.write_down("chicken-bowl", "guacamole")
        await self.send()
        await self.sign_up(login)
        return await self.number()

    async def number(self) -> int:
        """The pickup number, once there is one."""
        await expect(self.ticket).to_have_class(_has("is-queued"))
        return int(await self.ticket.locator(".number").inner_text())

    async def expect_status(self, status: str) -> None:
        await expect(self.ticket).to_have_class(_has(f"is-{status}"))

    async def order_again(self, items: list[dict[str, Any]], kitchen: str, note: str = "") -> None:
        """Another order of the guest who is signed in, without all the tapping."""
        body = json.dumps({"items": items, "note": note, "kitchen": kitchen})
        status = await self.page.evaluate(
            """body => fetch('/order', {
                method: 'POST', headers: {'Content-Type': 'application/json'}, body
            }).then(answer => answer.status)""",
            body,
        )
        assert status == 201


class KitchenPage:
    """``/kitchen`` as a cook uses it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pill = page.locator(".pill")

    async def open(self, url: str, login: str, password: str) -> None:
        """Signs the cook in."""
        await self.page.goto(url)
        await self.page.locator("[name=login]").fill(login)
        await self.page.locator("[name=password]").fill(password)
        await self.page.locator(".sign-in .primary").click()
        await expect(self.pill).to_have_attribute("data-kind", "live")

    def card(self, number: int, column: str = "") -> Locator:
        """A ticket, wherever it hangs or in one column."""
        place = f".column[data-status={column}] " if column else ""
        return self.page.locator(f"{place}.card[data-number='{number}']")

    async def tap(self, number: int, column: str) -> None:
        """The one next action of a ticket that hangs in ``column``."""
        await self.foot(number, column)
        await self.card(number, column).locator(".foot").click()

    async def foot(self, number: int, column: str) -> ElementHandle:
        """The button of a ticket's next action, once a tap on it counts."""
        foot = self.card(number, column).locator(".foot")
        await expect(foot).to_be_visible()
        await self.at_rest(foot)
        return await foot.element_handle()

    async def at_rest(self, button: Locator) -> None:
        """Return when ``button`` has stayed where it is for as long as the page takes no tap on
        one that has just come there."""
        # It may be drawn anew meanwhile.
        while not await button.evaluate(AT_REST):
            pass

    async def expect_in(self, column: str, number: int) -> None:
        await expect(self.card(number, column)).to_be_visible()


AT_REST = """
(element) => new Promise((done) => {
  element.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  let spot = '';
  let since = 0;
  const look = (time) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    const now = [x, y, width, height].join();
    if (now !== spot) [spot, since] = [now, time];
    if (time - since > 550 || !element.isConnected) done(element.isConnected);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})
"""


class BoardPage:
    """``/board`` on the wall."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pill = page.locator(".pill")

    async def open(self, url: str) -> None:
        await self.page.goto(url)
        await expect(self.pill).to_have_attribute("data-kind", "live")

    def number(self, half: str, number: int) -> Locator:
        """A number in the half ``preparing`` or ``ready``."""
        return self.page.locator(f".{half} li[data-item='{number}']")


class TestStream:
    """A page's event stream in the test's hands: nothing comes but what it tells."""

    __test__ = False

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    async def of(cls, page: Page) -> "TestStream":
        """Takes the place of the event stream that ``page`` will open."""
        await page.add_init_script(
            """window.EventSource = class {
                constructor() { this.listeners = {}; window.stream = this; }
                addEventListener(event, listener) { this.listeners[event] = listener; }
                close() {}
            };"""
        )
        return cls(page)

    async def tell(self, event: str, data: dict[str, Any]) -> None:
        """Sends one event, once the page listens."""
        await self.page.wait_for_function("() => window.stream")
        await self.page.evaluate(
            """([event, data]) => window.stream.listeners[event](
                { data: JSON.stringify(data), lastEventId: '' }
            )""",
            [event, data],
        )

    async def beat(self, *, away: list[str] | None = None) -> None:
        """Sends a heartbeat: all is fresh, but for services that are ``away``."""
        now = await self.page.evaluate("() => new Date().toISOString()")
        await self.tell("heartbeat", {"kitchen_tick_at": {}, "as_of": now, "away": away or []})


class People:
    """Browsers of their own for everyone, and the first script error of any page."""

    def __init__(self, browser: Browser, stack: Stack) -> None:
        self._browser = browser
        self._stack = stack
        self._contexts: list[BrowserContext] = []
        self.errors: list[str] = []

    async def context(self, **options: Any) -> BrowserContext:
        """Somebody's browser: English, on a desktop, unless ``options`` say otherwise."""
        context = await self._browser.new_context(
            **{"viewport": DESKTOP, "locale": "en-GB", **options}
        )
        context.set_default_timeout(CATCH_UP_MS)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("console", self._note)
        self._contexts.append(context)
        return context

    def _note(self, message: Any) -> None:
        if "Content Security Policy" in message.text:
            self.errors.append(message.text)

    async def guest(self, context: BrowserContext | None = None, **options: Any) -> GuestPage:
        context = context or await self.context(**options)
        guest = GuestPage(await context.new_page())
        await guest.open(self._stack.gateway_url + "/" + PATIO)
        return guest

    async def cook(
        self, context: BrowserContext | None = None, page: Page | None = None, **options: Any
    ) -> KitchenPage:
        if page is None:
            context = context or await self.context(**options)
            page = await context.new_page()
        cook = KitchenPage(page)
        await cook.open(
            f"{self._stack.gateway_url}/kitchen{PATIO}",
            "cook",
            self._stack.secrets.passwords["cook"],
        )
        return cook

    async def board(self, **options: Any) -> BoardPage:
        context = await self.context(**options)
        board = BoardPage(await context.new_page())
        await board.open(f"{self._stack.gateway_url}/board{PATIO}")
        return board

    async def leave(self) -> None:
        for context in self._contexts:
            await context.close()


def new_login() -> str:
    return f"anna-{uuid.uuid4().hex[:8]}"


def _has(name: str) -> re.Pattern[str]:
    """A class among others."""
    return re.compile(rf"(^|\s){re.escape(name)}(\s|$)")
