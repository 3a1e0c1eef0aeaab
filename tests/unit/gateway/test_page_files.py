"""The pages as files: what is sent, how much of it, and under which rules."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.routes.pages import PAGES, PageRoutes, read_release

RELEASE = read_release()
FILES = RELEASE.files
OURS = f"/pages/{RELEASE.name}"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
LIMIT = 100 * 1024


async def numbers(_: Request) -> Response:
    return JSONResponse({"ready": []})


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[*PageRoutes().routes(), Route("/board", numbers)])
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
    for accept in ("application/json", "*/*"):
        answer = await browser.get("/board", headers={"Accept": accept})
        assert answer.json() == {"ready": []}


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


async def test_unknown_file_is_not_found(browser: httpx.AsyncClient) -> None:
    assert (await browser.get(f"{OURS}/nothing.js")).status_code == 404


def test_all_pages_together_are_sent_in_less_than_100_kib() -> None:
    assert sum(len(file.gzipped) for file in FILES.values()) < LIMIT


@pytest.mark.parametrize("page", PAGES.values())
def test_page_weighs_less_than_100_kib_unpacked(page: str) -> None:
    needed = needed_by(page)
    assert len(needed) > 3
    assert sum(len(FILES[name].content) for name in needed) < LIMIT


def test_page_names_no_file_that_is_missing() -> None:
    for page in PAGES.values():
        assert needed_by(page) <= FILES.keys()


@pytest.mark.parametrize("page", PAGES.values())
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
