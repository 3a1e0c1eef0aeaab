"""What the guest's page says where it is not so simple: refusals, waits, guesses, links that lead
nowhere. In a real browser, in both languages."""

import asyncio
import copy
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

pytest.importorskip("playwright", reason="the browser's driver comes with the dev requirements")
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, Route, expect

from gateway.problems import ALL
from tests.browser import CHROMIUM, PASSWORD, PHONE, GuestPage, People, TestStream, new_login
from tests.stack import Stack

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")

BOWL = {"sku": "chicken-bowl", "quantity": 1, "options": ["rice"]}
TART = {"sku": "lemon-tart", "quantity": 1, "options": []}
LANGUAGES = ["en-GB", "ru-RU"]
WCAG = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]


async def assert_accessible(page: Page) -> None:
    """axe-core finds nothing serious or worse, by the rules of WCAG 2.2 AA."""
    await page.wait_for_function(
        """() => document.getAnimations().every(
            it => it.playState !== 'running' || it.effect.getTiming().iterations === Infinity
        )"""
    )
    results = await Axe().run(page, options={"runOnly": WCAG})
    serious = [
        (found["id"], [node["html"][:120] for node in found["nodes"]])
        for found in results.response["violations"]
        if found["impact"] in ("serious", "critical")
    ]
    assert serious == []


async def expect_focus_inside(page: Page) -> None:
    await page.wait_for_function("() => document.activeElement !== document.body")


# Why an order was refused


@asynccontextmanager
async def changed_menu(
    stack: Stack, change: Callable[[dict[str, Any]], None]
) -> AsyncIterator[None]:
    """The owner changes the dishes, given by their SKU, and back at the end."""
    owner = stack.staff("admin")
    menu = (await owner.call("GET", "/menu")).json()
    before = {name: menu[name] for name in ("currency", "items")}
    dishes = {dish["sku"]: dish for dish in copy.deepcopy(menu["items"])}
    change(dishes)
    after = before | {"items": list(dishes.values())}
    try:
        (await owner.call("PUT", "/menu", json=after)).raise_for_status()
        yield
    finally:
        (await owner.call("PUT", "/menu", json=before)).raise_for_status()


async def signed_in(people: People, **options: Any) -> GuestPage:
    guest = await people.guest(**options)
    await guest.page.locator("#nav button").click()
    await guest.sign_up(new_login())
    await expect(guest.page.locator("dialog[open]")).to_have_count(0)
    return guest


def alert_of(guest: GuestPage) -> Locator:
    return guest.page.locator(".bill .error")


def remove_option(name: str) -> Callable[[dict[str, Any]], None]:
    def change(dishes: dict[str, Any]) -> None:
        for group in dishes["chicken-bowl"]["option_groups"]:
            group["options"] = [it for it in group["options"] if it["name"] != name]
            group["max"] = min(group["max"], len(group["options"]))

    return change


@pytest.mark.parametrize(
    ("locale", "words", "rest"),
    [
        (
            "en-GB",
            "Chicken Bowl: no longer comes with guacamole",
            "Remove it and order the rest · €5.60",
        ),
        (
            "ru-RU",
            "Chicken Bowl: больше нет: guacamole",
            "Убрать и заказать остальное · 5,60 €",
        ),
    ],
)
async def test_option_that_is_gone_is_named_and_the_rest_can_be_ordered(
    people: People, stack: Stack, locale: str, words: str, rest: str
) -> None:
    guest = await signed_in(people, locale=locale)
    await guest.write_down("chicken-bowl", "guacamole")
    await guest.write_down("lemon-tart")
    async with changed_menu(stack, remove_option("guacamole")):
        await guest.send()
        await expect(alert_of(guest)).to_contain_text(words)
        marked = guest.page.locator(".bill .line.at-fault")
        await expect(marked).to_have_count(1)
        await expect(marked).to_contain_text("guacamole")
        await expect_focus_inside(guest.page)
        await assert_accessible(guest.page)
        await guest.page.locator(".bill").get_by_role("button", name=rest).click()
        await guest.number()
    await expect(guest.ticket.locator(".line")).to_have_count(1)
    await expect(guest.ticket.locator(".line")).to_contain_text("Lemon Tart")


