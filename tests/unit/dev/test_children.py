"""Children tell the test that they live by connecting to it, so nothing here waits for time."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from infra.dev import children
from infra.dev.children import Child, kept_running

LIVING = """
import os, signal, socket, sys, time
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.sendall(f"{os.getpid()}\\n".encode())
"""
OBEDIENT = LIVING + "time.sleep(60)"
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + LIVING + "time.sleep(60)"
)
SHORT_LIVED = LIVING + "sys.exit(3)"


class Births:
    """The pids of the children that were born, as they come."""

    def __init__(self, port: int, pids: "asyncio.Queue[int]") -> None:
        self._port = port
        self._pids = pids

    def child(self, script: str) -> Child:
        command = [sys.executable, "-c", script, str(self._port)]
        return Child("child", command, os.environ)

    async def next(self) -> int:
        return await self._pids.get()


@pytest.fixture
async def births() -> AsyncIterator[Births]:
    pids: asyncio.Queue[int] = asyncio.Queue()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pids.put_nowait(int(await reader.readline()))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield Births(server.sockets[0].getsockname()[1], pids)


async def test_killed_child_is_started_again(
    births: Births, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "FIRST_PAUSE_SECONDS", 0.01)
    child = births.child(OBEDIENT)
    async with kept_running(child):
        first = await births.next()
        os.kill(first, signal.SIGKILL)
        second = await births.next()
        assert second != first
        assert child.pid == second
        assert (child.endings, child.describe()) == (1, "killed by SIGKILL")


async def test_child_that_ends_by_itself_is_started_again_and_again(
    births: Births, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "FIRST_PAUSE_SECONDS", 0.01)
    child = births.child(SHORT_LIVED)
    async with kept_running(child):
        pids = {await births.next() for _ in range(3)}
        assert child.endings >= 2
    assert len(pids) == 3


async def test_children_are_gone_when_the_block_ends(births: Births) -> None:
    one, two = births.child(OBEDIENT), births.child(OBEDIENT)
    async with kept_running(one, two):
        pids = [await births.next(), await births.next()]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert one.pid is two.pid is None


async def test_outer_children_outlive_inner_ones(births: Births) -> None:
    outer, inner = births.child(OBEDIENT), births.child(OBEDIENT)
    async with kept_running(outer):
        outer_pid = await births.next()
        async with kept_running(inner):
            await births.next()
        assert inner.pid is None
        assert outer.pid == outer_pid


async def test_child_that_will_not_stop_is_killed(
    births: Births, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "STOP_SECONDS", 0.05)
    child = births.child(STUBBORN)
    async with kept_running(child):
        await births.next()
    assert child.describe() == "killed by SIGKILL"


async def test_kill_does_not_wait_for_a_child_to_stop(births: Births) -> None:
    child = births.child(STUBBORN)
    async with kept_running(child):
        await births.next()
        child.stop()
        child.kill()
    assert child.describe() == "killed by SIGKILL"


async def test_child_between_two_lives_is_not_started_again_after_stop(
    births: Births, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "FIRST_PAUSE_SECONDS", 3600)
    child = births.child(SHORT_LIVED)
    keeping = asyncio.create_task(child.keep_running())
    await births.next()
    child.stop()
    await keeping
    assert child.endings == 1


async def test_child_does_not_hear_the_terminals_interrupt(births: Births) -> None:
    child = births.child(OBEDIENT)
    async with kept_running(child):
        assert os.getsid(await births.next()) != os.getsid(0)
