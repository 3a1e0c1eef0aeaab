"""The picture of a run: rates as shares of the ceiling, and whose CPU time a request takes."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infra.dev.bench.results import CALLS, PROCESSES, Results

INK, PAPER, LINE = "#2b2622", "#fffdf8", "#d8d0c4"
COLOURS = ("#c8553d", "#588b8b", "#e3b448", "#7d5ba6", "#8a8178")
"""Of the processes; told apart by people who see few colours, too."""
BAR, WHISKER = "#588b8b", "#2b2622"
SIZE_INCHES = (11, 5.2)
DOTS_PER_INCH = 150
NOT_DRAWN = "login"
"""A password's hash takes so much CPU time that nothing else could be seen beside it."""


def draw(file: Path, results: Results) -> None:
    """Draws ``results`` as a PNG in ``file``."""
    figure = Figure(figsize=SIZE_INCHES, layout="constrained", facecolor=PAPER)
    calls = [name for name in results.calls if name != NOT_DRAWN]
    shares, cpu = figure.subplots(1, 2, sharey=True)
    for axes in (shares, cpu):
        _prepare(axes)
    _draw_shares(shares, results, calls)
    _draw_cpu(cpu, results, calls)
    shares.set_yticks(range(len(calls)), [CALLS[name] for name in calls])
    # The first call on top.
    shares.invert_yaxis()
    # Without the version of the library, so that the same figures make the same file.
    figure.savefig(file, dpi=DOTS_PER_INCH, metadata={"Software": None})


def _prepare(axes: Axes) -> None:
    axes.set_facecolor(PAPER)
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9, length=0)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)


def _draw_shares(axes: Axes, results: Results, calls: Sequence[str]) -> None:
    medians = [results.median(name, lambda round_: round_.share_of_ceiling) for name in calls]
    spread = [[round_.share_of_ceiling for round_ in results.calls[name]] for name in calls]
    whiskers = [
        [median - min(shares) for median, shares in zip(medians, spread, strict=True)],
        [max(shares) - median for median, shares in zip(medians, spread, strict=True)],
    ]
    axes.barh(range(len(calls)), medians, xerr=whiskers, color=BAR, ecolor=WHISKER, capsize=3)
    for row, (median, shares) in enumerate(zip(medians, spread, strict=True)):
        axes.annotate(
            f"{median:.2f}",
            (max(shares), row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=9,
        )
    axes.set_title("Requests a second ÷ ceiling", color=INK, fontsize=11, loc="left", pad=20)
    axes.set_xlabel(
        "1 is a bare hello of as many processes; whiskers: slowest and fastest round",
        color=INK,
        fontsize=8,
    )
    axes.margins(x=0.12)


def _draw_cpu(axes: Axes, results: Results, calls: Sequence[str]) -> None:
    left = [0.0] * len(calls)
    for process, colour in zip(PROCESSES, COLOURS, strict=True):
        widths = [
            statistics.median(
                round_.sample.cpu_per_request[process] * 1e6 for round_ in results.calls[name]
            )
            for name in calls
        ]
        axes.barh(range(len(calls)), widths, left=left, color=colour, label=process)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    hello = statistics.median(
        round_.hello_cpu * 1e6 for name in calls for round_ in results.calls[name]
    )
    axes.axvline(hello, color=INK, linewidth=1, linestyle="--", label="a hello")
    axes.set_title("CPU time of a request, µs", color=INK, fontsize=11, loc="left", pad=20)
    axes.set_xlabel(
        "medians of all processes, until the kitchen has the order", color=INK, fontsize=8
    )
    axes.legend(
        frameon=False,
        fontsize=8,
        labelcolor=INK,
        ncols=len(PROCESSES) + 1,
        columnspacing=1,
        handlelength=1,
        loc="lower left",
        bbox_to_anchor=(0, 0.99),
        borderaxespad=0,
    )