async def test_choice_that_is_new_is_asked_for_and_leads_to_the_dish(
    people: People, stack: Stack
) -> None:
    guest = await signed_in(people, viewport=PHONE)
    await guest.write_down("lemon-tart")

    def ask_for_a_size(dishes: dict[str, Any]) -> None:
        dishes["lemon-tart"]["option_groups"] = [
            {"name": "size", "min": 1, "max": 1, "options": [{"name": "small", "price": 0}]}
        ]

    async with changed_menu(stack, ask_for_a_size):
        await guest.send()
        await expect(alert_of(guest)).to_contain_text("Lemon Tart: choose 1 from “size”")
        bill = guest.page.locator(".bill")
        await expect(bill.get_by_role("button", name="Remove it")).to_be_visible()
        await bill.get_by_role("button", name="Choose again").click()
        await guest.dish("lemon-tart").locator(".fold .primary").click()
        await guest.send()
        await guest.number()


async def test_dish_that_left_the_menu_is_named_and_never_by_its_sku(
    people: People, stack: Stack
) -> None:
    guest = await signed_in(people)
    await guest.write_down("lemon-tart")
    async with changed_menu(stack, lambda dishes: dishes.pop("lemon-tart")):
        await guest.page.reload()
        line = guest.page.locator(".bill .line")
        await expect(line).to_contain_text("Lemon Tart")
        await expect(line).to_contain_text("no longer on the menu")
        await expect(guest.page.locator("body")).not_to_contain_text("lemon-tart")
        await guest.page.locator(".bill").get_by_role("button", name="Remove it").click()
        await expect(line).to_have_count(0)


async def test_more_lines_than_an_order_holds_are_counted(people: People, stack: Stack) -> None:
    guest = await signed_in(people)
    bill = {"lines": [TART] * 52, "note": "", "changes": None, "draft": None, "key": "a" * 32}
    await guest.page.evaluate("bill => sessionStorage['brigade-bill'] = bill", json.dumps(bill))
    await guest.page.reload()
    await guest.send()
    await expect(alert_of(guest)).to_contain_text("One order holds 50 lines. Take 2 off")


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_note_that_the_kitchen_cannot_read_is_mended_with_one_tap(
    people: People, locale: str
) -> None:
    guest = await signed_in(people, locale=locale)
    await guest.write_down("lemon-tart")
    await guest.page.locator(".note textarea").fill("no\x0bonion\nplease")
    await guest.send()
    await expect(alert_of(guest)).to_contain_text(re.compile("hidden character|невидимый знак"))
    mend = re.compile("Remove it and try again|Убрать и повторить")
    await guest.page.locator(".bill").get_by_role("button", name=mend).click()
    await guest.number()
    await expect(guest.ticket.locator(".note-strip")).to_have_text("no onion\nplease")


async def test_sold_out_dish_is_taken_off_and_the_rest_ordered_with_one_tap(
    people: People, stack: Stack
) -> None:
    guest = await signed_in(people)
    await guest.write_down("lemon-tart")
    await guest.write_down("chocolate-mousse")
    cook = stack.staff("cook")
    await cook.call("PATCH", "/menu/lemon-tart", json={"available": False})
    try:
        await guest.send()
        await expect(alert_of(guest)).to_contain_text("Lemon Tart: sold out.")
        rest = guest.page.locator(".bill").get_by_role("button", name="order the rest")
        await rest.click()
        await guest.number()
        await expect(guest.ticket.locator(".line")).to_contain_text("Chocolate Mousse")
    finally:
        await cook.call("PATCH", "/menu/lemon-tart", json={"available": True})


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_every_kind_of_problem_has_words_of_the_page(
    people: People, stack: Stack, locale: str
) -> None:
    page = await (await people.context(locale=locale)).new_page()
    await page.goto(f"{stack.gateway_url}/board")
    kinds = [[kind.slug, kind.status] for kind in ALL]
    words = await page.evaluate(
        """async kinds => {
            const { src } = document.querySelector('script[type=module]');
            const { explain, t } = await import(new URL('words.js', src));
            const { Problem } = await import(new URL('api.js', src));
            const told = ([slug, status]) =>
                explain(new Problem(status, {type: `/problems/${slug}`, detail: 'programmers'}));
            return {failed: t.failed, told: kinds.map(told)};
        }""",
        kinds,
    )
    for (slug, _), told in zip(kinds, words["told"], strict=True):
        assert told, slug
        assert told != words["failed"], slug
        assert "programmers" not in told, slug
        assert "undefined" not in told, slug
        assert bool(re.search("[а-я]", told)) == (locale == "ru-RU"), (slug, told)


