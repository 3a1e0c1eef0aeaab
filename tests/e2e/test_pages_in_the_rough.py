"""The pages where it gets rough: old knowledge, odd screens, unkind words, slow hands."""

import asyncio
import re
from typing import Any

import pytest

pytest.importorskip("playwright", reason="the browser's driver comes with the dev requirements")
from playwright.async_api import Page, Request, Route, expect

from tests.browser import CHROMIUM, PHONE, GuestPage, People, new_login
from tests.stack import Stack

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")

TART = {"sku": "lemon-tart", "quantity": 1, "options": []}
TELEVISION = {"width": 3840, "height": 2160}
# What 400 % zoom leaves of 1280 px (WCAG 2.2, 1.4.10).
NARROW = {"width": 320, "height": 640}


# What the guest does meanwhile


async def test_choice_stays_when_another_dish_sells_out(people: People, stack: Stack) -> None:
    guest = await people.guest()
    dish = guest.dish("chicken-bowl")
    await dish.locator(".dish-row").click()
    await dish.get_by_label("guacamole").check()
    cook = stack.staff("cook")
    await cook.call("PATCH", "/menu/lemon-tart", json={"available": False})
    try:
        await look_again(guest.page)
        await expect(guest.dish("lemon-tart")).to_contain_text("sold out")
    finally:
        await cook.call("PATCH", "/menu/lemon-tart", json={"available": True})
    await expect(dish.get_by_label("guacamole")).to_be_checked()
    await dish.locator(".fold .primary").click()
    await expect(guest.page.locator(".bill .line")).to_contain_text("rice, guacamole")


async def look_again(page: Page) -> None:
    """As when somebody comes back to the tab."""
    await page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")


async def test_change_is_saved_although_the_order_moved_on_unchanged(people: People) -> None:
    guest = await people.guest()
    await guest.order_bowl(new_login())
    answers: list[int] = []
    guest.page.on(
        "response",
        lambda it: answers.append(it.status) if it.request.method == "PUT" else None,
    )

    async def name_an_older_version(route: Route) -> None:
        if route.request.method == "PUT" and not answers:
            await route.continue_(headers=route.request.headers | {"if-match": '"1"'})
        else:
            await route.continue_()

    await guest.page.route("**/order/*", name_an_older_version)
    await guest.ticket.get_by_role("button", name="Change").click()
    await guest.write_down("chocolate-mousse")
    await guest.send()
    await expect(guest.ticket.locator(".line")).to_have_count(2)
    assert answers == [412, 200]


async def test_change_that_another_tab_made_is_shown_before_it_is_overwritten(
    people: People,
) -> None:
    guest = await people.guest()
    await guest.order_bowl(new_login())
    await guest.ticket.get_by_role("button", name="Change").click()
    order_id = await guest.page.evaluate(
        "() => JSON.parse(sessionStorage['brigade-bill']).changes.id"
    )
    await put_order(guest.page, order_id, [TART])
    await guest.write_down("chocolate-mousse")
    await guest.send()
    await expect(guest.page.locator(".bill [role=alert]")).to_contain_text("has changed")
    await guest.send()
    await expect(guest.ticket.locator(".line")).to_have_count(2)


async def put_order(page: Page, order_id: str, items: list[dict[str, Any]]) -> None:
    status = await page.evaluate(
        """([id, items]) => fetch(`/order/${id}`, {
            method: 'PUT', headers: {'Content-Type': 'application/json'},
            body: JSON.stringify({items, note: ''}),
        }).then(answer => answer.status)""",
        [order_id, items],
    )
    assert status == 200


async def test_cook_who_is_quicker_ends_the_change_and_the_draft_comes_back(
    people: People,
) -> None:
    guest, cook = await asyncio.gather(people.guest(), people.cook())
    number = await guest.order_bowl(new_login())
    await guest.page.get_by_role("link", name="Menu").click()
    await guest.write_down("lemon-tart")
    await guest.page.go_back()
    await guest.ticket.get_by_role("button", name="Change").click()
    lines = guest.page.locator(".bill .line")
    await expect(lines).to_contain_text("Chicken Bowl")
    await cook.tap(number, "queued")
    await expect(guest.page.locator(".bill .hint")).to_contain_text("Cooking has started")
    await expect(guest.page.locator("[data-key=send]")).to_be_disabled()
    await guest.page.get_by_role("button", name="Discard changes").click()
    await guest.expect_status("preparing")
    await guest.page.get_by_role("link", name="Menu").click()
    await expect(lines).to_have_count(1)
    await expect(lines).to_contain_text("Lemon Tart")


