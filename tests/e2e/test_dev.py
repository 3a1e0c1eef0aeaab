"""``./task dev`` as a developer runs it, on ports of its own."""

import asyncio
import os
import pty
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from infra.dev.guest import Guest, open_http
from infra.dev.layout import Layout
from infra.dev.secrets_file import FILE_NAME, read_secrets
from infra.dev.settings import REPOSITORY
from tests.follower import Follower

STOP_SECONDS = 5
OPEN = "Ctrl-C stops everything."
END_OF_INPUT = b"\x04"
"""Ctrl-D."""


@asynccontextmanager
async def dev_running(
    environment: Mapping[str, str], *, stdin: int = asyncio.subprocess.DEVNULL
) -> AsyncIterator["Dev"]:
    """One run of it, which is over when the block ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.dev"),
        cwd=REPOSITORY,
        env=environment,
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Dev(process)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


class Dev:
    """One run, and all that it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said = ""

    async def until_it_says(self, text: str, *, times: int = 1) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.said += line.decode()
            if self.said.count(text) >= times:
                return
        pytest.fail(f"it ended without saying {text!r}:\n{self.said}")

    async def interrupt(self) -> int:
        """Ctrl-C; the exit status, if it comes in time. All that is left to say is read."""
        self.process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                rest, _ = await self.process.communicate()
        except TimeoutError:
            pytest.fail(f"it did not stop:\n{self.said}")
        self.said += rest.decode()
        assert self.process.returncode is not None
        return self.process.returncode


@pytest.fixture
def layout() -> Layout:
    return Layout.on_free_ports()


@pytest.fixture
def environment(layout: Layout, tmp_path: Path) -> dict[str, str]:
    ports = {setting: str(port) for setting, port in layout.ports.items()}
    return {
        "PATH": os.environ["PATH"],
        "BRIGADE_VAR": str(tmp_path / "var"),
        "KITCHEN_SPEED": "600",
        "KITCHEN_TICK_SECONDS": "0.2",
        **ports,
    }


async def test_house_opens_takes_an_order_and_closes_with_a_stream_open(
    layout: Layout, environment: dict[str, str], tmp_path: Path
) -> None:
    async with dev_running(environment) as dev, open_http(layout.gateway_url) as http:
        await dev.until_it_says(OPEN)
        assert f"curl {layout.gateway_url}/menu" in dev.said
        passwords = read_secrets(tmp_path / "var").passwords
        assert re.search(rf"admin / {re.escape(passwords['admin'])}$", dev.said, re.MULTILINE)
        assert len((await http.get("/menu")).json()["items"]) == 14
        guest = Guest(http, "anna", "correct horse battery")
        await guest.register()
        async with Follower(guest) as follower:
            placed = await guest.call(
                "POST", "/order", json={"items": [{"sku": "fries", "quantity": 1}]}
            )
            await follower.until_status(placed.json()["id"], "completed")
            cook = Guest(http, "cook", passwords["cook"])
            assert (await cook.call("GET", "/kitchen/tickets")).status_code == 200
            assert await dev.interrupt() == 0, dev.said
        assert "is killed" not in dev.said
    layout.check_ports_are_free()


async def test_healthy_start_tells_what_matters_and_the_banner_last(
    environment: dict[str, str],
) -> None:
    async with dev_running(environment) as dev:
        await dev.until_it_says(OPEN)
    began, *banner = dev.said.splitlines()
    assert began.startswith("Starting Redis")
    assert banner[:2] == ["", "Brigade is open."]


async def test_menu_is_never_empty_from_the_first_answer_on(
    layout: Layout, environment: dict[str, str]
) -> None:
    async with dev_running(environment) as dev, open_http(layout.gateway_url) as http:
        opening = asyncio.create_task(dev.until_it_says(OPEN))
        dishes = []
        while not opening.done() or not dishes:
            with suppress(httpx.TransportError):
                answer = await http.get("/menu")
                dishes.append(len(answer.json()["items"]))
        await opening
    assert set(dishes) == {14}


