"""A short Friday night: programs are killed and connections break, and every promise is kept."""

import asyncio
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest

from infra.dev.settings import REPOSITORY

SEED = 7


async def start_rush(*options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.dev.rush", "--seed", str(SEED), *options),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


def values_of(said: str) -> dict[str, str]:
    """The table, by its lines."""
    cells = [[cell.strip() for cell in line.split("│")] for line in said.splitlines()]
    return {cell[1]: cell[2] for cell in cells if len(cell) == 4}


@pytest.mark.timeout(300)
async def test_every_promise_is_kept_on_a_short_friday_night() -> None:
    rush = await start_rush("--minutes", "0.75")
    said, _ = await rush.communicate()
    table = said.decode()
    assert rush.returncode == 0, table
    values = values_of(table)
    assert values["violations"] == "0"
    assert int(values["kills"]) > 0
    assert values["finished"] == values["orders taken"] != "0"


async def test_rush_in_which_a_program_fell_over_fails_and_keeps_its_logs() -> None:
    rush = await start_rush("--minutes", "0.02")
    await end_a_service_of(rush.pid)
    said = (await rush.communicate())[0].decode()
    assert rush.returncode == 1, said
    values = values_of(said)
    assert values["a program that fell over"] == values["violations"] == "1"
    assert "a program that fell over: auth ended with status " in said
    [folder] = re.findall(r"Logs and data are kept in (\S+)", said)
    assert (Path(folder) / "auth-1.log").exists()
    shutil.rmtree(folder)


async def test_rush_that_is_broken_off_tells_what_it_knows() -> None:
    rush = await start_rush("--minutes", "10")
    await end_a_service_of(rush.pid)
    assert rush.stdout is not None
    said = b""
    # Its first line of many: the house is open.
    while b"orders" not in said:
        said += await rush.stdout.readline()
    rush.send_signal(signal.SIGINT)
    said += await rush.stdout.read()
    assert await rush.wait() == 130, said.decode()
    values = values_of(said.decode())
    assert "broken off" in said.decode()
    assert int(values["a program that fell over"]) >= 1


async def end_a_service_of(rush: int) -> None:
    """Ends an auth service of a rush as the rush itself never does, as soon as it runs."""
    while True:
        found = await asyncio.create_subprocess_exec(
            *("pgrep", "--parent", str(rush), "--full", "--", "-m auth$"),
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await found.communicate()
        if said:
            os.kill(int(said.split()[0]), signal.SIGTERM)
            return
        await asyncio.sleep(0.1)
