"""The figures of a run as tables, on the terminal and in Markdown."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table as RichTable

from infra.dev.bench.goals import Judged, judge_all
from infra.dev.bench.results import CALLS, PROCESSES, Machine, Results, Round

VERDICTS = {"aim": "aim reached", "floor": "floor reached", "missed": "**missed**"}
DISTURBING_SHARE = 0.1
"""The share of the cores from which on what others use spoils the figures."""
BUSY_SHARE = 0.9
"""From this share on a process, or the machine, has nothing left to give."""


@dataclass(frozen=True)
class Table:
    """A heading, the names of the columns, the rows."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def to_markdown(self) -> str:
        """The table in Markdown; all columns but the first hold figures."""
        rule = ["---", *("---:" for _ in self.columns[1:])]
        lines = [_line(self.columns), _line(rule), *map(_line, self.rows)]
        return "\n".join([f"### {self.title}", "", *lines, ""])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def print_report(console: Console, results: Results) -> None:
    """Prints all that was measured."""
    for line in describe_machine(results.machine):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for table in tables(results):
        shown = RichTable(title=table.title, title_justify="left")
        for index, column in enumerate(table.columns):
            shown.add_column(column, justify="right" if index else "left")
        for row in table.rows:
            shown.add_row(*(cell.replace("**", "") for cell in row))
        console.print(shown)
    for note in notes(results):
        console.print(note, highlight=False, markup=False, soft_wrap=True)


def describe_machine(machine: Machine) -> Iterator[str]:
    """Where and how it was measured, a line each."""
    yield f"Measured {machine.at}{' (--quick)' if machine.quick else ''}."
    yield (
        f"{machine.cores} cores of {machine.processor}; Python {machine.python}, "
        f"Redis {machine.redis}."
    )
    yield (
        f"Redis writes to {machine.file_system}, where a synced write takes "
        f"{machine.sync_ms:.2f} ms."
    )
    yield (
        f"Load average {_loads(machine.load_before)} before the run and "
        f"{_loads(machine.load_after)} after it."
    )
    yield (
        f"Load from {machine.generator}, on the same cores: {machine.connections} connections, "
        f"{machine.guests} guests."
    )
    changed = ", ".join(f"{name}={value}" for name, value in sorted(machine.settings.items()))
    yield f"Settings other than the defaults: {changed}."


def _loads(averages: Sequence[float]) -> str:
    return " ".join(f"{average:.1f}" for average in averages)


def tables(results: Results) -> Iterator[Table]:
    """Everything that was measured."""
    yield Table(
        "Ratios",
        ("figure", "floor", "aim", "measured", ""),
        [_goal_row(judged) for judged in judge_all(results)] + _two_gateways(results),
    )
    if results.calls:
        yield Table(
            "Calls",
            ("call", "requests/s", "ceiling/s", "÷ ceiling", "p50 ms", "p99 ms", "others, cores"),
            [_call_row(name, rounds) for name, rounds in results.calls.items()],
        )
        yield Table(
            "CPU time of a request, µs",
            ("call", *PROCESSES, "all", "hello", "÷ hello", "generator, cores"),
            [_cpu_row(name, rounds) for name, rounds in results.calls.items()],
        )
    if half := results.half_load:
        yield Table(
            "POST /order at half load, latency from when each request was due",
            ("requests/s", "p50 ms", "p99 ms", "p99 of each round"),
            [
                [
                    f"{half.rate:.0f}",
                    f"{statistics.median(half.p50_ms):.1f}",
                    f"{statistics.median(half.p99_ms):.1f}",
                    ", ".join(f"{p99:.1f}" for p99 in half.p99_ms),
                ]
            ],
        )
    if streams := results.streams:
        yield Table(
            "From a change of status to the guest's event stream",
            ("streams", "changes/s", "p50 ms", "p99 ms", "from the tap, p50", "p99", "gateway"),
            [
                [
                    f"{streams.streams:,}",
                    f"{streams.reached_per_second:.0f} of {streams.changes_per_second:.0f}",
                    f"{statistics.median(streams.p50_ms):.1f}",
                    f"{statistics.median(streams.p99_ms):.1f}",
                    f"{streams.tap_p50_ms:.1f}",
                    f"{streams.tap_p99_ms:.1f}",
                    f"{streams.gateway_cores:.2f} cores",
                ]
            ],
        )
    if results.ticks:
        yield Table(
            "A tick",
            ("tickets stored", "due", "median ms", "slowest ms", "CPU ms"),
            [
                [
                    f"{ticks.stored:,}",
                    str(ticks.due),
                    f"{statistics.median(ticks.seconds) * 1000:.1f}",
                    f"{max(ticks.seconds) * 1000:.1f}",
                    f"{statistics.median(ticks.cpu_seconds) * 1000:.0f}",
                ]
                for ticks in results.ticks
            ],
        )
    if weight := results.weight:
        yield Table(
            "Redis memory of an order",
            ("", "bytes"),
            [
                ["all told, by the growth of used_memory", f"{weight.all_told:,}"],
                *([f"its {name}", f"{size:,}"] for name, size in weight.keys.items()),
            ],
        )
    if results.memory_at_rest:
        yield Table(
            "Memory, MiB",
            ("process", "USS at rest", "PSS", "RSS", "USS after the load", "PSS", "RSS"),
            [
                [
                    name,
                    *(f"{value:.0f}" for value in (rest.uss, rest.pss, rest.rss)),
                    *(f"{value:.0f}" for value in (after.uss, after.pss, after.rss)),
                ]
                for name, rest in results.memory_at_rest.items()
                for after in [results.memory_after[name]]
            ],
        )
    if results.starts:
        yield Table(
            "Start, from the process to ready",
            ("process", "median s", "slowest s", "CPU s"),
            [
                [
                    name,
                    f"{statistics.median(start.seconds):.2f}",
                    f"{max(start.seconds):.2f}",
                    f"{statistics.median(start.cpu_seconds):.2f}",
                ]
                for name, start in results.starts.items()
            ],
        )


