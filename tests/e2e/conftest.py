"""The real processes for end-to-end tests, quick enough to wait for."""

import json
from collections.abc import AsyncIterator, Generator
from typing import TYPE_CHECKING

import httpx
import pytest

from infra.dev.guest import Guest
from infra.dev.opening import SAMPLE_MENU
from tests.stack import Stack, new_guest

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.browser import People

SETTINGS = {
    # A dish of seven minutes takes 0.7 s, and is taken as picked up a second later.
    "KITCHEN_TICK_SECONDS": "0.2",
    "KITCHEN_SPEED": "600",
    "KITCHEN_CAPACITY": "20",
    # Nothing moves by itself in the manual kitchen: tests decide.
    "KITCHENS": json.dumps([{"name": "main"}, {"name": "patio", "mode": "manual"}]),
    "GATEWAY_HEARTBEAT_SECONDS": "1",
    "AUTH_ARGON2_MEMORY_KIB": "64",
    "AUTH_ARGON2_TIME_COST": "1",
}
SHOWN_LINES = 60

_running: list[Stack] = []


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The whole system, ready, with staff and the sample menu. Tests leave it running."""
    stack = Stack(tmp_path_factory.mktemp("stack"), SETTINGS)
    _running.append(stack)
    stack.start()
    try:
        await stack.wait_ready()
        async with stack.http() as http:
            await stack.open_house(http, SAMPLE_MENU)
            yield stack
    finally:
        stack.stop()


@pytest.fixture
async def http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """A client for the gateway."""
    async with stack.http() as client:
        yield client


@pytest.fixture
async def guest(http: httpx.AsyncClient) -> Guest:
    """A guest nobody has seen before, registered and signed in."""
    return await new_guest(http)


@pytest.fixture(scope="session")
async def browser() -> "AsyncIterator[Browser]":
    """One Chromium for all tests of pages, which skip without one before they ask for it."""
    # Its driver comes with the dev requirements only.
    from tests.browser import open_browser

    async with open_browser() as browser:
        yield browser


@pytest.fixture
async def people(browser: "Browser", stack: Stack) -> "AsyncIterator[People]":
    """Everyone who looks at the pages; none of these may have met a script error."""
    from playwright.async_api import expect

    from tests.browser import CATCH_UP_MS, People

    people = People(browser, stack)
    expect.set_options(timeout=CATCH_UP_MS)
    yield people
    await people.leave()
    assert people.errors == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds the last lines of every service to the report of a test that failed."""
    report = yield
    if report.failed:
        for stack in _running:
            for log in sorted(stack.folder.glob("*.log")):
                lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
                report.sections.append((f"{log.stem}'s log", "\n".join(lines[-SHOWN_LINES:])))
    return report
