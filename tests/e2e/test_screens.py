"""The kitchen and pickup screens, told event by event: what they show, ring and take."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytest.importorskip("playwright", reason="the browser's driver comes with the dev requirements")
from playwright.async_api import Page, Route, expect

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


# The pickup screen


async def listen(page: Page) -> None:
    """Counts the chimes of a page in ``window.chimes``, from before it is opened."""
    await page.add_init_script(
        """window.chimes = 0;
        const node = { connect: () => node, gain: {
            setValueAtTime() {}, exponentialRampToValueAtTime() {},
        } };
        window.AudioContext = class {
            state = 'running'; currentTime = 0;
            resume() { return Promise.resolve(); }
            createGain() { return node; }
        };
        window.OscillatorNode = class {
            constructor() { window.chimes += 0.5; }
            connect() { return node; }
            start() {}
            stop() {}
        };"""
    )


@pytest.mark.parametrize(
    ("locale", "heading", "spoken"),
    [
        ("en-GB", "Should be ready", "Number 5 is ready"),
        ("ru-RU", "Должны быть готовы", "Номер 5 готов"),
    ],
)
async def test_timers_guess_stands_apart_in_silence_until_a_cook_confirms_it(
    people: People, stack: Stack, locale: str, heading: str, spoken: str
) -> None:
    context = await people.context(viewport=WALL, locale=locale)
    page = await context.new_page()
    await listen(page)
    board = await TestStream.of(page)
    await page.goto(f"{stack.gateway_url}/board")
    guesses = page.locator(".guessed li")
    await board.tell("snapshot", numbers(ready=[1], preparing=[5], guessed=[3]))
    await expect(page.locator(".ready li")).to_have_text(["1"])
    await expect(guesses).to_have_text(["3"])
    await board.tell("status", {"number": 5, "status": "ready", "cause": "timer"})
    await expect(guesses).to_have_text(["5", "3"])
    await expect(page.get_by_role("region", name=heading)).to_be_visible()
    await expect(page.locator(".preparing li")).to_have_count(0)
    await expect(page.locator(".unseen[aria-live]")).to_have_text("")
    assert await page.evaluate("() => window.chimes") == 0
    await board.tell("status", {"number": 5, "status": "ready", "cause": "cook"})
    await expect(page.locator(".ready li")).to_have_text(["5", "1"])
    await expect(guesses).to_have_text(["3"])
    await expect(page.locator(".unseen[aria-live]")).to_have_text(spoken)
    await page.wait_for_function("() => window.chimes === 1")


async def test_tab_that_joins_a_pickup_screen_knows_guesses_too(
    people: People, stack: Stack
) -> None:
    board = await open_board(people, stack)
    await board.tell("snapshot", numbers(ready=[1], guessed=[3]))
    other = await board.page.context.new_page()
    await other.goto(board.page.url)
    await expect(other.locator(".ready li")).to_have_text(["1"])
    await expect(other.locator(".guessed li")).to_have_text(["3"])


@pytest.mark.parametrize("came", [[99], list(range(100, 130))], ids=["one", "many"])
async def test_number_that_just_came_stays_on_the_screen_for_fifteen_seconds(
    people: People, stack: Stack, came: list[int]
) -> None:
    board = await open_board(people, stack)
    clock = board.page.clock
    await board.tell("snapshot", numbers(list(range(1, 61))))
    await expect(board.page.locator(".ready .pages")).to_have_text(re.compile("1 of"))
    await freeze(board.page)
    # The timer of the pages runs on, and is about to turn one.
    await clock.run_for(7_000)
    for number in came:
        await board.tell("status", {"number": number, "status": "ready", "cause": "cook"})
    streaks = dict.fromkeys(came, 0)
    longest = dict.fromkeys(came, 0)
    for _ in range(36):
        await clock.run_for(1_000)
        shown = await board.page.locator(".ready .is-new").all_inner_texts()
        for number in came:
            streaks[number] = streaks[number] + 1 if str(number) in shown else 0
            longest[number] = max(longest[number], streaks[number])
    assert min(longest.values()) >= 14


async def test_figures_shrink_before_numbers_take_turns(people: People, stack: Stack) -> None:
    board = await open_board(people, stack)
    await board.tell("snapshot", numbers(list(range(1, 17)), list(range(17, 34))))
    for half, count in (("ready", 16), ("preparing", 17)):
        shown = board.page.locator(f".{half} li")
        await expect(shown).to_have_count(count)
        await expect(board.page.locator(f".{half} .pages")).to_have_text("")
        # A twelfth of the screen is read at eight metres.
        size = await shown.first.evaluate("it => parseFloat(getComputedStyle(it).fontSize)")
        assert size > WALL["height"] / (9 if half == "ready" else 13)


@pytest.mark.parametrize(
    ("locale", "words"), [("en-GB", "There is no kitchen “baar”"), ("ru-RU", "Кухни «baar» нет")]
)
@pytest.mark.parametrize("path", ["/board", "/kitchen"])
async def test_address_of_no_kitchen_says_so_and_leads_to_one(
    people: People, stack: Stack, path: str, locale: str, words: str
) -> None:
    page = await (await people.context(locale=locale)).new_page()
    await page.goto(f"{stack.gateway_url}{path}?kitchen=baar")
    await expect(page.get_by_role("alert")).to_have_text(words)
    await expect(page.locator(".pill, .half, .column")).to_have_count(0)
    await page.locator(".trouble a").click()
    await expect(page).to_have_url(stack.gateway_url + path)


# Orders are paused


async def test_pause_shows_on_every_screen_until_it_ends_by_itself(
    people: People, stack: Stack
) -> None:
    cook = stack.staff("cook")
    board, kitchen = await asyncio.gather(open_board(people, stack), open_kitchen(people, stack))
    await expect(board.page.locator(".paused")).to_be_hidden()
    pause = kitchen.page.get_by_role("button", name="Pause orders")
    try:
        async with kitchen.page.expect_response("**/house/pause") as told:
            await pause.click()
        house = await (await told.value).json()
        left = datetime.fromisoformat(house["until"]) - datetime.now(UTC)
        assert timedelta(minutes=19) < left <= timedelta(minutes=21)
        await board.page.clock.fast_forward(11_000)
        for page in (board.page, kitchen.page):
            await expect(page.locator(".paused")).to_contain_text(
                re.compile(r"Orders are paused until \d\d:\d\d")
            )
        await expect(pause).to_have_count(0)
        await kitchen.page.get_by_role("button", name="Change").click()
        async with kitchen.page.expect_response("**/house/pause"):
            await kitchen.page.get_by_role("button", name="Too many orders").click()
        await kitchen.page.locator("dialog[open]").get_by_role("button", name="Close").click()
        for page in (board.page, kitchen.page):
            await expect(page.locator(".paused")).to_contain_text("Too many orders")
        # Nobody answers any more: it ends when it said that it would.
        await board.page.route("**/house", lambda route: route.abort())
        await board.page.clock.fast_forward(21 * 60_000)
        await expect(board.page.locator(".paused")).to_be_hidden()
        await kitchen.page.get_by_role("button", name="Take orders again").click()
        await expect(kitchen.page.locator(".paused")).to_be_hidden()
        await expect(pause).to_be_visible()
        assert (await cook.call("GET", "/house")).json()["paused"] is False
    finally:
        (await cook.call("PUT", "/house/pause", json={"paused": False})).raise_for_status()


# The cook's hands


async def take_taps(page: Page) -> list[str]:
    """Answers every tap on a ticket; returns the list that they are added to."""
    sent: list[str] = []

    async def answer(route: Route) -> None:
        sent.append("/".join(route.request.url.split("?")[0].split("/")[-2:]))
        await route.fulfill(json={})

    await page.route("**/kitchen/tickets/**", answer)
    return sent


async def middle_of(page: Page, number: int) -> tuple[float, float]:
    """Where a finger aims that is to tap the one action of a ticket."""
    box = await page.locator(f".card[data-number='{number}'] .foot").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def test_two_tickets_tapped_at_once_are_both_started(people: People, stack: Stack) -> None:
    kitchen = await open_kitchen(people, stack)
    page = kitchen.page
    sent = await take_taps(page)
    waiting = [ticket(number, "queued") for number in range(1, 5)]
    await kitchen.tell("snapshot", {"tickets": waiting})
    one, other = await middle_of(page, 1), await middle_of(page, 2)
    await page.mouse.click(*one)
    # The answer is quicker than the finger.
    await kitchen.tell("ticket", ticket(1, "preparing"))
    await page.mouse.click(*other)
    # The same finger once more.
    await page.mouse.click(*other)
    await kitchen.tell("ticket", ticket(2, "preparing"))
    cooking = page.locator(".column[data-status=preparing] .card")
    await expect(cooking).to_have_count(2)
    assert sent == ["order1/start", "order2/start"]


async def test_ticket_that_moved_under_a_finger_takes_no_tap(people: People, stack: Stack) -> None:
    kitchen = await open_kitchen(people, stack)
    page = kitchen.page
    sent = await take_taps(page)
    tickets = [ticket(number, "queued") for number in (2, 3, 4)] + [ticket(9, "preparing")]
    await kitchen.tell("snapshot", {"tickets": tickets})
    aim, elsewhere = await middle_of(page, 3), await middle_of(page, 9)
    # Promised before all others.
    await kitchen.tell("ticket", ticket(1, "queued"))
    await page.mouse.click(*aim)
    await expect(page.locator(".toast")).to_contain_text("2 has just moved here")
    await page.mouse.click(*elsewhere)
    await expect(page.locator("[aria-busy]")).to_have_count(1)
    assert sent == ["order9/ready"]
    # By keyboard nothing is aimed at where it was.
    await kitchen.tell("ticket", ticket(1, "completed"))
    await page.locator(".card[data-number='2'] .foot").press("Enter")
    await expect(page.locator("[aria-busy]")).to_have_count(2)
    assert sent == ["order9/ready", "order2/start"]


async def test_tickets_hang_in_the_order_in_which_they_are_started(
    people: People, stack: Stack
) -> None:
    kitchen = await open_kitchen(people, stack)
    tickets = [
        ticket(1, "queued", promised_at="2026-01-01T12:30:00.000Z"),
        ticket(2, "queued", promised_at="2026-01-01T12:20:00.000Z", order_id="b"),
        ticket(3, "queued", promised_at="2026-01-01T12:20:00.000Z", order_id="a"),
        ticket(4, "queued", promised_at="2026-01-01T12:20:00.000Z", order_id="B"),
    ]
    await kitchen.tell("snapshot", {"tickets": tickets})
    column = kitchen.page.locator(".column[data-status=queued]")
    await expect(column.locator(".number")).to_have_text(["4", "3", "2", "1"])
    await expect(column.locator(".card").filter(has_text="next")).to_have_count(1)
    await expect(column.locator(".card").first).to_contain_text("next")


@pytest.mark.parametrize(("locale", "words"), [("en-GB", "by timer"), ("ru-RU", "по таймеру")])
async def test_ticket_says_which_word_is_the_timers(
    people: People, stack: Stack, locale: str, words: str
) -> None:
    kitchen = await open_kitchen(people, stack, locale=locale)
    tickets = [
        ticket(1, "preparing", cause="timer"),
        ticket(2, "ready", cause="timer"),
        ticket(3, "ready", cause="cook"),
        ticket(4, "queued", cause="timer"),
    ]
    await kitchen.tell("snapshot", {"tickets": tickets})
    guesses = kitchen.page.locator(".card").filter(has_text=words)
    await expect(guesses.locator(".number")).to_have_text(["1", "2"])
    await kitchen.tell("ticket", ticket(2, "ready", cause="cook"))
    await expect(guesses.locator(".number")).to_have_text(["1"])
