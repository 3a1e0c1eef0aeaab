"""What a run measured, as it is kept and shown. Times are seconds unless a name says otherwise."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from infra.dev.bench.processes import Memory

CALLS = {
    "post": "POST /order",
    "post_plain": "POST /order, plain unary gRPC",
    "get": "GET /order/{id}",
    "get_plain": "GET /order/{id}, plain unary gRPC",
    "list": "GET /order, 20 orders",
    "not_modified": "GET /order/{id}, 304",
    "login": "POST /login",
    "post_two": "POST /order, two gateways",
}
"""The calls whose rates are measured, in the order of the rounds: name → what people read."""
BUSY_ENOUGH = 0.95
"""The share of the changes wanted from which on a measurement of streams is the one wanted."""
PROCESSES = ("gateway", "order", "kitchen", "redis", "auth")
"""What a house is made of; all gateways that share a load count as one."""


@dataclass(frozen=True)
class Sample:
    """Some seconds of load, until all that it set off was done.

    Attributes:
        cpu: the CPU time each of the processes used, by what they are; the load generator apart.
        settled_after: how long after the load until the last order had reached the kitchen and
            the kitchen's answer the order.
        others_cores: the cores' worth of CPU time that processes not of this run had meanwhile.
        redis_bytes: by how much the memory Redis uses grew.
        generator_is_limit: whether the generator had no more to give.
    """

    requests: int
    seconds: float
    cpu: dict[str, float]
    generator_cores: float
    others_cores: float
    p50_ms: float
    p99_ms: float
    generator_is_limit: bool = False
    settled_after: float = 0.0
    redis_bytes: int = 0

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_per_request(self) -> dict[str, float]:
        return {name: seconds / self.requests for name, seconds in self.cpu.items()}

    @property
    def all_cpu_per_request(self) -> float:
        return sum(self.cpu.values()) / self.requests


@dataclass(frozen=True)
class Round:
    """A sample, and the ceiling right before and right after it."""

    sample: Sample
    before: Sample
    after: Sample

    @property
    def ceiling(self) -> float:
        """Requests a second that a hello reached."""
        return (self.before.rate + self.after.rate) / 2

    @property
    def hello_cpu(self) -> float:
        """CPU time of the server for one hello."""
        return (self.before.all_cpu_per_request + self.after.all_cpu_per_request) / 2

    @property
    def share_of_ceiling(self) -> float:
        return self.sample.rate / self.ceiling

    @property
    def hellos_of_cpu(self) -> float:
        """The CPU time of all processes for one request, in hellos."""
        return self.sample.all_cpu_per_request / self.hello_cpu


@dataclass(frozen=True)
class HalfLoad:
    """POST /order at half the rate it reached, each request due at its own time."""

    rate: float
    p50_ms: list[float]
    p99_ms: list[float]


@dataclass(frozen=True)
class Ticks:
    """Ticks of a kitchen's job with ``due`` tickets due each time."""

    stored: int
    due: int
    seconds: list[float]
    cpu_seconds: list[float]
    """Of the kitchen's process and Redis together."""


@dataclass(frozen=True)
class OrderWeight:
    """What an order takes in Redis, in bytes."""

    all_told: int
    """By how much the memory Redis uses grew, an order: with events, indexes and its ticket."""
    keys: dict[str, int]
    """``MEMORY USAGE`` of the keys that are one order's own."""


@dataclass(frozen=True)
class Start:
    """Starts of one service, everything it depends on being up."""

    seconds: list[float]
    """From the process's start until it was ready."""
    cpu_seconds: list[float]


@dataclass(frozen=True)
class Streams:
    """From a change of status to its arrival over SSE, round by round.

    Attributes:
        tap_p50_ms: since the cook's tap was due; of all rounds together.
        gateway_cores: the cores' worth of CPU time the gateway used, the taps included.
        reader_is_limit: whether the process that reads the streams had no more to give.
    """

    streams: int
    changes_per_second: float
    reached_per_second: float
    p50_ms: list[float]
    p99_ms: list[float]
    tap_p50_ms: float
    tap_p99_ms: float
    gateway_cores: float
    reader_is_limit: bool

    @property
    def is_as_busy_as_asked(self) -> bool:
        """Whether as many changes were made as should be; fewer are told sooner."""
        return self.reached_per_second >= self.changes_per_second * BUSY_ENOUGH


@dataclass(frozen=True)
class Machine:
    """Where and how it was measured."""

    at: str
    cores: int
    processor: str
    python: str
    redis: str
    file_system: str
    """Of the folder Redis writes to."""
    sync_ms: float
    """Median time of a write to that folder that was synced to disk."""
    load_before: list[float]
    load_after: list[float]
    """Load averages over 1, 5 and 15 minutes."""
    generator: str
    connections: int
    guests: int
    settings: dict[str, str]
    """Settings of the services that were not the defaults."""
    quick: bool


@dataclass
class Results:
    """Everything one run measured; what was not measured is empty."""

    machine: Machine
    calls: dict[str, list[Round]] = field(default_factory=dict)
    half_load: HalfLoad | None = None
    streams: Streams | None = None
    ticks: list[Ticks] = field(default_factory=list)
    weight: OrderWeight | None = None
    memory_at_rest: dict[str, Memory] = field(default_factory=dict)
    memory_after: dict[str, Memory] = field(default_factory=dict)
    starts: dict[str, Start] = field(default_factory=dict)

    def median(self, call: str, of: Callable[[Round], float]) -> float:
        """The median of what ``of`` says of each of the call's rounds."""
        return statistics.median(of(round_) for round_ in self.calls[call])

    def rate_ratio(self, call: str, other: str) -> float:
        """The median, over the rounds, of the rate of ``call`` divided by that of ``other``."""
        return median_ratio(
            [round_.sample.rate for round_ in self.calls[call]],
            [round_.sample.rate for round_ in self.calls[other]],
        )


def median_ratio(of: Sequence[float], to: Sequence[float]) -> float:
    """The median of the ratios of what was measured side by side."""
    return statistics.median(a / b for a, b in zip(of, to, strict=True))


_RESULTS: TypeAdapter[Results] = TypeAdapter(Results)


def write_results(file: Path, results: Results) -> None:
    """Keeps ``results`` in ``file``, as JSON."""
    file.write_bytes(_RESULTS.dump_json(results, indent=1) + b"\n")


def read_results(file: Path) -> Results:
    """What ``write_results`` kept. Raises pydantic's ValidationError where it is something else."""
    return _RESULTS.validate_json(file.read_bytes())