async def test_enter_shows_the_banner_again_and_the_end_of_input_does_nothing(
    environment: dict[str, str],
) -> None:
    terminal, its_end = pty.openpty()
    try:
        async with dev_running(environment, stdin=its_end) as dev:
            await dev.until_it_says(OPEN)
            assert "Enter shows this again" in dev.said
            os.write(terminal, b"\n")
            await dev.until_it_says(OPEN, times=2)
            os.write(terminal, END_OF_INPUT)
            os.write(terminal, b"\n")
            await dev.until_it_says(OPEN, times=3)
            assert await dev.interrupt() == 0, dev.said
    finally:
        os.close(terminal)
        os.close(its_end)
    assert dev.said.count("Brigade is open.") == 3


async def test_kitchen_cooks_twenty_times_as_fast_unless_told_otherwise(
    environment: dict[str, str],
) -> None:
    unset = {name: value for name, value in environment.items() if name != "KITCHEN_SPEED"}
    async with dev_running(unset) as dev:
        await dev.until_it_says(OPEN)
    assert "cooking is 20 times as fast" in dev.said
    assert "KITCHEN_SPEED=1 ./task dev" in dev.said


async def test_second_one_over_the_same_data_is_refused(
    layout: Layout, environment: dict[str, str], tmp_path: Path
) -> None:
    other = Layout.on_free_ports()
    ports = {setting: str(port) for setting, port in other.ports.items()}
    async with dev_running(environment) as dev:
        await dev.until_it_says(OPEN)
        async with dev_running({**environment, **ports}) as second:
            said, _ = await second.process.communicate()
        assert second.process.returncode == 1
        (line,) = said.decode().splitlines()
        assert str(tmp_path / "var") in line
        assert "BRIGADE_VAR" in line
        assert await dev.interrupt() == 0, dev.said


async def test_data_that_can_not_be_written_is_one_line(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "var").write_text("no folder", "utf-8")
    async with dev_running(environment) as dev:
        said, _ = await dev.process.communicate()
    assert dev.process.returncode == 1
    (line,) = said.decode().splitlines()
    assert "BRIGADE_VAR" in line


async def test_second_start_finds_menu_and_secrets(
    layout: Layout, environment: dict[str, str], tmp_path: Path
) -> None:
    found = []
    for _ in range(2):
        async with dev_running(environment) as dev, open_http(layout.gateway_url) as http:
            await dev.until_it_says(OPEN)
            menu = (await http.get("/menu")).json()
            found.append((menu, (tmp_path / "var" / FILE_NAME).read_bytes()))
            assert await dev.interrupt() == 0, dev.said
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("setting", "value", "why"),
    [
        ("AUTH_ACCESS_TOKEN_LIFETIME", "5 seconds", "PT15M"),
        ("KITCHEN_CAPACITY", "many", "integer"),
        ("ORDER_PEERS", "nobody", "JSON"),
        ("AUTH_REDIS_URL", "redis://:a#b@127.0.0.1/0", "percent-encode"),
        ("GATEWAY_PORT", "99999", "1 to 65535"),
    ],
)
async def test_setting_that_can_not_be_read_is_one_line_and_the_end(
    environment: dict[str, str], setting: str, value: str, why: str
) -> None:
    async with dev_running({**environment, setting: value}) as dev:
        said, _ = await dev.process.communicate()
    assert dev.process.returncode == os.EX_CONFIG
    [line] = [line for line in said.decode().splitlines() if line.startswith("setting ")]
    assert why in line
    assert setting in line
    assert value not in said.decode()
    assert "Traceback" not in said.decode()


@pytest.mark.parametrize("setting", ["BRIGADE_REDIS_PORT", "GATEWAY_PORT", "KITCHEN_OPS_PORT"])
async def test_port_in_use_is_one_line_that_says_what_to_set(
    layout: Layout, environment: dict[str, str], setting: str
) -> None:
    with socket.create_server(("127.0.0.1", layout.ports[setting])):
        async with dev_running(environment) as dev:
            said, _ = await dev.process.communicate()
    assert dev.process.returncode == 1
    (line,) = said.decode().splitlines()
    assert str(layout.ports[setting]) in line
    assert setting in line