def _goal_row(judged: Judged) -> list[str]:
    goal, value = judged.goal, judged.value
    unit = f" {goal.unit}" if goal.unit else ""
    sign = "≤" if goal.less_is_better else "≥"
    return [
        goal.name,
        f"{sign} {goal.floor:g}{unit}",
        f"{sign} {goal.aim:g}{unit}",
        "–" if value is None else f"{value:.2f}{unit}",
        VERDICTS.get(judged.verdict, judged.verdict),
    ]


def _two_gateways(results: Results) -> list[list[str]]:
    if not {"post", "post_two"} <= results.calls.keys():
        return []
    ratio = results.rate_ratio("post_two", "post")
    return [["two gateway processes ÷ one", "–", "–", f"{ratio:.2f}", "stated"]]


def _call_row(name: str, rounds: Sequence[Round]) -> list[str]:
    samples = [round_.sample for round_ in rounds]
    median = statistics.median
    return [
        CALLS[name],
        f"{median(sample.rate for sample in samples):,.0f}",
        f"{median(round_.ceiling for round_ in rounds):,.0f}",
        f"{median(round_.share_of_ceiling for round_ in rounds):.3f}",
        f"{median(sample.p50_ms for sample in samples):.1f}",
        f"{median(sample.p99_ms for sample in samples):.1f}",
        f"{median(sample.others_cores for sample in samples):.2f}",
    ]


def _cpu_row(name: str, rounds: Sequence[Round]) -> list[str]:
    samples = [round_.sample for round_ in rounds]
    median = statistics.median
    return [
        CALLS[name],
        *(
            f"{median(sample.cpu_per_request[process] for sample in samples) * 1e6:,.0f}"
            for process in PROCESSES
        ),
        f"{median(sample.all_cpu_per_request for sample in samples) * 1e6:,.0f}",
        f"{median(round_.hello_cpu for round_ in rounds) * 1e6:,.0f}",
        f"{median(round_.hellos_of_cpu for round_ in rounds):.2f}",
        f"{median(sample.generator_cores for sample in samples):.2f}",
    ]


def notes(results: Results) -> Iterator[str]:
    """What must be known to read the figures rightly."""
    others = [round_.sample.others_cores for rounds in results.calls.values() for round_ in rounds]
    if others and statistics.median(others) > DISTURBING_SHARE * results.machine.cores:
        yield (
            f"Processes that have nothing to do with this run used {statistics.median(others):.1f} "
            f"of the {results.machine.cores} cores meanwhile: all figures are rough."
        )
    for name, rounds in results.calls.items():
        samples = [round_.sample for round_ in rounds]
        if sum(sample.generator_is_limit for sample in samples) * 2 > len(samples):
            yield f"{CALLS[name]}: the load generator was the limit; the system can do more."
        if settled := [sample.settled_after for sample in samples if sample.settled_after]:
            yield (
                f"{CALLS[name]}: the kitchen had every order and the orders its answers "
                f"{statistics.median(settled):.2f} s after the load ended."
            )
    if results.streams and not results.streams.is_as_busy_as_asked:
        yield (
            f"Event streams: only {results.streams.reached_per_second:.0f} of "
            f"{results.streams.changes_per_second:.0f} changes a second were made, "
            "so the goal is missed whatever the latency was."
        )
    if results.streams and results.streams.reader_is_limit:
        yield "Event streams: the process that read them was a limit, too."
    if "post_two" in results.calls:
        yield f"The next bottleneck behind two gateways: {bottleneck(results)}."


def bottleneck(results: Results) -> str:
    """What is full while two gateway processes take orders."""
    cores = results.machine.cores
    rounds = results.calls["post_two"]
    used: dict[str, float] = {
        process: statistics.median(
            round_.sample.cpu[process] / _whole_seconds(round_) for round_ in rounds
        )
        for process in PROCESSES
    }
    machine = statistics.median(
        sum(round_.sample.cpu.values()) / _whole_seconds(round_)
        + 2 * round_.sample.generator_cores
        + round_.sample.others_cores
        for round_ in rounds
    )
    busiest = max(used, key=lambda process: used[process] / (2 if process == "gateway" else 1))
    told = ", ".join(f"{process} {share:.2f}" for process, share in used.items())
    full = machine > BUSY_SHARE * cores
    return (
        f"{'the cores themselves' if full else busiest} "
        f"({machine:.1f} of {cores} cores in use; {told})"
    )


def _whole_seconds(round_: Round) -> float:
    """From the first request until nothing was under way."""
    return round_.sample.seconds + round_.sample.settled_after