async def test_another_place_begins_at_its_head(people: People) -> None:
    guest = await people.guest(viewport=PHONE)
    await guest.order_bowl(new_login())
    for _ in range(8):
        await guest.order_again([TART], "patio")
    await guest.page.get_by_role("link", name="Orders").click()
    stubs = guest.page.locator(".stub")
    await expect(stubs).to_have_count(9)
    await stubs.last.click()
    await expect(guest.ticket.locator("h1")).to_be_focused()
    assert await guest.page.evaluate("() => scrollY") == 0
    await guest.page.go_back()
    await expect(stubs.last).to_be_in_viewport()


async def test_line_taken_off_by_keyboard_leaves_the_focus_on_the_bill(people: People) -> None:
    guest = await people.guest()
    await guest.write_down("lemon-tart")
    await guest.write_down("chocolate-mousse")
    bill = guest.page.locator(".bill")
    await bill.get_by_role("button", name="One Lemon Tart fewer").press("Enter")
    await expect(bill.get_by_role("button", name="One Chocolate Mousse fewer")).to_be_focused()


async def test_guest_whose_session_ended_signs_in_and_the_order_goes_on(people: People) -> None:
    guest = await people.guest()
    await guest.page.get_by_role("button", name="Sign in").click()
    await guest.sign_up(new_login())
    await guest.write_down("lemon-tart")
    await guest.page.context.clear_cookies()
    await guest.send()
    await expect(guest.page.locator("dialog[open] .hint")).to_contain_text("signed out")
    await guest.sign_up(new_login())
    await guest.number()


# What the page knows, and for how long


async def test_order_that_ended_while_the_page_slept_is_read(people: People) -> None:
    guest = await people.guest()
    await guest.page.route("**/order/stream*", lambda route: route.abort())
    await guest.write_down("lemon-tart")
    await guest.send()
    await guest.sign_up(new_login())
    await guest.expect_status("placed")
    await guest.page.evaluate("() => fetch(location.hash.slice(2), {method: 'DELETE'})")
    # It ended more than an hour ago: the snapshot has it no more.
    await guest.page.route(
        "**/order/stream*",
        lambda route: route.fulfill(
            content_type="text/event-stream", body='event: snapshot\ndata: {"orders": []}\n\n'
        ),
    )
    await guest.expect_status("cancelled")


async def test_orders_that_can_not_be_read_are_not_called_none(people: People) -> None:
    guest = await people.guest()
    await guest.page.route("**/order?limit=*", lambda route: route.fulfill(status=503, json={}))
    await guest.page.get_by_role("button", name="Sign in").click()
    await guest.sign_up(new_login())
    await guest.page.get_by_role("link", name="Orders").click()
    words = guest.page.locator(".earlier .empty")
    await expect(words).to_contain_text("couldn’t load your orders")
    await guest.page.unroute("**/order?limit=*")
    await guest.page.get_by_role("button", name="Try again").click()
    await expect(words).to_contain_text("No orders yet")


async def test_guest_is_recognised_when_the_gateway_is_back(people: People) -> None:
    guest = await people.guest()
    await guest.order_bowl(new_login())
    await guest.page.clock.install()
    await guest.page.route("**/session", lambda route: route.fulfill(status=503, json={}))
    async with guest.page.expect_response("**/session"):
        await guest.page.reload()
    await guest.page.unroute("**/session")
    await expect(guest.page.locator("#nav").get_by_role("button", name="Sign in")).to_be_visible()
    await guest.page.clock.fast_forward(6_000)
    await guest.expect_status("queued")


async def test_screen_that_slept_does_not_take_its_silence_for_peace(people: People) -> None:
    board = await people.board()
    async with board.page.expect_request(lambda it: "/board/stream" in it.url):
        # While a machine sleeps, the even clock of most systems stands still.
        await board.page.evaluate(
            "() => { const then = Date.now; Date.now = () => then() + 3_600_000; }"
        )
        await look_again(board.page)
    await expect(board.pill).to_have_attribute("data-kind", "live")


