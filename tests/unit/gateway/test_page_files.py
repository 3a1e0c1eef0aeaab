"""The pages as files: what is sent, how much of it, and under which rules."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.routes.pages import LOST, PAGES, PageRoutes, read_release
from infra.openapi import Reply, operation
from infra.resources import PathRouter, resources
from infra.web import EXCEPTION_HANDLERS, ErrorsMiddleware

RELEASE = read_release()
FILES = RELEASE.files
OURS = f"/pages/{RELEASE.name}"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
LIMIT = 100 * 1024
FIRST_LOAD_LIMIT = 64 * 1024
ALL_PAGES = [*PAGES.values(), LOST]


@operation("Shows the pickup numbers", Reply("They.", schema={}))
async def numbers(_: Request) -> Response:
    return JSONResponse({"ready": []})


@operation("Reads an order", Reply("It.", schema={}))
async def order(_: Request) -> Response:
    return JSONResponse({"number": 7})


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    pages = PageRoutes()
    routes = resources([Route("/board", numbers), Route("/order/{id}", order), *pages.routes()])
    handlers = EXCEPTION_HANDLERS | {HTTPException: pages.answer_error}
    app = ErrorsMiddleware(PathRouter(routes), handlers)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://restaurant"
    ) as client:
        yield client


@pytest.mark.parametrize("path", PAGES)
async def test_page_allows_nothing_from_another_host_and_nothing_inline(
    browser: httpx.AsyncClient, path: str
) -> None:
    answer = await browser.get(path, headers=HTML)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_board_stays_json_for_who_does_not_ask_for_html(browser: httpx.AsyncClient) -> None:
    for accept in ("application/json", "*/*", "", "text/html;q=0, */*"):
        answer = await browser.get("/board", headers={"Accept": accept})
        assert answer.json() == {"ready": []}


@pytest.mark.parametrize("accept", ["*/*", "", "text/*"])
@pytest.mark.parametrize("path", ["/", "/kitchen"])
async def test_page_is_for_all_that_do_not_refuse_it(
    browser: httpx.AsyncClient, path: str, accept: str
) -> None:
    """Monitors and link previews say ``*/*``, or nothing."""
    for method in ("GET", "HEAD"):
        answer = await browser.request(method, path, headers={"Accept": accept})
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("accept", ["text/html;q=0", "text/html;q=0, */*", "application/json"])
@pytest.mark.parametrize("path", ["/", "/kitchen"])
async def test_page_is_not_for_those_that_refuse_html(
    browser: httpx.AsyncClient, path: str, accept: str
) -> None:
    answer = await browser.get(path, headers={"Accept": accept})
    assert (answer.status_code, answer.json()["type"]) == (406, "/problems/not-acceptable")


@pytest.mark.parametrize("path", [*PAGES, f"{OURS}/words.js"])
async def test_page_and_file_name_their_methods(browser: httpx.AsyncClient, path: str) -> None:
    told = await browser.options(path, headers={"Accept": "*/*"})
    assert (told.status_code, told.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
    refused = await browser.post(path, headers={"Accept": "*/*"})
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize(
    ("accept_encoding", "encoding"),
    [
        ("gzip, deflate, br, zstd", "gzip"),
        ("GZIP", "gzip"),
        ("*", "gzip"),
        ("gzip;q=0", None),
        ("identity, gzip;q=0", None),
        ("gzipped", None),
        ("", None),
    ],
)
async def test_file_is_compressed_for_those_that_accept_it(
    browser: httpx.AsyncClient, accept_encoding: str, encoding: str | None
) -> None:
    answer = await browser.get(f"{OURS}/words.js", headers={"Accept-Encoding": accept_encoding})
    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.content == FILES["words.js"].content
    assert "Accept-Encoding" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (f'W/"{RELEASE.name}"', 304),
        (f'"{RELEASE.name}"', 304),
        (f'"other", W/"{RELEASE.name}"', 304),
        ("*", 304),
        (f'"other-{RELEASE.name}"', 200),
        (f'x"{RELEASE.name}"', 200),
        (RELEASE.name, 200),
    ],
)
async def test_if_none_match_is_read_as_a_list_of_entity_tags(
    browser: httpx.AsyncClient, asked: str, status: int
) -> None:
    headers = HTML | {"If-None-Match": asked}
    assert (await browser.get("/kitchen", headers=headers)).status_code == status


