"""Programs of a rush, really run: what they do that nobody did to them is a fall."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from infra.dev.free_ports import free_ports
from infra.dev.local_redis import LocalRedis
from infra.dev.rush import programs
from infra.dev.rush.log_file import find_errors
from infra.dev.rush.programs import RedisProgram, ServiceProgram

READY = 'print(\'{"event": "ready"}\', flush=True)\n'
WAIT = "import signal\nwhile True: signal.pause()\n"


@asynccontextmanager
async def running(folder: Path, code: str) -> AsyncIterator[ServiceProgram]:
    """A program that runs ``code``, in the middle of which it says that it is ready."""
    (folder / "planted.py").write_text(code, encoding="utf-8")
    program = ServiceProgram("planted", {"PYTHONPATH": str(folder)}, folder / "planted-1.log")
    keeping = asyncio.create_task(program.keep_running())
    try:
        await until(lambda: said(program).count("ready") == 1)
        yield program
    finally:
        await program.stop()
        await keeping


async def until(happened: Callable[[], bool]) -> None:
    """Looks until it is so."""
    while not happened():  # noqa: ASYNC110
        await asyncio.sleep(0.02)


def said(program: ServiceProgram) -> str:
    return program.log_file.read_text("utf-8") if program.log_file.exists() else ""


async def test_program_that_is_killed_and_stopped_has_not_fallen(tmp_path: Path) -> None:
    stop = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
    cut_short = "print('{\"event\": \"cut', end='', flush=True)\n"
    async with running(tmp_path, stop + READY + cut_short + WAIT) as program:
        await until(lambda: "cut" in said(program))
        await program.kill()
        await until(lambda: said(program).count("ready") == 2)
        await program.kill()
        await until(lambda: said(program).count("ready") == 3)
    assert program.falls == []
    # The last was not killed, so what it did not end is its own fault.
    assert list(find_errors(said(program))) == ['{"event": "cut']


@pytest.mark.parametrize("status", [0, 3])
async def test_program_that_ends_by_itself_fell(tmp_path: Path, status: int) -> None:
    code = f"{READY}import sys\nsys.exit({status})"
    async with running(tmp_path, code) as program:
        await until(lambda: bool(program.falls))
    assert program.falls[0] == f"ended with status {status}"


async def test_program_that_a_stranger_killed_fell(tmp_path: Path) -> None:
    code = f"import os\nprint(os.getpid(), flush=True)\n{READY}{WAIT}"
    async with running(tmp_path, code) as program:
        os.kill(int(said(program).split()[0]), signal.SIGKILL)
        await until(lambda: bool(program.falls))
    assert program.falls[0] == "ended with status -9"


async def test_program_that_fell_before_it_was_killed_fell(tmp_path: Path) -> None:
    code = f"{READY}import sys\nsys.exit(3)"
    async with running(tmp_path, code) as program:
        # Too late, and not yet known to be.
        program._killed = True
        await until(lambda: bool(program.falls))


async def test_program_that_will_not_stop_fell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "STOP_SECONDS", 0.2)
    code = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY + WAIT
    async with running(tmp_path, code) as program:
        pass
    assert program.falls == ["did not stop within 0.2 s"]


async def test_program_that_stops_badly_fell(tmp_path: Path) -> None:
    code = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n"
    async with running(tmp_path, code + READY + WAIT) as program:
        pass
    assert program.falls == ["ended with status 3"]


async def test_redis_that_ends_by_itself_fell(tmp_path: Path) -> None:
    server = LocalRedis(free_ports(1)[0], tmp_path)
    program = RedisProgram(server)
    await program.start()
    await program.kill()
    assert program.falls == []
    os.kill(server.pid, signal.SIGTERM)
    await until(lambda: server.status is not None)
    await program.kill()
    assert program.falls == ["ended with status 0"]
    os.kill(server.pid, signal.SIGKILL)
    await until(lambda: server.status is not None)
    await program.stop()
    assert program.falls == ["ended with status 0", "ended with status -9"]