async def test_wrong_clock_makes_no_ticket_late(people: People) -> None:
    guest, cook_context = await asyncio.gather(people.guest(), people.context())
    await cook_context.add_init_script(
        "const then = Date.now; Date.now = () => then() + 20 * 60_000;"
    )
    number = await guest.order_bowl(new_login())
    cook = await people.cook(context=cook_context)
    await expect(cook.card(number)).to_have_class(re.compile("is-(calm|soon)"))
    await expect(cook.card(number).locator(".due")).to_have_text(re.compile("due"))


async def test_tabs_share_one_stream_where_the_browser_has_no_locks(people: People) -> None:
    context = await people.context()
    # As on a tablet at http://192.168.1.5: no secure context.
    await context.add_init_script("delete Navigator.prototype.locks")
    streams: list[str] = []
    context.on(
        "request",
        lambda request: streams.append(request.url) if "/order/stream" in request.url else None,
    )
    guest = await people.guest(context=context)
    number = await guest.order_bowl(new_login())
    others = [GuestPage(await context.new_page()) for _ in range(2)]
    for other in others:
        await other.page.goto(guest.page.url)
        await other.expect_status("queued")
        await expect(other.pill).to_have_attribute("data-kind", "live")
    assert len(streams) == 1
    async with context.expect_event("request", is_resuming):
        await guest.page.close()
    cook = await people.cook()
    await cook.tap(number, "queued")
    for other in others:
        await other.expect_status("preparing")


def is_resuming(request: Request) -> bool:
    return "last_event_id=" in request.url


# The cook's hands


async def test_slow_finger_takes_a_hand_over_back(people: People, stack: Stack) -> None:
    guest, context = await asyncio.gather(people.guest(), people.context())
    number = await guest.order_bowl(new_login())
    page = await context.new_page()
    await page.clock.install()
    cook = await people.cook(page=page)
    for column in ("queued", "preparing", "ready"):
        await cook.tap(number, column)
    foot = cook.card(number, "ready").locator(".foot")
    await expect(foot).to_contain_text("Undo · 5")
    await cook.at_rest(foot)
    await page.clock.pause_at(await page.evaluate("() => (Date.now() + 50) / 1000"))
    await foot.hover()
    await page.mouse.down()
    # The seconds count down under the finger.
    await page.clock.run_for(800)
    await page.mouse.up()
    await expect(foot).to_have_text("Hand over")


async def test_hand_over_is_sent_by_a_tab_that_is_closed(people: People) -> None:
    guest, cook = await asyncio.gather(people.guest(), people.cook())
    number = await guest.order_bowl(new_login())
    for column in ("queued", "preparing", "ready"):
        await cook.tap(number, column)
    await expect(cook.card(number).locator(".foot")).to_contain_text("Undo")
    await cook.page.close(run_before_unload=True)
    await guest.expect_status("completed")


async def test_number_typed_by_touch_is_brought_into_view(people: People) -> None:
    guest = await people.guest()
    number = await guest.order_bowl(new_login())
    for _ in range(8):
        await guest.order_again([TART], "patio")
    cook = await people.cook(viewport=PHONE, has_touch=True)
    last = cook.card(number + 8)
    await expect(last).not_to_be_in_viewport()
    await cook.page.get_by_role("searchbox").fill(str(number + 8))
    await expect(last.locator(".foot")).to_be_in_viewport()


async def test_long_note_leaves_the_button_within_reach(people: People) -> None:
    guest, cook = await asyncio.gather(people.guest(), people.cook(viewport=PHONE))
    number = await guest.order_bowl(new_login())
    wish = "x" * 490
    await guest.order_again([TART], "patio", wish)
    card = cook.card(number + 1)
    await expect(card).to_be_attached()
    box = await card.bounding_box()
    assert box is not None
    assert box["height"] < PHONE["height"] / 2
    button = card.get_by_role("button", name=wish)
    await cook.at_rest(button)
    await button.click()
    await expect(cook.page.locator("dialog[open] .note-strip")).to_have_text(wish)
    await expect(cook.page.locator("dialog[open]")).to_be_in_viewport(ratio=1)


async def test_two_cooks_who_tap_one_ticket_start_it_once(people: People) -> None:
    guest, one, other = await asyncio.gather(people.guest(), people.cook(), people.cook())
    number = await guest.order_bowl(new_login())
    # Without Playwright's waiting: the quicker tap may take the button from under the slower one.
    feet = [await cook.foot(number, "queued") for cook in (one, other)]
    await asyncio.gather(*(foot.evaluate("button => button.click()") for foot in feet))
    for cook in (one, other):
        await cook.expect_in("preparing", number)
    await expect(guest.ticket.locator(".stops time")).to_have_count(3)


