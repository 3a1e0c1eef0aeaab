"""``./task dev`` as a developer runs it, on ports of its own."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from infra.dev.guest import Guest, open_http
from infra.dev.layout import Layout
from infra.dev.secrets_file import FILE_NAME, read_secrets
from infra.dev.settings import REPOSITORY
from tests.follower import Follower

STOP_SECONDS = 5
OPEN = "Ctrl-C stops everything."


@asynccontextmanager
async def dev_running(environment: Mapping[str, str]) -> AsyncIterator["Dev"]:
    """One run of it, which is over when the block ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.dev"),
        cwd=REPOSITORY,
        env=environment,
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

    async def until_it_says(self, text: str) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.said += line.decode()
            if text in self.said:
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
