"""What the figures should be, and whether they are: ratios, so that they hold on any machine."""

import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from infra.dev.bench.results import Results, Round, Streams, median_ratio

FEW_TICKETS, MANY_TICKETS = 1_000, 100_000
MANY_STREAMS = 1_000


@dataclass(frozen=True)
class Goal:
    """A figure with its floor, which must be had, and its aim."""

    name: str
    floor: float
    aim: float
    value: Callable[[Results], float | None]
    """The figure; None where it was not measured."""
    unit: str = ""
    less_is_better: bool = True

    def judge(self, value: float) -> str:
        """``aim``, ``floor`` or ``missed``: the best of them that ``value`` reaches."""
        if self._reaches(value, self.aim):
            return "aim"
        return "floor" if self._reaches(value, self.floor) else "missed"

    def _reaches(self, value: float, bound: float) -> bool:
        return value <= bound if self.less_is_better else value >= bound


@dataclass(frozen=True)
class Judged:
    """A goal, and what became of it."""

    goal: Goal
    value: float | None

    @property
    def verdict(self) -> str:
        return "not measured" if self.value is None else self.goal.judge(self.value)


def judge_all(results: Results) -> Iterator[Judged]:
    """Every goal, in the order they are shown."""
    for goal in GOALS:
        yield Judged(goal, goal.value(results))


def _of_rounds(call: str, of: Callable[[Round], float]) -> Callable[[Results], float | None]:
    return lambda results: results.median(call, of) if call in results.calls else None


def _lane_gain(results: Results) -> float | None:
    if not {"post", "post_plain"} <= results.calls.keys():
        return None
    return results.rate_ratio("post", "post_plain")


def _half_load_p99(results: Results) -> float | None:
    return statistics.median(results.half_load.p99_ms) if results.half_load else None


def _to_streams(results: Results, of: Callable[[Streams], list[float]]) -> float | None:
    # Fewer streams would say nothing of the goal.
    if results.streams is None or results.streams.streams < MANY_STREAMS:
        return None
    # A quieter measurement reaches no goal.
    if not results.streams.is_as_busy_as_asked:
        return math.inf
    return statistics.median(of(results.streams))


def _tick_growth(results: Results) -> float | None:
    by_stored = {ticks.stored: ticks for ticks in results.ticks}
    # A quick run stores fewer, and so says nothing of the goal.
    if not {FEW_TICKETS, MANY_TICKETS} <= by_stored.keys():
        return None
    return median_ratio(by_stored[MANY_TICKETS].seconds, by_stored[FEW_TICKETS].seconds)


GOALS = (
    Goal(
        "CPU of all processes per POST ÷ CPU of a hello",
        floor=5.5,
        aim=4,
        value=_of_rounds("post", lambda round_: round_.hellos_of_cpu),
    ),
    Goal(
        "POST /order ÷ ceiling, one gateway process, durable, kitchen running",
        floor=0.3,
        aim=0.45,
        value=_of_rounds("post", lambda round_: round_.share_of_ceiling),
        less_is_better=False,
    ),
    Goal(
        "POST /order ÷ the same system over plain unary gRPC",
        floor=2.2,
        aim=3,
        value=_lane_gain,
        less_is_better=False,
    ),
    Goal(
        "GET /order/{id} ÷ ceiling",
        floor=0.45,
        aim=0.6,
        value=_of_rounds("get", lambda round_: round_.share_of_ceiling),
        less_is_better=False,
    ),
    Goal("p99 of POST at half load", floor=20, aim=10, unit="ms", value=_half_load_p99),
    Goal(
        "status change → SSE, 1,000 streams, 200/s, p50",
        floor=8,
        aim=4,
        unit="ms",
        value=lambda results: _to_streams(results, lambda streams: streams.p50_ms),
    ),
    Goal(
        "status change → SSE, 1,000 streams, 200/s, p99",
        floor=40,
        aim=15,
        unit="ms",
        value=lambda results: _to_streams(results, lambda streams: streams.p99_ms),
    ),
    Goal(
        "tick, 100,000 stored ÷ 1,000 stored, 500 due in both",
        floor=1.3,
        aim=1.1,
        value=_tick_growth,
    ),
)