# Words and screens


async def test_unkind_words_stay_words(people: People) -> None:
    guest, cook = await asyncio.gather(people.guest(), people.cook())
    number = await guest.order_bowl(new_login())
    unkind = "<img src=x onerror='document.title=1'> <b>\u202eevil\u202c</b> مرحبا 🌶"
    await guest.order_again([TART], "patio", unkind)
    card = cook.card(number + 1)
    await expect(card.locator(".note-strip")).to_have_text(unkind)
    await expect(card.locator("img, .note-strip *")).to_have_count(0)
    await guest.page.get_by_role("link", name="Orders").click()
    await guest.page.locator(".stub").first.click()
    await expect(guest.ticket.locator(".note-strip")).to_have_text(unkind)
    await expect(guest.ticket.locator("img, .note-strip *")).to_have_count(0)


@pytest.mark.parametrize("viewport", [NARROW, TELEVISION], ids=["narrow", "television"])
async def test_pages_fit_any_screen(people: People, viewport: dict[str, int]) -> None:
    guest = await people.guest(viewport=viewport)
    number = await guest.order_bowl(new_login())
    await guest.order_again(
        [TART | {"quantity": 99}], "patio", "Donaudampfschifffahrtsgesellschaftskapitän" * 9
    )
    cook, board = await asyncio.gather(
        people.cook(viewport=viewport), people.board(viewport=viewport)
    )
    await cook.expect_in("queued", number + 1)
    for page in (guest.page, cook.page, board.page):
        assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    for page in (cook.page, board.page):
        assert await page.evaluate("() => document.documentElement.scrollHeight <= innerHeight")
    if viewport == TELEVISION:
        # A television has four times the pixels, not four times the dishes.
        dish = await cook.card(number).locator("li").first.bounding_box()
        assert dish is not None
        assert dish["height"] > 50


@pytest.mark.parametrize("path", ["/", "/kitchen", "/board"])
@pytest.mark.parametrize("tags", [["en-US@posix", "ru"], ["C"], []], ids=str)
async def test_languages_that_a_browser_can_not_name_take_no_page_down(
    people: People, stack: Stack, path: str, tags: list[str]
) -> None:
    page = await (await people.context()).new_page()
    await page.add_init_script(
        f"Object.defineProperty(navigator, 'languages', {{ get: () => {tags} }});"
    )
    await page.goto(stack.gateway_url + path)
    await expect(page.locator(".dish, .sign-in, .half").first).to_be_visible()
    if path == "/":
        await expect(page.locator(".dish .price").first).to_have_text(re.compile("9.90"))


@pytest.mark.parametrize("time_zone", ["Mars/Olympus_Mons", ""])
async def test_time_zone_that_the_browser_does_not_know_takes_no_page_down(
    people: People, stack: Stack, time_zone: str
) -> None:
    page = await (await people.context()).new_page()
    house = {
        "hours": [{"day": "monday", "opens": "11:00", "closes": "22:00"}],
        "time_zone": time_zone,
        "paused": False,
        "reason": None,
        "until": None,
        "serving": False,
    }
    await page.route("**/house", lambda route: route.fulfill(json=house))
    await page.goto(stack.gateway_url)
    await expect(page.locator(".strip")).to_have_text(re.compile("closed now.$"))


async def test_numbers_that_come_at_once_are_all_read_aloud(people: People, stack: Stack) -> None:
    page = await (await people.context()).new_page()
    rounds: list[list[int]] = [[], [7, 8, 9]]

    async def answer(route: Route) -> None:
        ready = rounds.pop(0) if len(rounds) > 1 else rounds[0]
        await route.fulfill(
            content_type="text/event-stream",
            body=f'event: snapshot\ndata: {{"preparing": [], "ready": {ready}}}\n\n',
        )

    await page.route("**/board/stream*", answer)
    await page.goto(f"{stack.gateway_url}/board")
    spoken = "Number 7 is ready. Number 8 is ready. Number 9 is ready"
    await expect(page.locator(".unseen[aria-live]")).to_have_text(spoken)
