"""``./task replay`` against the real processes."""

import asyncio
import sys
from pathlib import Path

from infra.dev.opening import SAMPLE_MENU, read_menu
from infra.dev.settings import REPOSITORY
from tests.stack import Stack

SAMPLE = Path(__file__).parents[1] / "data" / "orders-sample.tsv"


async def replay(stack: Stack, *options: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.dev.replay", str(SAMPLE), "--url", stack.gateway_url),
        *options,
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_sample_is_replayed_without_a_fault(stack: Stack) -> None:
    staff = ("--login", "admin", "--password", stack.secrets.passwords["admin"])
    status, said = await replay(stack, *staff, "--orders-per-guest", "4")
    assert status == 0, said
    cells = [[cell.strip() for cell in line.split("│")] for line in said.splitlines()]
    values = {cell[1]: cell[2] for cell in cells if len(cell) == 4}
    assert values["placed"] == values["completed"] == "12"
    assert values["money placed"] == values["money in the file"] == "178.00"
    assert {values[name] for name in ("lost", "duplicated", "out of order or missing")} == {"0"}
    # Its guests had a menu of their own; now there is the restaurant's again.
    menu = (await stack.staff("admin").call("GET", "/menu")).json()
    assert menu["items"] == read_menu(SAMPLE_MENU)["items"]


async def test_replay_by_nobody_of_the_staff_is_refused(stack: Stack) -> None:
    status, said = await replay(stack, "--login", "admin", "--password", "not the password")
    assert status == 2
    assert "401" in said
