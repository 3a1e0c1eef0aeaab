"""Processes that are kept running: when one ends by itself it is started again.

Why not a library: docs/decisions/0010-our-own-process-keeper.md.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
STEADY_SECONDS = 10.0
"""A process that lived this long is started again without a longer pause than the first."""
STOP_SECONDS = 3.5
"""How long a process may take to end after SIGTERM before it is killed."""
LAST_WORDS_SECONDS = 1.0
"""How long what a process wrote is read after its end."""

Follow = Callable[[asyncio.StreamReader], Coroutine[Any, Any, None]]


class Child:
    """A process that is started again when it ends, after a pause that doubles each time; but not
    when its status says that its settings are at fault (``EX_CONFIG`` of sysexits.h).

    It lives in a session of its own: Ctrl-C at the terminal reaches us alone, and we stop our
    children in good order. It writes straight to our own output, unless ``follow`` is given: that
    reads what it writes to stderr, until its end.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        follow: Follow | None = None,
    ) -> None:
        self.name = name
        self.endings = 0
        self.last_status: int | None = None
        self.can_not_run = asyncio.Event()
        """Set when it has ended for its settings, so that it is not started again."""
        self._command = command
        self._environment = environment
        self._follow = follow
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process's id, None while none runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def keep_running(self) -> None:
        """Runs the process, again and again, until ``stop`` is called."""
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            started_at = loop.time()
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE if self._follow else None,
                start_new_session=True,
            )
            async with self._followed(self._process):
                ended_by_itself = await self._ended_by_itself(self._process)
            if not ended_by_itself:
                return
            if self.last_status == os.EX_CONFIG:
                self.can_not_run.set()
                return
            if loop.time() - started_at >= STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            if self._stopping.is_set():
                return
            print(
                f"{self.name} ended ({self.describe()}); it starts again in {pause:g} s", flush=True
            )
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    @asynccontextmanager
    async def _followed(self, process: asyncio.subprocess.Process) -> AsyncIterator[None]:
        if self._follow is None or process.stderr is None:
            yield
            return
        following = asyncio.create_task(self._follow(process.stderr))
        yield
        # What it started, if that outlives it, may hold its output open.
        await asyncio.wait({following}, timeout=LAST_WORDS_SECONDS)
        following.cancel()

    async def _ended_by_itself(self, process: asyncio.subprocess.Process) -> bool:
        ended = asyncio.create_task(process.wait())
        told = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({ended, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if self._stopping.is_set():
            self._signal(signal.SIGTERM)
            _, late = await asyncio.wait({ended}, timeout=STOP_SECONDS)
            if late:
                print(
                    f"{self.name} did not stop within {STOP_SECONDS:g} s and is killed", flush=True
                )
                self.kill()
        self.last_status = await ended
        self.endings += 1
        return not self._stopping.is_set()

    def stop(self) -> None:
        """Ends the process in good order; ``keep_running`` returns when it is gone."""
        self._stopping.set()

    def kill(self) -> None:
        """Ends the process and all that it started, at once."""
        self._signal(signal.SIGKILL)

    def describe(self) -> str:
        """How the process last ended, for people."""
        status = self.last_status
        if status is None:
            return "it has not ended"
        return f"status {status}" if status >= 0 else f"killed by {signal.Signals(-status).name}"

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)


@asynccontextmanager
async def kept_running(*children: Child) -> AsyncIterator[Callable[[Child], None]]:
    """Keeps ``children`` running while the block runs, then stops them all at once.

    Yields what starts another one, which is kept and stopped with them.
    """
    keeping: dict[Child, asyncio.Task[None]] = {}

    def keep(child: Child) -> None:
        keeping[child] = asyncio.create_task(child.keep_running())

    for child in children:
        keep(child)
    try:
        yield keep
    finally:
        for child in keeping:
            child.stop()
        await asyncio.gather(*keeping.values())
