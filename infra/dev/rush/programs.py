"""Processes that are killed and frozen, and started again at once."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from infra.dev.local_redis import LocalRedis
from infra.dev.rush.log_file import mark_kill
from infra.dev.settings import REPOSITORY

STOP_SECONDS = 10
# A program that ends by itself is a fault found; it must not become a busy loop too.
FALL_PAUSE_SECONDS = 0.5


class Program(Protocol):
    """Something that runs, and that faults are done to."""

    name: str
    """What is counted together: all replicas of a service have one name."""

    falls: list[str]
    """How it ended when nobody had ended it, and what kept it from ending in good order."""

    @property
    def is_up(self) -> bool:
        """Whether there is a process to do something to."""

    async def kill(self) -> None:
        """Ends it as a power cut would, and has it started again."""

    def freeze(self) -> None:
        """Stops it in its tracks: its connections stay open, and nothing answers."""

    def thaw(self) -> None:
        """Lets it go on; harmless where it is not frozen."""


class ServiceProgram:
    """One replica of a service. Runs while ``keep_running`` does."""

    def __init__(self, name: str, environment: Mapping[str, str], log_file: Path) -> None:
        self.name = name
        self.log_file = log_file
        self.falls: list[str] = []
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self._killed = False
        self._stopping = False

    @property
    def is_up(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def keep_running(self) -> None:
        """Runs it, again and again, until ``stop`` is called."""
        with self.log_file.open("ab") as log:
            while not self._stopping:
                self._killed = False
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", self.name),
                    env=self._environment,
                    cwd=REPOSITORY,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # Ctrl-C at the terminal is for us; we stop our programs in good order.
                    start_new_session=True,
                )
                status = await self._process.wait()
                if self._killed and status == -signal.SIGKILL:
                    log.write(mark_kill())
                    log.flush()
                elif not self._stopping:
                    self._fell(status)
                    await asyncio.sleep(FALL_PAUSE_SECONDS)

    async def kill(self) -> None:
        self._killed = True
        self._signal(signal.SIGKILL)
        if self._process is not None:
            await self._process.wait()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    async def stop(self) -> None:
        """Ends it in good order; kills it where that takes too long."""
        self._stopping = True
        if not self.is_up or self._process is None:
            return
        self.thaw()
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                status = await self._process.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._process.wait()
            self.falls.append(f"did not stop within {STOP_SECONDS} s")
        else:
            if status:
                self._fell(status)

    def _fell(self, status: int) -> None:
        self.falls.append(f"ended with status {status}")

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)


class RedisProgram:
    """The one Redis, over the same data each time it starts."""

    name = "redis"

    def __init__(self, redis: LocalRedis) -> None:
        self.falls: list[str] = []
        self._redis = redis
        self._starting = False
        self._killed = False

    @property
    def is_up(self) -> bool:
        return not self._starting

    async def start(self) -> None:
        """Returns when it answers. Raises TimeoutError."""
        self._starting = True
        try:
            await asyncio.to_thread(self._redis.start)
        finally:
            self._starting = False

    async def kill(self) -> None:
        self._note_fall()
        self._killed = True
        self._redis.kill()
        await self.start()
        self._killed = False

    def _note_fall(self) -> None:
        # Nobody waits for it: that it ended by itself is seen when it is to be ended.
        if (status := self._redis.status) is not None and not self._killed:
            self.falls.append(f"ended with status {status}")

    def freeze(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._redis.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._redis.pid, signal.SIGCONT)

    async def stop(self) -> None:
        """Ends it in good order."""
        self._note_fall()
        self.thaw()
        await asyncio.to_thread(self._redis.stop)
