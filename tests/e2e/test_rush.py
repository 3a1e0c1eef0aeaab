"""A short Friday night: programs are killed and connections break, and every promise is kept."""

import asyncio
import sys

import pytest

from infra.dev.settings import REPOSITORY

SEED = 7


@pytest.mark.timeout(300)
async def test_every_promise_is_kept_on_a_short_friday_night() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.dev.rush", "--minutes", "0.75", "--seed", str(SEED)),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    table = said.decode()
    assert process.returncode == 0, table
    cells = [[cell.strip() for cell in line.split("│")] for line in table.splitlines()]
    values = {cell[1]: cell[2] for cell in cells if len(cell) == 4}
    assert values["violations"] == "0"
    assert int(values["kills"]) > 0
    assert values["finished"] == values["orders taken"] != "0"
