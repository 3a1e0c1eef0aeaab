"""The pages behind a proxy over plain HTTP, where browsers send no ``Sec-Fetch-Site``."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="the browser's driver comes with the dev requirements")
from playwright.async_api import Locator, expect

from infra.dev.readiness import wait_until_ready
from infra.dev.settings import REPOSITORY
from tests.browser import CHROMIUM, PLAIN_HOST, GuestPage, KitchenPage, People, new_login
from tests.conftest import free_port
from tests.nginx import documented_server, needs_nginx, nginx_running
from tests.stack import READY_SECONDS, STOP_SECONDS, Stack

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
    needs_nginx,
]


def plain_server(port: int, upstream: int) -> str:
    """The documented block without TLS, and with a ``Host`` that says nothing of the browser's."""
    server = documented_server(
        listen=f"127.0.0.1:{port}", proxy_pass=f"http://127.0.0.1:{upstream}"
    )
    lines = [line for line in server.splitlines(keepends=True) if "ssl_certificate" not in line]
    return "".join(lines).replace("$http_host", "$proxy_host")


@contextmanager
def another_gateway(
    stack: Stack, folder: Path, port: int, ops_port: int, **settings: str
) -> Iterator[None]:
    """A gateway beside the stack's own, before the same services."""
    ports = {"GATEWAY_PORT": str(port), "GATEWAY_OPS_PORT": str(ops_port)}
    with (folder / "gateway.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway"],
            env=stack.environment("gateway") | ports | settings,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


@pytest.fixture(scope="module")
async def public(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Where browsers find a gateway that is told where that is."""
    folder = tmp_path_factory.mktemp("public")
    port, behind, ops = free_port(), free_port(), free_port()
    url = f"http://{PLAIN_HOST}:{port}"
    with another_gateway(stack, folder, behind, ops, GATEWAY_PUBLIC_ORIGIN=url):
        await wait_until_ready({"gateway": f"http://127.0.0.1:{ops}"}, seconds=READY_SECONDS)
        async with nginx_running(folder / "nginx", plain_server(port, behind)):
            yield url


async def test_guest_and_cook_work_behind_a_proxy_that_rewrites_the_host(
    people: People, stack: Stack, public: str
) -> None:
    context = await people.context()
    guest, cook = (
        GuestPage(await context.new_page()),
        KitchenPage(await (await people.context()).new_page()),
    )
    await guest.open(f"{public}/?kitchen=patio")
    number = await guest.order_bowl(new_login())
    await cook.open(f"{public}/kitchen?kitchen=patio", "cook", stack.secrets.passwords["cook"])
    await cook.tap(number, "queued")
    await guest.expect_status("preparing")


async def test_page_at_an_unknown_address_sends_people_to_the_staff(
    people: People, stack: Stack, tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://{PLAIN_HOST}:{port}"
    upstream = int(stack.gateway_url.rpartition(":")[2])
    async with nginx_running(tmp_path / "nginx", plain_server(port, upstream)):
        context = await people.context()
        error = await refusal(GuestPage(await context.new_page()), url)
        await expect(error).to_have_text("This address isn’t set up yet. Tell the staff.")


async def test_page_at_another_address_says_which_is_right(people: People, public: str) -> None:
    context = await people.context(locale="ru-RU")
    wrong = public.replace(PLAIN_HOST, f"www.{PLAIN_HOST}")
    error = await refusal(GuestPage(await context.new_page()), wrong)
    await expect(error).to_have_text(f"Откройте {public}.")


async def refusal(guest: GuestPage, url: str) -> Locator:
    """What the form says to a guest who signs up to order."""
    await guest.open(f"{url}/")
    await guest.write_down("chicken-bowl", "guacamole")
    await guest.send()
    await guest.sign_up(new_login())
    return guest.page.locator("dialog[open] .error")
