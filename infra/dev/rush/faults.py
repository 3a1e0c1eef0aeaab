"""What goes wrong, and when: drawn from a seed."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from infra.clock import to_text, utc_now
from infra.dev.rush.programs import Program
from infra.dev.rush.wires import Wire

Target = TypeVar("Target")

PAUSE_SECONDS = (0.5, 2.0)
FROZEN_SECONDS = 3.0


class Faults:
    """Does one fault after the other to a house, and keeps count."""

    def __init__(
        self, programs: Sequence[Program], wires: Sequence[Wire], seed: int, log_file: Path
    ) -> None:
        """``log_file`` is told what was done when."""
        self.kills: Counter[str] = Counter()
        """Kills by what was killed."""
        self.freezes: Counter[str] = Counter()
        """By what was frozen."""
        self.cuts: Counter[str] = Counter()
        """Connections that were reset, by wire."""
        self.silenced: Counter[str] = Counter()
        """Connections that were left half-open, by wire."""
        self._log_file = log_file
        self._random = random.Random(f"{seed} faults")
        self._programs: dict[str, list[Program]] = {}
        for program in programs:
            self._programs.setdefault(program.name, []).append(program)
        self._wires: dict[str, list[Wire]] = {}
        for wire in wires:
            self._wires.setdefault(wire.name, []).append(wire)
        self._thawing: dict[asyncio.Task[None], Program] = {}

    async def run(self, seconds: float) -> None:
        """Does faults for so long; in the end everything that was frozen goes on."""
        loop = asyncio.get_running_loop()
        closing_at = loop.time() + seconds
        # Out of 20: kills are the most telling.
        kinds: dict[Callable[[], Awaitable[None]], int] = {
            self._kill: 11,
            self._freeze: 2,
            self._cut: 2,
            self._lose_answers: 3,
            self._silence: 2,
        }
        try:
            while (left := closing_at - loop.time()) > 0:
                await asyncio.sleep(min(left, self._random.uniform(*PAUSE_SECONDS)))
                [fault] = self._random.choices(list(kinds), list(kinds.values()))
                await fault()
        finally:
            for task, program in tuple(self._thawing.items()):
                task.cancel()
                # One that was frozen this very moment has a task that has not begun.
                program.thaw()

    async def _kill(self) -> None:
        program = self._draw(self._programs)
        if program.is_up:
            self.kills[program.name] += 1
            self._log("kill", program.name)
            await program.kill()

    async def _freeze(self) -> None:
        program = self._draw(self._programs)
        # One that is frozen already would be let go on by the first to thaw it.
        if program.is_up and program not in self._thawing.values():
            self.freezes[program.name] += 1
            self._log("freeze", program.name)
            program.freeze()
            task = asyncio.create_task(self._thaw(program))
            self._thawing[task] = program
            task.add_done_callback(self._thawing.pop)

    async def _thaw(self, program: Program) -> None:
        try:
            await asyncio.sleep(FROZEN_SECONDS)
        finally:
            program.thaw()

    async def _cut(self) -> None:
        wire = self._draw(self._wires)
        self._log("cut", wire.name, count := wire.cut())
        self.cuts[wire.name] += count

    async def _lose_answers(self) -> None:
        wire = self._draw(self._wires)
        self._log("lose answers", wire.name, wire.lose_answers())

    async def _silence(self) -> None:
        wire = self._draw(self._wires)
        self._log("silence", wire.name, count := wire.fall_silent())
        self.silenced[wire.name] += count

    def _log(self, fault: str, name: str, count: int = 1) -> None:
        with self._log_file.open("a", encoding="utf-8") as log:
            log.write(f"{to_text(utc_now())} {fault} {name} {count}\n")

    def _draw(self, targets: dict[str, list[Target]]) -> Target:
        return self._random.choice(self._random.choice(list(targets.values())))