@pytest.mark.parametrize(
    ("locale", "words"), [("en-GB", "There’s no kitchen “cellar”"), ("ru-RU", "Кухни «cellar»")]
)
async def test_link_to_a_kitchen_that_is_not_there_says_so_and_leads_to_the_menu(
    people: People, stack: Stack, locale: str, words: str
) -> None:
    page = await (await people.context(locale=locale)).new_page()
    await page.goto(f"{stack.gateway_url}/?kitchen=cellar")
    await expect(page.get_by_role("alert")).to_contain_text(words)
    await expect(page.locator(".dish")).to_have_count(0)
    await assert_accessible(page)
    await page.locator(".trouble button").click()
    await expect(page.locator(".dish").first).to_be_visible()


# Waits


async def show_order(page: Page, change: dict[str, Any], away: str = "") -> None:
    """Opens the page anew, on a stream that tells of the order that is shown another state."""
    order = await page.evaluate("() => fetch(location.hash.slice(2)).then(it => it.json())")
    history = [*order["history"]]
    if (status := change.get("status", order["status"])) != order["status"]:
        history.append(history[-1] | {"status": status, "cause": change["cause"]})
    shown = order | {"version": 99, "history": history} | change
    stream = await TestStream.of(page)
    await page.reload()
    await stream.tell("snapshot", {"orders": [shown]})
    await stream.beat(away=[away] if away else [])


async def test_wait_for_the_kitchen_that_goes_on_says_more(people: People) -> None:
    guest = await people.guest()
    await guest.order_bowl(new_login())
    await guest.page.clock.install()
    placed = {"status": "placed", "cause": "guest", "placed_at": datetime.now(UTC).isoformat()}
    await show_order(guest.page, placed)
    promise = guest.ticket.locator(".promise")
    await expect(promise).to_have_text("Waiting for the kitchen’s answer.")
    await guest.page.clock.fast_forward(25_000)
    silent = "The kitchen does not answer. Your order is kept. Ask at the counter."
    await expect(promise).to_have_text(silent)


@pytest.mark.parametrize(
    ("service", "words"), [("kitchen", "kitchen can’t be reached"), ("order", "is delayed")]
)
async def test_service_that_is_away_shows_on_the_ticket(
    people: People, service: str, words: str
) -> None:
    guest = await people.guest()
    await guest.order_bowl(new_login())
    await show_order(guest.page, {}, service)
    await expect(guest.ticket.locator(".promise")).to_contain_text(words)
    await expect(guest.ticket.locator(".promise")).to_contain_text("Your order is kept")


@pytest.mark.parametrize(
    ("service", "words"), [("kitchen", "kitchen can’t be reached"), ("order", "is delayed")]
)
async def test_service_that_is_killed_shows_on_the_ticket_until_it_is_back(
    people: People, stack: Stack, service: str, words: str
) -> None:
    guest = await people.guest()
    await guest.order_bowl(new_login())
    await expect(guest.pill).to_have_attribute("data-kind", "live")
    stack.kill(service)
    try:
        await expect(guest.ticket.locator(".promise")).to_contain_text(words)
        await expect(guest.pill).not_to_have_attribute("data-kind", "live")
    finally:
        stack.start_service(service)
        await stack.wait_ready()
    await expect(guest.pill).to_have_attribute("data-kind", "live")
    await expect(guest.ticket.locator(".promise")).not_to_contain_text(words)


