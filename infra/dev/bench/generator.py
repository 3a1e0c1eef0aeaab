"""Load on one or several servers at once, by ``wrk`` where it is installed, else by our client."""

import asyncio
import json
import resource
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.dev.bench.client import RESULT_MARK, with_keys
from infra.dev.bench.errors import BenchError
from infra.dev.bench.shots import read_shots
from infra.dev.settings import REPOSITORY

SCRIPT = Path(__file__).with_name("lua") / "shots.lua"
OVERTIME_SECONDS = 30
TOLD_BYTES = 600
"""How much of an answer that is no good is shown."""
FULL_CORE = 0.9
"""The share of a core from which on a generator with one thread is the limit itself."""


@dataclass(frozen=True)
class Load:
    """What is sent, and what a good answer is."""

    shots: Path
    expected: int
    """The status of every answer. wrk tells only that none was 400 or above."""
    connections: int


@dataclass(frozen=True)
class Burst:
    """What came of some seconds of load."""

    requests: int
    """Answered; all of them well."""
    seconds: float
    p50_ms: float
    p99_ms: float
    generator_cores: float
    """The cores' worth of CPU time the busiest generator used."""

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def limited_by_generator(self) -> bool:
        return self.generator_cores > FULL_CORE


@dataclass(frozen=True)
class Outcome:
    """What one generator said."""

    requests: int
    microseconds: int
    bytes: int
    p50_us: int
    p99_us: int
    refused: int
    broken: int


class Generators:
    """Makes load; every request's key is one this run has not used before."""

    def __init__(self, *, use_wrk: bool = True) -> None:
        self._wrk = shutil.which("wrk") if use_wrk else None
        self._runs = 0

    @property
    def name(self) -> str:
        return "wrk" if self._wrk else "our own client"

    async def fire(self, load: Load, ports: Sequence[int], seconds: int) -> Burst:
        """As many requests as servers on ``ports`` answer, the connections shared among them.

        Raises:
            BenchError: a request was refused, a connection broke, or nothing was answered.
        """
        connections = load.connections // len(ports)
        if self._wrk:
            commands = [
                [
                    *(self._wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"),
                    *("-s", str(SCRIPT), f"http://127.0.0.1:{port}/", "--"),
                    *(str(load.shots), self._next_prefix()),
                ]
                for port in ports
            ]
        else:
            commands = [self._client(load, port, connections, seconds) for port in ports]
        return await self._run(load, ports, commands, seconds)

    async def fire_steadily(self, load: Load, port: int, seconds: float, rate: float) -> Burst:
        """``rate`` requests a second, whatever becomes of them. Raises BenchError as ``fire``."""
        command = self._client(load, port, load.connections, seconds)
        return await self._run(load, [port], [[*command, "--rate", str(rate)]], seconds)

    def _client(self, load: Load, port: int, connections: int, seconds: float) -> list[str]:
        return [
            *(sys.executable, "-m", "infra.dev.bench.client", "--port", str(port)),
            *("--shots", str(load.shots), "--prefix", self._next_prefix()),
            *("--connections", str(connections), "--seconds", str(seconds)),
            *("--expect", str(load.expected)),
        ]

    def _next_prefix(self) -> str:
        self._runs += 1
        return f"bench-{self._runs}"

    async def _run(
        self, load: Load, ports: Sequence[int], commands: Sequence[Sequence[str]], seconds: float
    ) -> Burst:
        used_before = _children_seconds()
        outcomes = await asyncio.gather(*(_run_one(command, seconds) for command in commands))
        used = (_children_seconds() - used_before) / len(commands)
        refused = sum(outcome.refused for outcome in outcomes)
        broken = sum(outcome.broken for outcome in outcomes)
        total = sum(outcome.requests for outcome in outcomes)
        if not (refused or broken or total):
            raise BenchError(f"{load.shots.name}: no answer within {seconds:g} s; is all well?")
        if refused or broken:
            raise BenchError(
                f"of {total} answers to {load.shots.name} {refused} were not {load.expected}, "
                f"and {broken} connections broke or timed out; asked once more it is answered "
                f"{await _ask_once(load, ports[0], self._next_prefix())}"
            )
        took = max(outcome.microseconds for outcome in outcomes) / 1_000_000
        return Burst(
            requests=total,
            seconds=took,
            p50_ms=max(outcome.p50_us for outcome in outcomes) / 1000,
            p99_ms=max(outcome.p99_us for outcome in outcomes) / 1000,
            generator_cores=used / took,
        )


async def _run_one(command: Sequence[str], seconds: float) -> Outcome:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=REPOSITORY,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(seconds + OVERTIME_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        raise BenchError(f"{command[0]} did not come to an end") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return parse_outcome(said.decode(errors="replace"))


async def _ask_once(load: Load, port: int, key: str) -> str:
    """The beginning of the answer to the first request of ``load``, for people."""
    request = next(with_keys(read_shots(load.shots), key))
    try:
        async with asyncio.timeout(OVERTIME_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(request)
                return repr((await reader.read(TOLD_BYTES)).decode(errors="replace"))
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return "not at all"


def parse_outcome(said: str) -> Outcome:
    """What a generator printed. Raises BenchError where that is no outcome."""
    for line in said.splitlines():
        if line.startswith(RESULT_MARK):
            return Outcome(**json.loads(line.removeprefix(RESULT_MARK)))
    raise BenchError(f"the load generator failed:\n{said.strip()}")


def _children_seconds() -> float:
    """The CPU time of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
