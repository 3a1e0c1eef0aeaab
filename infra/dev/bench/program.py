"""A process under measure: started and stopped by us, and never started again by itself."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from infra.dev.bench.errors import BenchError
from infra.dev.settings import REPOSITORY

STOP_SECONDS = 10
TOLD_LINES = 5


class Program:
    """One process. If it ends while it should run, what is measured without it would be untrue."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], log_file: Path
    ) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._log_file = log_file
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process's id. Raises BenchError when it does not run."""
        process = self._process
        if process is None or process.returncode is not None:
            raise BenchError("\n  ".join([f"{self.name} is not running", *self._last_lines()]))
        return process.pid

    def _last_lines(self) -> list[str]:
        if not self._log_file.exists():
            return []
        return self._log_file.read_text("utf-8", "replace").splitlines()[-TOLD_LINES:]

    async def start(self) -> None:
        """Starts it; it is not ready yet when this returns."""
        with self._log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environment,
                cwd=REPOSITORY,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C at the terminal is for us; we stop our programs in good order.
                start_new_session=True,
            )

    async def stop(self) -> None:
        """Ends it in good order; kills it where that takes too long."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