async def test_hung_gateway_is_said_to_be_slow_and_no_one_elses_fault(people: People) -> None:
    guest = await people.guest()
    await guest.write_down("lemon-tart")
    hung: list[Route] = []

    async def hang(route: Route) -> None:
        if route.request.method == "POST":
            hung.append(route)
        else:
            await route.continue_()

    await guest.page.route("**/order", hang)
    await guest.page.clock.install()
    send = guest.page.locator("[data-key=send]")
    await guest.send()
    await expect(guest.page.locator("dialog[open]")).to_be_visible()
    await expect(send).to_contain_text("Order")
    await guest.sign_up(new_login())
    await expect(send).to_have_text("Sending…")
    await guest.page.clock.fast_forward(4_100)
    await expect(send).to_have_text("Still trying…")
    await guest.page.clock.fast_forward(8_100)
    await expect(alert_of(guest)).to_contain_text("system is slow")
    await expect(alert_of(guest)).not_to_contain_text("connection")
    await guest.page.unroute("**/order")
    await guest.send()
    await guest.number()


async def test_slow_answers_to_signing_in_and_cancelling_say_that_it_goes_on(
    people: People,
) -> None:
    guest = await people.guest()
    hung: list[Route] = []

    async def hang(route: Route) -> None:
        if route.request.method in ("POST", "DELETE"):
            hung.append(route)
        else:
            await route.continue_()

    await guest.page.clock.install()
    await guest.page.route("**/session", hang)
    await guest.page.locator("#nav button").click()
    await sign_in(guest.page, "cook")
    submit = guest.page.locator(".sign-in .primary")
    await expect(submit).to_have_text("Signing in…")
    await guest.page.clock.fast_forward(4_100)
    await expect(submit).to_have_text("Still trying…")
    await guest.page.clock.fast_forward(8_100)
    await expect(guest.page.locator(".sign-in [role=alert]")).to_contain_text("system is slow")
    await guest.page.unroute("**/session")
    await guest.page.locator("dialog .close").click()
    await guest.order_bowl(new_login())
    await guest.page.route("**/order/*", hang)
    await guest.ticket.get_by_role("button", name="Cancel order").click()
    await guest.page.clock.fast_forward(600)
    yes = guest.ticket.locator("[data-key=yes]")
    await yes.click()
    await expect(yes).to_have_text("Cancelling…")
    await guest.page.clock.fast_forward(4_100)
    await expect(yes).to_have_text("Still trying…")
    await guest.page.clock.fast_forward(8_100)
    await expect(guest.ticket.get_by_role("alert")).to_contain_text("system is slow")


async def test_browser_without_a_network_is_told_to_check_its_connection(people: People) -> None:
    guest = await signed_in(people)
    await guest.write_down("lemon-tart")
    await guest.page.context.set_offline(True)
    await guest.send()
    await expect(alert_of(guest)).to_contain_text("You’re offline. Check your connection")
    await guest.page.context.set_offline(False)
    await guest.send()
    await guest.number()


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_button_says_until_when_orders_are_paused_and_why(
    people: People, stack: Stack, locale: str
) -> None:
    page = await (await people.context(locale=locale)).new_page()
    guest = GuestPage(page)
    house = {
        "hours": [],
        "time_zone": "Europe/Paris",
        "paused": True,
        "reason": "the fryer is broken",
        "until": "2100-01-01T18:40:00Z",
        "serving": False,
    }
    await page.route("**/house", lambda route: route.fulfill(json=house))
    await guest.open(stack.gateway_url)
    await guest.write_down("lemon-tart")
    words = re.compile(r"(Orders are paused until|Приём заказов на паузе до) .*\d\d:40$")
    await expect(page.locator("[data-key=send]")).to_have_text(words)
    await expect(page.locator("[data-key=send]")).to_be_disabled()
    await expect(page.locator(".bill .hint")).to_contain_text("the fryer is broken")


# Focus, and steps that can't be taken back


