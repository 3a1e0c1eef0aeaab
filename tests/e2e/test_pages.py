"""The three pages in a real browser: live, whatever dies meanwhile, and fit for everyone."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("playwright", reason="the browser's driver comes with the dev requirements")
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, Request, Route, expect

from tests.browser import (
    CATCH_UP_MS,
    CHROMIUM,
    DESKTOP,
    PATIO,
    PHONE,
    BoardPage,
    GuestPage,
    KitchenPage,
    People,
    TestStream,
    new_login,
)
from tests.stack import Stack

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")

BOWL = {"sku": "chicken-bowl", "quantity": 1, "options": ["rice"]}
TART = {"sku": "lemon-tart", "quantity": 2, "options": []}


@asynccontextmanager
async def never_reloaded(*pages: Page) -> AsyncIterator[None]:
    for page in pages:
        await page.evaluate("() => { window.isTheSame = true; }")
    yield
    for page in pages:
        assert await page.evaluate("() => window.isTheSame")


# The story


async def test_order_moves_on_all_three_pages_without_reload(people: People) -> None:
    guest, cook, board = await asyncio.gather(people.guest(), people.cook(), people.board())
    async with never_reloaded(guest.page, cook.page, board.page):
        number = await guest.order_bowl(new_login())
        await cook.tap(number, "queued")
        await guest.expect_status("preparing")
        await expect(board.number("preparing", number)).to_be_visible()
        await cook.tap(number, "preparing")
        await guest.expect_status("ready")
        await expect(board.number("ready", number)).to_be_visible()
        await expect(board.number("preparing", number)).to_have_count(0)
        await cook.tap(number, "ready")
        await guest.expect_status("completed")
        await expect(board.number("ready", number)).to_have_count(0)
        await expect(cook.card(number)).to_have_count(0)
    stops = guest.ticket.locator(".stops time")
    await expect(stops).to_have_count(5)


async def test_pages_catch_up_by_themselves_after_gateway_and_order_die(
    people: People, stack: Stack
) -> None:
    guest, cook, board = await asyncio.gather(people.guest(), people.cook(), people.board())
    number = await guest.order_bowl(new_login())
    pills = (guest.pill, cook.pill, board.pill)
    async with never_reloaded(guest.page, cook.page, board.page):
        async with absent(stack, "gateway"):
            for pill in pills:
                await expect(pill).not_to_have_attribute("data-kind", "live")
        for pill in pills:
            await expect(pill).to_have_attribute("data-kind", "live")
        await cook.tap(number, "queued")
        await guest.expect_status("preparing")
        async with absent(stack, "order"):
            # The kitchen goes on by itself, and the guest's page says how old what it shows is.
            await cook.tap(number, "preparing")
            await cook.expect_in("ready", number)
            await expect(board.number("ready", number)).to_be_visible()
            await expect(guest.pill).to_have_attribute("data-kind", "as-of", timeout=40_000)
        await guest.expect_status("ready")
        await expect(guest.pill).to_have_attribute("data-kind", "live")


async def test_killed_kitchen_shows_on_every_page(people: People, stack: Stack) -> None:
    guest, cook, board = await asyncio.gather(people.guest(), people.cook(), people.board())
    await guest.order_bowl(new_login())
    pills = (guest.pill, cook.pill, board.pill)
    async with absent(stack, "kitchen"):
        for pill in pills:
            await expect(pill).to_have_attribute("data-kind", "as-of")
        for page in (cook.page, board.page):
            await expect(page.locator("body")).to_have_attribute("data-stale", NO_KITCHEN)
    for pill in pills:
        await expect(pill).to_have_attribute("data-kind", "live")


NO_KITCHEN = re.compile("kitchen (service )?does not answer")


@asynccontextmanager
async def absent(stack: Stack, service: str) -> AsyncIterator[None]:
    """Kills a service, and starts it again whatever happens in the block."""
    stack.kill(service)
    try:
        yield
    finally:
        stack.start_service(service)
        await stack.wait_ready()


async def test_signing_out_ends_the_stream_in_every_tab(people: People) -> None:
    guest = await people.guest()
    await guest.order_bowl(new_login())
    other = GuestPage(await guest.page.context.new_page())
    await other.page.goto(guest.page.url)
    await expect(other.ticket).to_be_visible()

    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def note_end(request: Request) -> None:
        if "/order/stream" in request.url and not ended.done():
            ended.set_result(None)

    # Ended by the page or by the gateway, whichever is quicker.
    guest.page.context.on("requestfailed", note_end)
    guest.page.context.on("requestfinished", note_end)
    await other.page.get_by_role("button", name="Sign out").click()
    async with asyncio.timeout(CATCH_UP_MS / 1000):
        await ended
    # The tab where nobody pressed anything says what happened, and asks for nothing.
    await expect(guest.page.get_by_role("alert")).to_contain_text("You were signed out")
    for page in (guest.page, other.page):
        await expect(page.locator("#nav").get_by_role("button", name="Sign in")).to_be_visible()
        await expect(page.locator(".tracker, dialog[open]")).to_have_count(0)
    await expect(other.page.locator(".strip")).to_have_count(0)


async def test_cook_who_signs_out_leaves_no_board_in_any_tab(people: People) -> None:
    cook = await people.cook()
    other = await cook.page.context.new_page()
    await other.goto(cook.page.url)
    await expect(other.locator(".columns")).to_be_visible()
    await cook.page.get_by_role("button", name="Sign out").click()
    await expect(other.locator(".sign-in .hint")).to_contain_text("You were signed out")
    await expect(cook.page.locator(".sign-in .hint")).to_contain_text("for cooks")
    for page in (cook.page, other):
        await expect(page.locator(".columns")).to_have_count(0)


async def test_hand_over_is_sent_before_the_cook_signs_out(people: People) -> None:
    guest, cook = await asyncio.gather(people.guest(), people.cook())
    number = await guest.order_bowl(new_login())
    for column in ("queued", "preparing", "ready"):
        await cook.tap(number, column)
    await cook.page.get_by_role("button", name="Sign out").click()
    await guest.expect_status("completed")


async def test_tabs_share_one_stream_and_pass_it_on(people: People) -> None:
    guest = await people.guest()
    streams: list[str] = []
    guest.page.context.on(
        "request",
        lambda request: streams.append(request.url) if "/order/stream" in request.url else None,
    )
    number = await guest.order_bowl(new_login())
    other = GuestPage(await guest.page.context.new_page())
    await other.page.goto(guest.page.url)
    await other.expect_status("queued")
    await expect(other.pill).to_have_attribute("data-kind", "live")
    assert len(streams) == 1
    # The tab that has the stream goes; the other resumes where that was.
    async with other.page.expect_request(lambda request: "last_event_id=" in request.url):
        await guest.page.close()
    cook = await people.cook()
    await cook.tap(number, "queued")
    await other.expect_status("preparing")
    assert len(streams) == 2


# The guest


async def test_who_is_new_here_is_asked_for_a_new_account(people: People) -> None:
    guest = await people.guest()
    heading = guest.page.locator("dialog[open] h2")
    await guest.write_down("lemon-tart")
    await guest.send()
    await expect(heading).to_have_text("Nice to meet you")
    await guest.sign_up(new_login())
    await guest.number()
    await guest.page.get_by_role("button", name="Sign out").click()
    await guest.write_down("lemon-tart")
    await guest.send()
    await expect(heading).to_have_text("Welcome back")


async def test_guest_changes_and_cancels_while_that_is_allowed(people: People) -> None:
    guest = await people.guest()
    await guest.order_bowl(new_login())
    await guest.ticket.get_by_role("button", name="Change").click()
    await guest.write_down("chocolate-mousse")
    await guest.send()
    await expect(guest.ticket.locator(".line")).to_have_count(2)
    await guest.ticket.get_by_role("button", name="Cancel order").click()
    await guest.ticket.get_by_role("button", name="Yes, cancel it").click()
    await guest.expect_status("cancelled")
    await expect(guest.ticket.get_by_role("button", name="Order again")).to_be_visible()


async def test_menu_on_a_phone_says_which_order_is_changed(people: People) -> None:
    guest = await people.guest(viewport=PHONE)
    number = await guest.order_bowl(new_login())
    # However far down the menu was left.
    await guest.page.get_by_role("link", name="Menu").click()
    await expect(guest.page.locator(".strip")).to_contain_text(f"Your order {number}")
    await guest.dish("lemon-tart").scroll_into_view_if_needed()
    await guest.page.go_back()
    await guest.ticket.get_by_role("button", name="Change").click()
    strip = guest.page.locator(".strip")
    await expect(strip).to_contain_text(f"Changing order {number}")
    await expect(strip).to_be_in_viewport()
    await strip.get_by_role("button", name="Discard changes").click()
    await guest.expect_status("queued")
    await guest.page.get_by_role("link", name="Menu").click()
    await expect(strip).to_contain_text(f"Your order {number}")


async def test_menu_tells_of_the_order_that_is_ready_before_a_newer_one(people: People) -> None:
    guest, cook = await asyncio.gather(people.guest(), people.cook())
    number = await guest.order_bowl(new_login())
    await guest.order_again([TART], "patio")
    await cook.tap(number, "queued")
    await cook.tap(number, "preparing")
    await guest.expect_status("ready")
    await expect(guest.page.locator("#nav .count")).to_have_text("2")
    await guest.page.get_by_role("link", name="Menu").click()
    strip = guest.page.locator(".strip")
    await expect(strip).to_contain_text("Ready for you")
    await expect(strip).to_contain_text(f"Your order {number}")


async def test_what_can_no_longer_be_changed_says_why(people: People) -> None:
    guest, cook = await asyncio.gather(people.guest(), people.cook())
    number = await guest.order_bowl(new_login())
    await cook.tap(number, "queued")
    await guest.expect_status("preparing")
    await expect(guest.ticket.get_by_role("button", name="Cancel order")).to_have_count(0)
    await expect(guest.ticket.locator(".hint")).to_contain_text("Cooking has started")


async def test_order_that_is_not_there_leads_to_those_that_are(people: People) -> None:
    guest = await people.guest()
    number = await guest.order_bowl(new_login())
    # The last sign of an id may be any.
    await guest.page.evaluate("() => { location.hash = location.hash.slice(0, -4) + '0000'; }")
    await expect(guest.page.get_by_role("alert")).to_have_text("There is no such order.")
    await guest.page.get_by_role("button", name="See your orders").click()
    await expect(guest.page.locator(".stub .figure")).to_have_text(str(number))


async def test_dish_sold_out_meanwhile_stays_on_the_bill_with_a_word(people: People) -> None:
    guest, cook = await asyncio.gather(people.guest(), people.cook())
    await guest.write_down("lemon-tart")
    await cook.page.get_by_role("button", name="Sold out").click()
    tart = cook.page.get_by_role("switch", name=re.compile("Lemon Tart"))
    try:
        async with cook.page.expect_response(lambda it: it.request.method == "PATCH"):
            await tart.click()
        await guest.send()
        await guest.sign_up(new_login())
        await expect(guest.page.locator(".bill [role=alert]")).to_have_text(
            "Something has just sold out. Lemon Tart: sold out."
        )
        await expect(guest.dish("lemon-tart")).to_contain_text("sold out")
    finally:
        async with cook.page.expect_response(lambda it: it.request.method == "PATCH"):
            await tart.click()


async def test_paused_house_says_so_and_takes_no_order(people: People) -> None:
    guest, cook = await asyncio.gather(people.guest(), people.cook())
    await guest.write_down("lemon-tart")
    try:
        async with cook.page.expect_response(lambda it: it.request.method == "PUT"):
            await cook.page.get_by_role("button", name="Pause orders").click()
        # A page that has not heard of it yet is told by the answer.
        await guest.send()
        await guest.sign_up(new_login())
        await expect(guest.page.locator(".bill [role=alert]")).to_contain_text("Orders are paused")
        await expect(guest.page.locator(".strip")).to_contain_text("Orders are paused")
        await expect(guest.page.locator("[data-key=send]")).to_be_disabled()
    finally:
        async with cook.page.expect_response(lambda it: it.request.method == "PUT"):
            await cook.page.get_by_role("button", name="Take orders again").click()
    await guest.page.reload()
    await expect(guest.page.locator("[data-key=send]")).to_be_enabled()
    await expect(guest.page.locator(".strip")).to_have_count(0)


async def test_paused_house_takes_things_off_an_order_and_adds_none(
    people: People, stack: Stack
) -> None:
    guest = await people.guest()
    await guest.write_down("lemon-tart")
    await guest.write_down("lemon-tart")
    await guest.send()
    await guest.sign_up(new_login())
    await guest.number()
    cook = stack.staff("cook")
    bill = guest.page.locator(".bill")
    (await cook.call("PUT", "/house/pause", json={"paused": True})).raise_for_status()
    try:
        await guest.ticket.get_by_role("button", name="Change").click()
        await bill.get_by_role("button", name="One Lemon Tart more").click()
        await guest.send()
        await expect(bill.locator("> * [role=alert]").first).to_contain_text("take things off")
        for _ in range(2):
            await bill.get_by_role("button", name="One Lemon Tart fewer").click()
        await guest.send()
        await guest.expect_status("queued")
        await expect(guest.ticket.locator(".times")).to_have_text("1×")
    finally:
        (await cook.call("PUT", "/house/pause", json={"paused": False})).raise_for_status()


async def test_closed_house_tells_its_hours(people: People, stack: Stack) -> None:
    page = await (await people.context()).new_page()
    days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    house = {
        "hours": [{"day": day, "opens": "11:00", "closes": "22:00"} for day in days],
        "time_zone": "Europe/Paris",
        "paused": False,
        "reason": None,
        "serving": False,
    }
    await page.route("**/house", lambda route: route.fulfill(json=house))
    await page.goto(stack.gateway_url)
    words = re.compile(r"We’re closed now\. We open (today|on \w+) at 11:00\.$")
    await expect(page.locator(".strip")).to_have_text(words)
    await expect(page.locator("[data-key=send]")).to_have_text("Closed now")
    await assert_accessible(page)


async def test_order_whose_answer_was_lost_is_placed_once(people: People) -> None:
    guest = await people.guest()
    lost = 0

    async def lose_first_answer(route: Route) -> None:
        nonlocal lost
        if route.request.method == "POST" and not lost:
            lost += 1
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await guest.page.route("**/order", lose_first_answer)
    await guest.write_down("chicken-bowl")
    await guest.send()
    await guest.sign_up(new_login())
    await expect(guest.page.locator(".bill [role=alert]")).to_contain_text("can’t reach")
    await guest.send()
    await guest.number()
    orders = await guest.page.evaluate(
        "() => fetch('/order?limit=20').then(answer => answer.json())"
    )
    assert len(orders["orders"]) == 1


@asynccontextmanager
async def price_changed(stack: Stack, sku: str, price: int) -> AsyncIterator[None]:
    """The owner sets another price for a dish, and the old one at the end."""
    owner = stack.staff("admin")
    menu = (await owner.call("GET", "/menu")).json()
    before = {name: menu[name] for name in ("currency", "items")}
    items = [dish | {"price": price} if dish["sku"] == sku else dish for dish in menu["items"]]
    try:
        (await owner.call("PUT", "/menu", json=before | {"items": items})).raise_for_status()
        yield
    finally:
        (await owner.call("PUT", "/menu", json=before)).raise_for_status()


@pytest.mark.parametrize(
    ("locale", "was", "now", "yes", "back"),
    [
        ("en-GB", "€5.60", "€19.60", "Order for €19.60", "Back"),
        ("ru-RU", "5,60 €", "19,60 €", "Заказать за 19,60 €", "Назад"),
    ],
)
async def test_price_that_changed_under_an_open_bill_is_asked_about(
    people: People, stack: Stack, locale: str, was: str, now: str, yes: str, back: str
) -> None:
    guest = await people.guest(locale=locale)
    bill = guest.page.locator(".bill")
    await guest.write_down("lemon-tart")
    async with price_changed(stack, "lemon-tart", 1960):
        await guest.send()
        await guest.sign_up(new_login())
        question = bill.get_by_role("group", name=re.compile("price|цена", re.I))
        await expect(question).to_contain_text(was)
        await expect(question).to_contain_text(now)
        await expect(question.locator("li")).to_contain_text("Lemon Tart")
        await expect(question.get_by_role("button", name=back)).to_be_focused()
        await expect(bill.locator("[data-key=send]")).to_be_hidden()
        await assert_accessible(guest.page)
        await question.get_by_role("button", name=back).click()
        await expect(question).to_be_hidden()
        await expect(bill.locator("[data-key=send]")).to_contain_text(now)
        listed = await guest.page.evaluate("() => fetch('/order').then(it => it.json())")
        assert listed["orders"] == []
        async with price_changed(stack, "lemon-tart", 560):
            await guest.send()
            await expect(question).to_be_visible()
        # It moved once more while the guest thought.
        await question.get_by_role("button", name=was).click()
        await question.get_by_role("button", name=yes).click()
        await guest.number()
        await expect(guest.ticket.locator(".total")).to_contain_text(now)


async def test_order_whose_answer_was_lost_is_placed_once_though_its_price_changed(
    people: People, stack: Stack
) -> None:
    guest = await people.guest()
    lost = 0

    async def lose_first_answer(route: Route) -> None:
        nonlocal lost
        if route.request.method == "POST" and not lost:
            lost += 1
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await guest.page.route("**/order", lose_first_answer)
    await guest.write_down("lemon-tart")
    await guest.send()
    await guest.sign_up(new_login())
    await expect(guest.page.locator(".bill [role=alert]")).to_contain_text("can’t reach")
    async with price_changed(stack, "lemon-tart", 1960):
        # The page hears of it when it is looked at again.
        await guest.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
        await expect(guest.page.locator("[data-key=send]")).to_contain_text("€19.60")
        await guest.send()
        await guest.number()
    await expect(guest.ticket.locator(".total")).to_contain_text("€5.60")
    listed = await guest.page.evaluate("() => fetch('/order').then(it => it.json())")
    assert len(listed["orders"]) == 1


async def test_changed_order_comes_to_what_the_page_said_kept_prices_included(
    people: People, stack: Stack
) -> None:
    guest = await people.guest()
    await guest.write_down("lemon-tart")
    await guest.send()
    await guest.sign_up(new_login())
    await guest.number()
    bill = guest.page.locator(".bill")
    send = bill.locator("[data-key=send]")
    more = bill.get_by_role("button", name="One Lemon Tart more")
    async with price_changed(stack, "lemon-tart", 1000):
        await guest.page.reload()
        await guest.ticket.get_by_role("button", name="Change").click()
        await expect(send).to_contain_text("€5.60")
        await more.click()
        await expect(send).to_contain_text("€15.60")
        await guest.send()
        await guest.expect_status("queued")
        await expect(guest.ticket.locator(".total")).to_contain_text("€15.60")
        await expect(guest.ticket.locator(".line")).to_have_count(2)
        await guest.ticket.get_by_role("button", name="Change").click()
        await expect(bill.locator(".line")).to_have_count(1)
        await more.click()
        async with price_changed(stack, "lemon-tart", 3000):
            await guest.send()
            question = bill.get_by_role("group", name=re.compile("price", re.I))
            await expect(question).to_contain_text("€25.60")
            await question.get_by_role("button", name="Save for €45.60").click()
            await guest.expect_status("queued")
            await expect(guest.ticket.locator(".total")).to_contain_text("€45.60")


def small_menu(currency: str, digits: int, price: int, *options: int) -> dict[str, Any]:
    group = {
        "name": "size",
        "min": 0,
        "max": 2,
        "options": [{"name": f"size {price}", "price": price} for price in options],
    }
    dish = {
        "sku": "chicken-bowl",
        "name": "Bowl",
        "category": "Bowls",
        "station": "grill",
        "price": price,
        "prep_seconds": 1,
        "available": True,
        "option_groups": [group],
    }
    return {
        "version": 9_999,
        "currency": currency,
        "currency_digits": digits,
        "items": [dish],
    }


@pytest.mark.parametrize(
    ("currency", "digits", "price", "shown"),
    [
        ("HUF", 2, 99_000, "HUF\u00a0990.00"),
        ("JPY", 0, 1_050, "JP¥1,050"),
        ("KWD", 3, 1_050, "KWD\u00a01.050"),
        # What the page is told counts, whatever the browser knows of the currency.
        ("EUR", 3, 1_050, "€1.050"),
    ],
)
async def test_minor_units_are_divided_as_the_menu_says(
    people: People, stack: Stack, currency: str, digits: int, price: int, shown: str
) -> None:
    page = await (await people.context()).new_page()
    menu = small_menu(currency, digits, price)
    await page.route("**/menu", lambda route: route.fulfill(json=menu))
    await page.goto(stack.gateway_url)
    await expect(page.locator(".dish .price").first).to_have_text(shown)


async def test_menu_that_a_browser_kept_from_the_release_before_is_read_anew(
    people: People, stack: Stack
) -> None:
    page = await (await people.context()).new_page()
    menu = small_menu("JPY", 0, 1_050)
    await page.route("**/menu", lambda route: route.fulfill(json=menu))
    await page.add_init_script(
        """const { fetch } = window;
        window.fetch = async (path, options) => {
            const answer = await fetch(path, options);
            if (path !== '/menu' || options.cache === 'reload') return answer;
            const { currency_digits, ...kept } = await answer.json();
            return new Response(JSON.stringify(kept), answer);
        };"""
    )
    await page.goto(stack.gateway_url)
    await expect(page.locator(".dish .price").first).to_have_text("JP¥1,050")


async def test_house_without_a_menu_has_a_page(people: People, stack: Stack) -> None:
    page = await (await people.context()).new_page()
    menu = {"version": 0, "currency": "", "currency_digits": 2, "items": []}
    await page.route("**/menu", lambda route: route.fulfill(json=menu))
    await page.goto(stack.gateway_url)
    await expect(page.locator(".menu .empty")).to_be_visible()


async def test_option_that_makes_a_dish_cheaper_shows_so_and_never_pays_the_guest(
    people: People, stack: Stack
) -> None:
    page = await (await people.context()).new_page()
    menu = small_menu("EUR", 2, 200, -150, -100, 50)
    await page.route("**/menu", lambda route: route.fulfill(json=menu))
    await page.goto(stack.gateway_url)
    await page.locator(".dish-row").click()
    prices = page.locator(".option .price")
    await expect(prices).to_have_text(["-€1.50", "-€1.00", "+€0.50"])
    add = page.locator(".fold .primary")
    for label, shown in (("size -150", "€0.50"), ("size -100", "€0.00")):
        await page.get_by_label(label, exact=False).check()
        await expect(add).to_contain_text(shown)
    await add.click()
    await expect(page.locator(".bill .total")).to_contain_text("€0.00")


async def test_russian_browser_reads_russian(people: People) -> None:
    guest = await people.guest(locale="ru-RU")
    await expect(guest.page.locator("html")).to_have_attribute("lang", "ru")
    await expect(guest.page.get_by_role("heading", level=1)).to_have_text("Что вам приготовить?")
    await expect(guest.dish("chicken-bowl").locator(".price").first).to_have_text(
        re.compile(r"9,90\s€")
    )


@pytest.mark.parametrize(
    ("locale", "seconds", "words"),
    [
        ("en-GB", 30, "Try again in a minute."),
        ("en-GB", 840, "Try again in 14 minutes."),
        ("ru-RU", 30, "Попробуйте через минуту."),
        ("ru-RU", 121, "Попробуйте через 3 минуты."),
        ("ru-RU", 840, "Попробуйте через 14 минут."),
    ],
)
async def test_who_tried_too_often_is_told_how_long_to_wait(
    people: People, locale: str, seconds: int, words: str
) -> None:
    guest = await people.guest(locale=locale)
    problem = {"type": "/problems/too-many-attempts", "status": 429, "retry_after": seconds}
    await guest.page.route("**/session", lambda it: it.fulfill(status=429, json=problem))
    await guest.page.locator("#nav button").click()
    form = guest.page.locator(".sign-in")
    await form.locator("[name=login]").fill(new_login())
    await form.locator("[name=password]").fill("not my password")
    await form.locator(".primary").click()
    await expect(form.get_by_role("alert")).to_contain_text(words)


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_first_paint_does_not_jump(
    people: People, stack: Stack, viewport: dict[str, int]
) -> None:
    page = await (await people.context(viewport=viewport)).new_page()
    await page.add_init_script(
        """window.shift = 0;
        new PerformanceObserver(list => {
            for (const entry of list.getEntries()) window.shift += entry.value;
        }).observe({type: 'layout-shift', buffered: true});"""
    )
    await page.goto(stack.gateway_url)
    await expect(page.locator(".dish").first).to_be_visible()
    await page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    # What web.dev calls good.
    assert await page.evaluate("() => window.shift") < 0.1


# The kitchen


async def test_hand_over_taken_back_is_never_sent(people: People) -> None:
    guest, cook = await asyncio.gather(people.guest(), people.cook())
    number = await guest.order_bowl(new_login())
    sent: list[str] = []
    cook.page.on("request", lambda request: sent.append(request.url))
    await cook.tap(number, "queued")
    await cook.tap(number, "preparing")
    await cook.tap(number, "ready")
    foot = cook.card(number).locator(".foot")
    await expect(foot).to_contain_text("Undo")
    await cook.page.keyboard.press("u")
    await expect(foot).to_have_text("Hand over")
    await expect(guest.ticket).to_have_class(re.compile("is-ready"))
    assert not [url for url in sent if "/complete" in url]


async def test_recalled_ticket_goes_back_with_its_reason(people: People) -> None:
    guest, cook = await asyncio.gather(people.guest(), people.cook())
    number = await guest.order_bowl(new_login())
    await cook.tap(number, "queued")
    await cook.tap(number, "preparing")
    button = cook.card(number, "ready").get_by_role("button", name="Recall")
    await cook.at_rest(button)
    await button.click()
    await cook.page.get_by_role("button", name="Wrong dish").click()
    await cook.expect_in("preparing", number)
    await expect(cook.card(number)).to_contain_text("recalled")
    await guest.expect_status("preparing")
    await expect(guest.ticket.locator(".promise")).to_contain_text("putting something right")


async def test_changed_ticket_shows_what_was_struck_and_added_until_acknowledged(
    people: People,
) -> None:
    guest, cook = await asyncio.gather(people.guest(), people.cook())
    number = await guest.order_bowl(new_login())
    await cook.expect_in("queued", number)
    await guest.ticket.get_by_role("button", name="Change").click()
    bill = guest.page.locator(".bill")
    await bill.get_by_role("button", name="One Chicken Bowl more").click()
    await guest.send()
    card = cook.card(number)
    await expect(card.locator("del")).to_contain_text("1×Chicken Bowl")
    await expect(card.locator("ins")).to_contain_text("2×Chicken Bowl")
    button = card.get_by_role("button", name="Got it")
    await cook.at_rest(button)
    await button.click()
    await expect(card.locator(".flag, del, ins")).to_have_count(0)


@pytest.mark.parametrize(
    ("before", "after", "marks"),
    [
        ([5, 1], [5], {"gone": [1]}),
        ([1, 1], [1], {"gone": [1]}),
        ([1, 1, 1], [1], {"gone": [1, 1]}),
        ([1], [1, 1], {"added": [1]}),
        ([5, 1], [1, 5], {}),
        # As many portions as before: nothing for a cook to do.
        ([5, 1], [6], {}),
        ([5, 1], [7], {"gone": [5, 1], "added": [7]}),
    ],
)
async def test_equal_lines_of_a_changed_ticket_are_counted(
    people: People, stack: Stack, before: list[int], after: list[int], marks: dict[str, list[int]]
) -> None:
    page = await (await people.context()).new_page()
    await page.goto(f"{stack.gateway_url}/board")
    lines = await page.evaluate(
        """async ([before, after]) => {
            const { src } = document.querySelector('script[type=module]');
            const { KitchenBoard } = await import(new URL('kitchen_board.js', src));
            const board = new KitchenBoard();
            const ticket = (revision, quantities, flag) => ({
                order_id: 'x', status: 'queued', revision, flag,
                items: quantities.map(quantity => ({sku: 'bowl', quantity, options: ['rice']})),
            });
            board.apply('snapshot', {tickets: [ticket(1, before, null)]});
            board.apply('ticket', ticket(2, after, 'changed'));
            return board.lines(board.get('x'));
        }""",
        [before, after],
    )
    found: dict[str, list[int]] = {}
    for line in lines:
        if "mark" in line:
            found.setdefault(line["mark"], []).append(line["quantity"])
    assert found == marks
    assert [line["quantity"] for line in lines if line.get("mark") != "gone"] == after


async def test_ticket_voided_while_cooking_stands_out_until_acknowledged(people: People) -> None:
    guest, cook = await asyncio.gather(people.guest(), people.cook())
    number = await guest.order_bowl(new_login())
    await cook.tap(number, "queued")
    await cook.expect_in("preparing", number)
    button = cook.card(number).get_by_role("button", name="Void")
    await cook.at_rest(button)
    await button.click()
    await cook.page.get_by_role("button", name="The guest left").click()
    card = cook.card(number, "preparing")
    await expect(card.locator(".flag")).to_contain_text("stop cooking")
    await guest.expect_status("cancelled")
    await expect(guest.ticket.locator(".promise")).to_contain_text("The guest left")
    button = card.locator(".foot")
    await cook.at_rest(button)
    await button.click()
    await expect(card).to_have_count(0)


async def test_board_works_by_keyboard_alone(people: People) -> None:
    guest, cook = await asyncio.gather(people.guest(), people.cook())
    number = await guest.order_bowl(new_login())
    await guest.order_again([TART], "patio")
    await cook.expect_in("queued", number + 1)
    keyboard = cook.page.keyboard

    async def find() -> None:
        await keyboard.type(str(number))
        await keyboard.press("Enter")
        await expect(cook.card(number).locator(".foot")).to_be_focused()

    async def expect_focus_in(column: str) -> None:
        focused = cook.page.locator(f".column[data-status={column}] .foot:focus")
        await expect(focused).to_have_count(1)

    await find()
    await keyboard.press("Enter")
    await cook.expect_in("preparing", number)
    await find()
    await keyboard.press("ArrowLeft")
    await expect_focus_in("queued")
    await keyboard.press("ArrowRight")
    await expect_focus_in("preparing")


async def test_stations_show_their_own_dishes_and_all_day_counts_them(people: People) -> None:
    guest, cook = await asyncio.gather(people.guest(), people.cook())
    number = await guest.order_bowl(new_login())
    await guest.order_again([BOWL, TART], "patio")
    number += 1
    await cook.expect_in("queued", number)
    await cook.page.get_by_role("button", name="cold").click()
    card = cook.card(number)
    await expect(card).to_contain_text("Lemon Tart")
    await expect(card).not_to_contain_text("Chicken Bowl")
    await expect(card).to_contain_text("+ 1 at other stations")
    await expect(cook.page.locator(".all-day")).not_to_contain_text("Chicken Bowl")


async def test_board_on_a_phone_begins_where_tickets_are_and_stays_there(people: People) -> None:
    def ticket(number: int, status: str) -> dict[str, Any]:
        return {
            "order_id": f"order{number}",
            "number": number,
            "status": status,
            "seq": number,
            "revision": 1,
            "items": [{"sku": "fries", "name": "Fries", "quantity": 1, "options": []}],
            "note": "",
            "placed_at": "2025-01-01T12:00:00Z",
            "promised_at": None,
            "held": False,
            "flag": None,
            "reason": None,
        }

    boards = [[ticket(1, "preparing")], [ticket(1, "preparing"), ticket(2, "queued")]]

    async def answer(route: Route) -> None:
        tickets = boards.pop(0) if len(boards) > 1 else boards[0]
        await route.fulfill(
            content_type="text/event-stream",
            body=f"event: snapshot\ndata: {json.dumps({'tickets': tickets})}\n\n",
        )

    cook = await people.cook(viewport=PHONE)
    await cook.page.route("**/kitchen/stream*", answer)
    await cook.page.reload()
    foot = cook.card(1, "preparing").locator(".foot")
    await expect(foot).to_be_in_viewport(ratio=0.9)
    await expect(cook.card(2, "queued")).to_have_count(1)
    await expect(foot).to_be_in_viewport(ratio=0.9)


async def test_guest_gets_no_kitchen_board(people: People, stack: Stack) -> None:
    guest = await people.guest()
    await guest.order_bowl(new_login())
    await guest.page.goto(f"{stack.gateway_url}/kitchen{PATIO}")
    await expect(guest.page.locator(".sign-in .hint")).to_contain_text("isn’t a kitchen account")
    await expect(guest.page.locator(".card")).to_have_count(0)


# The pickup screen


async def test_full_board_turns_pages_and_never_scrolls(people: People, stack: Stack) -> None:
    page = await (await people.context()).new_page()
    ready = list(range(1, 41))

    async def answer(route: Route) -> None:
        await route.fulfill(
            content_type="text/event-stream",
            body=f'event: snapshot\ndata: {{"preparing": [], "ready": {ready}}}\n\n',
        )

    await page.clock.install()
    await page.route("**/board/stream*", answer)
    await page.goto(f"{stack.gateway_url}/board")
    shown = page.locator(".ready li")
    await expect(shown.first).to_have_text("40")
    first = await shown.all_inner_texts()
    assert await page.evaluate(
        "() => [...document.querySelectorAll('*')].every(it => it.scrollHeight <= innerHeight)"
    )
    await page.clock.fast_forward(8_100)
    await expect(shown.first).to_have_text(str(40 - len(first)))


async def test_board_changes_to_a_newer_release_and_shows_its_numbers_at_once(
    people: People, stack: Stack
) -> None:
    guest, cook = await asyncio.gather(people.guest(), people.cook())
    number = await guest.order_bowl(new_login())
    await cook.tap(number, "queued")
    page = await (await people.context()).new_page()
    await page.clock.install()
    board = BoardPage(page)
    await board.open(f"{stack.gateway_url}/board{PATIO}")
    await expect(board.number("preparing", number)).to_be_visible()
    await serve_newer_release(page, "board")
    # What shows now was handed over: no stream answers.
    await page.route("**/board/stream*", lambda route: route.abort())
    async with page.expect_event("domcontentloaded"):
        await page.clock.fast_forward(CHECK_MS)
    await expect(board.number("preparing", number)).to_be_visible()
    await expect(board.pill).to_have_attribute("data-kind", "reconnecting")


async def test_kitchen_changes_to_a_newer_release_when_the_cook_is_done(
    people: People, stack: Stack
) -> None:
    guest, context = await asyncio.gather(people.guest(), people.context())
    number = await guest.order_bowl(new_login())
    page = await context.new_page()
    await page.clock.install()
    cook = KitchenPage(page)
    await cook.open(f"{stack.gateway_url}/kitchen{PATIO}", "cook", stack.secrets.passwords["cook"])
    button = cook.card(number).get_by_role("button", name="Void")
    await cook.at_rest(button)
    await button.click()
    await expect(page.locator("dialog[open]")).to_be_visible()
    await serve_newer_release(page, "kitchen")
    async with never_reloaded(page):
        async with page.expect_response(lambda it: it.request.method == "HEAD"):
            await page.clock.fast_forward(CHECK_MS)
        await page.clock.fast_forward(HANDS_OFF_MS)
    await page.route("**/kitchen/stream*", lambda route: route.abort())
    await page.locator("dialog[open] .link").click()
    async with page.expect_event("domcontentloaded"):
        await page.clock.fast_forward(HANDS_OFF_MS)
    await cook.expect_in("queued", number)


# Longer than the pages take to ask again, and to believe that nobody is at work.
CHECK_MS = 301_000
HANDS_OFF_MS = 30_000


async def serve_newer_release(page: Page, path: str) -> None:
    """Lets the gateway say that it serves another release than the page is of."""

    async def answer(route: Route) -> None:
        if route.request.method == "HEAD":
            await route.fulfill(headers={"ETag": 'W/"newer"'})
        else:
            await route.continue_()

    await page.route(f"**/{path}", answer)


async def test_board_holds_no_more_after_thousands_of_numbers(people: People, stack: Stack) -> None:
    page = await (await people.context()).new_page()
    events = ['event: snapshot\ndata: {"preparing": [], "ready": []}\n\n']
    for number in range(1, 301):
        for status in ("preparing", "ready", "completed"):
            events.append(f'event: status\ndata: {{"number": {number}, "status": "{status}"}}\n\n')
    rounds = asyncio.Semaphore(0)

    async def answer(route: Route) -> None:
        rounds.release()
        await route.fulfill(content_type="text/event-stream", body="".join(events))

    await page.route("**/board/stream*", answer)
    await page.goto(f"{stack.gateway_url}/board")
    held = await page.context.new_cdp_session(page)
    await held.send("Performance.enable")

    async def count_after(times: int) -> dict[str, float]:
        async with asyncio.timeout(3 * CATCH_UP_MS / 1000):
            for _ in range(times):
                await rounds.acquire()
        await held.send("HeapProfiler.collectGarbage")
        metrics = (await held.send("Performance.getMetrics"))["metrics"]
        return {it["name"]: it["value"] for it in metrics}

    # The next round begins when the one before is over.
    early = await count_after(2)
    late = await count_after(4)
    for what in ("Nodes", "JSEventListeners"):
        assert late[what] <= early[what] + 100


# Everyone


WCAG = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
# What breathes never ends, and is no text.
MOTION_IS_OVER = """() => document.getAnimations().every(
    it => it.playState !== 'running' || it.effect.getTiming().iterations === Infinity
)"""


async def assert_accessible(page: Page) -> None:
    """axe-core finds nothing serious or worse, by the rules of WCAG 2.2 AA."""
    # In the middle of a transition colours are paler than they will be.
    await page.wait_for_function(MOTION_IS_OVER)
    results = await Axe().run(page, options={"runOnly": WCAG})
    serious = [
        (found["id"], [node["html"][:120] for node in found["nodes"]])
        for found in results.response["violations"]
        if found["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_guest_page_is_accessible_in_every_state(
    people: People, scheme: str, viewport: dict[str, int]
) -> None:
    guest = await people.guest(viewport=viewport, color_scheme=scheme)
    await assert_accessible(guest.page)
    await guest.dish("steak-bowl").locator(".dish-row").click()
    await assert_accessible(guest.page)
    await guest.write_down("chicken-bowl", "guacamole")
    await guest.open_bill()
    await assert_accessible(guest.page)
    await guest.send()
    await expect(guest.page.locator("dialog[open]")).to_be_visible()
    await assert_accessible(guest.page)
    await guest.sign_up(new_login())
    await guest.number()
    await assert_accessible(guest.page)
    await guest.ticket.get_by_role("button", name="Cancel order").click()
    await assert_accessible(guest.page)
    await guest.ticket.get_by_role("button", name="Yes, cancel it").click()
    await guest.expect_status("cancelled")
    await assert_accessible(guest.page)
    await guest.page.get_by_role("link", name="Orders").click()
    await expect(guest.page.locator(".stub")).to_be_visible()
    await assert_accessible(guest.page)


@pytest.mark.parametrize("is_light", [False, True], ids=["dark", "light"])
async def test_kitchen_page_is_accessible_in_every_state(people: People, is_light: bool) -> None:
    guest = await people.guest()
    number = await guest.order_bowl(new_login())
    await guest.order_again([BOWL, TART], "patio", "no onion")
    page = await (await people.context()).new_page()
    await page.goto(guest.page.url.split("/?")[0] + "/kitchen" + PATIO)
    await expect(page.locator(".sign-in")).to_be_visible()
    await assert_accessible(page)
    cook = await people.cook()
    if is_light:
        await cook.page.get_by_role("button", name="Light").click()
    await cook.tap(number, "queued")
    await cook.expect_in("preparing", number)
    await assert_accessible(cook.page)
    button = cook.card(number).get_by_role("button", name="Void")
    await cook.at_rest(button)
    await button.click()
    await assert_accessible(cook.page)
    await cook.page.get_by_role("button", name="Placed by mistake").click()
    await expect(cook.card(number).locator(".foot")).to_contain_text("Undo")
    await assert_accessible(cook.page)
    await cook.page.get_by_role("button", name="Sold out").click()
    await expect(cook.page.locator("dialog[open]")).to_be_visible()
    await assert_accessible(cook.page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_pickup_page_is_accessible_in_every_state(people: People, scheme: str) -> None:
    guest, cook, board = await asyncio.gather(
        people.guest(), people.cook(), people.board(color_scheme=scheme)
    )
    await assert_accessible(board.page)
    number = await guest.order_bowl(new_login())
    await cook.tap(number, "queued")
    await cook.tap(number, "preparing")
    await expect(board.number("ready", number)).to_be_visible()
    await assert_accessible(board.page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_screens_are_accessible_with_guesses_and_while_orders_are_paused(
    people: People, stack: Stack, scheme: str
) -> None:
    house = {"hours": [], "time_zone": "UTC", "paused": True, "reason": "Too many orders"}
    house |= {"until": "2999-01-01T12:00:00Z", "serving": False}
    context = await people.context(color_scheme=scheme)
    await context.route("**/house", lambda route: route.fulfill(json=house))
    page = await context.new_page()
    board = await TestStream.of(page)
    guess = {"number": 3, "status": "ready", "cause": "timer"}
    await page.goto(f"{stack.gateway_url}/board")
    await board.tell("snapshot", {"preparing": [2], "ready": [3], "tickets": [guess]})
    await expect(page.locator(".guessed li")).to_have_text("3")
    await expect(page.locator(".paused")).to_contain_text("Orders are paused until")
    await assert_accessible(page)
    await page.goto(f"{stack.gateway_url}/board?kitchen=baar")
    await expect(page.locator(".trouble")).to_be_visible()
    await assert_accessible(page)
    cook = await people.cook(context=context)
    await cook.page.get_by_role("button", name="Change").click()
    await assert_accessible(cook.page)