async def test_unchanged_page_is_asked_about_and_not_sent_again(browser: httpx.AsyncClient) -> None:
    first = await browser.get("/board", headers=HTML)
    assert first.headers["Cache-Control"] == "no-cache"
    again = await browser.get("/board", headers=HTML | {"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]


async def test_files_of_this_release_are_kept_for_ever_and_of_another_asked_about(
    browser: httpx.AsyncClient,
) -> None:
    ours = await browser.get(f"{OURS}/words.js")
    assert "immutable" in ours.headers["Cache-Control"]
    # A page of another replica that is not replaced yet.
    other = await browser.get("/pages/another/words.js")
    assert other.headers["Cache-Control"] == "no-cache"
    assert other.content == ours.content


async def test_page_tells_its_release_without_being_sent(browser: httpx.AsyncClient) -> None:
    asked = await browser.head("/kitchen", headers=HTML)
    assert asked.status_code == 200
    assert RELEASE.name in asked.headers["ETag"]
    page = await browser.get("/kitchen", headers=HTML)
    assert f'src="{OURS}/kitchen.js"' in page.text


async def test_module_has_the_type_that_browsers_run(browser: httpx.AsyncClient) -> None:
    answer = await browser.get(f"{OURS}/live.js")
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("path", ["/menuu", "/ordr/123", "/kitchen/", "/pages/x/nothing.js"])
async def test_mistyped_page_is_a_page_for_browsers_and_a_problem_for_programs(
    browser: httpx.AsyncClient, path: str
) -> None:
    for method in ("GET", "HEAD"):
        page = await browser.request(method, path, headers=HTML)
        assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert "Accept" in page.headers["Vary"]
        assert "ETag" not in page.headers
    assert "lost.js" in (await browser.get(path, headers=HTML)).text
    for accept in ("application/json", "*/*", "", "text/html;q=0.1, application/json"):
        answer = await browser.get(path, headers={"Accept": accept})
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    posted = await browser.post(path, headers=HTML)
    assert posted.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "place"), [("/order/01M84", "/#/order/01M84"), ("/order", "/#/orders")]
)
async def test_link_to_an_order_leads_a_browser_to_the_guests_page(
    browser: httpx.AsyncClient, path: str, place: str
) -> None:
    led = await browser.get(path, headers=HTML)
    assert (led.status_code, led.headers["Location"]) == (303, place)


@pytest.mark.parametrize("accept", ["application/json", "*/*", ""])
async def test_order_stays_json_for_programs(browser: httpx.AsyncClient, accept: str) -> None:
    assert (await browser.get("/order/01M84", headers={"Accept": accept})).json() == {"number": 7}


async def test_unknown_file_is_not_found(browser: httpx.AsyncClient) -> None:
    assert (await browser.get(f"{OURS}/nothing.js")).status_code == 404


def test_all_pages_together_are_sent_in_less_than_100_kib() -> None:
    assert sum(len(file.gzipped) for file in FILES.values()) < LIMIT


@pytest.mark.parametrize("page", ALL_PAGES)
def test_first_load_of_a_page_is_at_most_64_kib_as_it_is_sent(page: str) -> None:
    needed = needed_by(page)
    assert len(needed) > 3
    # Packed, for that is what a guest with a slow line waits for.
    assert sum(len(FILES[name].gzipped) for name in needed) <= FIRST_LOAD_LIMIT


def test_page_names_no_file_that_is_missing() -> None:
    for page in ALL_PAGES:
        assert needed_by(page) <= FILES.keys()


@pytest.mark.parametrize("page", ALL_PAGES)
def test_page_names_all_its_modules_so_that_none_waits_for_another(page: str) -> None:
    named = _Links.of(FILES[page].content.decode())
    assert named == needed_by(page) - {page}


def needed_by(page: str) -> set[str]:
    """The page's files: those it names, and the modules these import."""
    found: set[str] = set()
    waiting = {page}
    while waiting:
        name = waiting.pop()
        found.add(name)
        text = FILES[name].content.decode()
        named = _Links.of(text) if name.endswith(".html") else set(_imports(text))
        waiting |= named - found
    return found


def _imports(module: str) -> list[str]:
    return re.findall(r"^(?:import|\} from|import .* from) ?.*'\./([\w.]+)';", module, re.M)


class _Links(HTMLParser):
    """The files under ``/pages`` that an HTML file names."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    @classmethod
    def of(cls, text: str) -> set[str]:
        parser = cls()
        parser.feed(text)
        return parser.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for _, value in attrs:
            if value and value.startswith(f"{OURS}/"):
                self.found.add(value.removeprefix(f"{OURS}/"))