async def test_enter_pressed_twice_on_cancel_keeps_the_order(people: People) -> None:
    guest = await people.guest()
    await guest.order_bowl(new_login())
    cancel = guest.ticket.get_by_role("button", name="Cancel order")
    keep = guest.ticket.get_by_role("button", name="Keep it")
    await cancel.focus()
    await guest.page.keyboard.press("Enter")
    await expect(keep).to_be_focused()
    await guest.page.keyboard.press("Enter")
    await expect(cancel).to_be_focused()
    await guest.page.keyboard.press("Enter")
    await expect(keep).to_be_focused()
    await guest.page.keyboard.press("Escape")
    await expect(keep).to_have_count(0)
    await expect(cancel).to_be_focused()
    await guest.expect_status("queued")
    await cancel.click()
    await guest.ticket.get_by_role("button", name="Yes, cancel it").click()
    await guest.expect_status("cancelled")
    await expect(guest.ticket.locator("h1")).to_be_focused()


async def test_finger_that_comes_twice_on_cancel_keeps_the_order(people: People) -> None:
    guest = await people.guest()
    await guest.order_bowl(new_login())
    await guest.page.clock.install()
    await guest.page.evaluate(
        """() => ['cancel', 'yes'].forEach(
            key => document.querySelector(`[data-key=${key}]`).click()
        )"""
    )
    yes = guest.ticket.get_by_role("button", name="Yes, cancel it")
    await guest.page.clock.run_for(600)
    await expect(yes).to_be_enabled()
    await guest.expect_status("queued")


async def test_focus_on_a_button_that_goes_moves_to_the_heading(people: People) -> None:
    guest, cook = await asyncio.gather(people.guest(), people.cook())
    number = await guest.order_bowl(new_login())
    await guest.ticket.get_by_role("button", name="Change").focus()
    await cook.tap(number, "queued")
    await guest.expect_status("preparing")
    await expect(guest.ticket.locator("h1")).to_be_focused()


async def test_first_tab_skips_to_the_heading(people: People) -> None:
    guest = await people.guest()
    await guest.page.keyboard.press("Tab")
    skip = guest.page.get_by_role("link", name="Skip to the content")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    await guest.page.keyboard.press("Enter")
    await expect(guest.page.locator("#view h1")).to_be_focused()


# Whose word it is


@pytest.mark.parametrize(
    ("locale", "status", "guess", "promise", "by_timer"),
    [
        (
            "en-GB",
            "ready",
            "Should be ready soon",
            "Look at the screen for number {}.",
            "by timer",
        ),
        (
            "ru-RU",
            "ready",
            "Скоро должно быть готово",
            "Следите за номером {} на экране.",
            "по расчёту",
        ),
        ("en-GB", "preparing", "Should be cooking by now", "About", "by timer"),
        ("en-GB", "completed", "Should be with you by now", "Ask at the counter", "by timer"),
    ],
)
async def test_guess_of_a_timer_is_told_as_one_everywhere(
    people: People, locale: str, status: str, guess: str, promise: str, by_timer: str
) -> None:
    guest = await people.guest(locale=locale)
    number = await guest.order_bowl(new_login())
    await show_order(guest.page, {"status": status, "cause": "timer"})
    await guest.expect_status(status)
    await expect(guest.ticket.locator("h1")).to_have_text(guess)
    await expect(guest.ticket.locator(".promise")).to_contain_text(promise.format(number))
    await expect(guest.page).to_have_title(re.compile(guess))
    stop = guest.ticket.locator(f"[data-stop={status}]")
    await expect(stop).to_have_class(re.compile("guessed"))
    await expect(stop).to_contain_text(by_timer)
    await assert_accessible(guest.page)
    await guest.page.locator("#nav a[href='#/orders']").click()
    await expect(guest.page.locator(".stub")).to_contain_text(guess)
    if status == "ready":
        await guest.page.locator("#nav a[href='#/menu']").click()
        await expect(guest.page.locator(".strip")).to_contain_text(guess)


async def test_word_of_a_cook_is_told_as_one(people: People) -> None:
    guest = await people.guest()
    number = await guest.order_bowl(new_login())
    await show_order(guest.page, {"status": "ready", "cause": "cook"})
    await expect(guest.ticket.locator("h1")).to_have_text("Ready for you")
    await expect(guest.ticket.locator(".promise")).to_contain_text(f"Show number {number}")
    await expect(guest.ticket.locator(".guessed[data-stop=ready]")).to_have_count(0)


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        (
            "en-GB",
            ["Yours is next.", "1\u00a0order ahead of yours.", "3\u00a0orders ahead of yours."],
        ),
        ("ru-RU", ["Ваш заказ следующий.", "Перед вами заказов: 1.", "Перед вами заказов: 3."]),
    ],
)
async def test_guest_is_told_how_many_orders_come_before(
    people: People, locale: str, words: list[str]
) -> None:
    guest = await people.guest(locale=locale)
    number = await guest.order_bowl(new_login())
    before = [
        {"number": number + 1_000, "status": "preparing", "cause": "timer"},
        {"number": number + 1_001, "status": "queued", "cause": "system"},
        {"number": number + 1_002, "status": "queued", "cause": "system"},
    ]
    after = {"number": number + 1_003, "status": "queued", "cause": "system"}
    for count, said in zip((0, 1, 3), words, strict=True):
        mine = {"number": number, "status": "queued", "cause": "system"}
        tickets = [*before[:count], mine, after]
        preparing = [it["number"] for it in tickets if it["status"] == "preparing"]
        await serve(guest.page, "**/board?*", {"preparing": preparing, "tickets": tickets})
        await guest.page.reload()
        await expect(guest.ticket.locator(".promise")).to_contain_text(said)


async def serve(page: Page, url: str, answer: dict[str, Any]) -> None:
    await page.unroute(url)
    await page.route(url, lambda route: route.fulfill(json=answer))


# Addresses


@pytest.mark.parametrize(
    ("locale", "words", "menu"),
    [("en-GB", "There is no page here", "Menu"), ("ru-RU", "Здесь нет страницы", "Меню")],
)
async def test_mistyped_address_says_so_and_leads_on(
    people: People, stack: Stack, locale: str, words: str, menu: str
) -> None:
    page = await (await people.context(locale=locale, viewport=PHONE)).new_page()
    for path in ("/menuu", "/ordr/123", "/kitchen/"):
        answer = await page.goto(f"{stack.gateway_url}{path}")
        assert answer is not None
        assert answer.status == 404
        await expect(page.get_by_role("heading", level=1)).to_have_text(words)
    await assert_accessible(page)
    await page.get_by_role("link", name=menu).click()
    await expect(page.locator(".dish").first).to_be_visible()


async def test_link_to_an_order_opens_it_after_signing_in(people: People, stack: Stack) -> None:
    guest = await people.guest()
    login = new_login()
    number = await guest.order_bowl(login)
    order_id = await guest.page.evaluate("() => location.hash.split('/').pop()")
    other = GuestPage(await (await people.context()).new_page())
    await other.page.goto(f"{stack.gateway_url}/order/{order_id}")
    await expect(other.page.get_by_role("alert")).to_have_text("Sign in to see your order.")
    await assert_accessible(other.page)
    await other.page.locator("#view").get_by_role("button", name="Sign in").click()
    await sign_in(other.page, login)
    await expect(other.ticket.locator(".number")).to_have_text(str(number))


async def sign_in(page: Page, login: str) -> None:
    form = page.locator("dialog[open] .sign-in")
    await form.locator("[name=login]").fill(login)
    await form.locator("[name=password]").fill(PASSWORD)
    await form.locator(".primary").click()


@pytest.mark.parametrize(
    "viewport", [PHONE, {"width": 320, "height": 640}], ids=["phone", "narrow"]
)
async def test_bill_that_was_refused_fits_the_screen(
    people: People, stack: Stack, viewport: dict[str, int]
) -> None:
    guest = await signed_in(people, viewport=viewport, locale="ru-RU")
    await guest.write_down("chicken-bowl", "guacamole")
    await guest.write_down("lemon-tart")
    async with changed_menu(stack, remove_option("guacamole")):
        await guest.send()
        await expect(guest.page.locator(".line.at-fault")).to_be_visible()
        assert await guest.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
