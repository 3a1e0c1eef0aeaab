"""``./task bench``: see ``--help``."""

import argparse
import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path

import uvloop
from rich.console import Console

from infra.dev.bench.document import DOCUMENT, PICTURE, update_document
from infra.dev.bench.errors import BenchError
from infra.dev.bench.goals import judge_all
from infra.dev.bench.report import print_report
from infra.dev.bench.results import CALLS, Results, read_results, write_results
from infra.dev.bench.run import FULL, NOT_QUICK, QUICK, SECTIONS, Bench
from infra.dev.bench_streams.readers import StreamRefusedError
from infra.dev.local_redis import RedisNotFoundError
from infra.dev.opening import OpeningError
from infra.dev.readiness import NotReadyError

WIDTH = 140
EXPECTED = (
    *(BenchError, NotReadyError, OpeningError, RedisNotFoundError),
    *(StreamRefusedError, TimeoutError),
)
INTERRUPTED = 130  # what shells report for a program that Ctrl-C ended


def main() -> int:
    """One run; 0 when every floor that was measured is reached, 1 when not, 2 when it failed."""
    options = _parse_options()
    # A file or a pipe has no width of its own; the widest table must fit.
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    if options.show:
        results = read_results(options.show)
    else:
        measured = uvloop.run(_measure(options, console))
        if isinstance(measured, int):
            return measured
        results = measured
    print_report(console, results)
    if options.json:
        write_results(options.json, results)
    if options.write and not results.machine.quick:
        update_document(results)
        console.print(f"Written: {DOCUMENT.name}, {PICTURE.name}")
    return 1 if any(judged.verdict == "missed" for judged in judge_all(results)) else 0


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench",
        description="Measures the whole system on this machine, as ratios to the ceiling of a bare "
        "hello under the same web server, and writes docs/performance.md.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="a minute or two, without streams; only prints"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=[*CALLS, *SECTIONS],
        metavar="WHAT",
        help=f"measures some and only prints: {', '.join([*CALLS, *SECTIONS])}",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="keeps what was measured, too")
    parser.add_argument(
        "--show",
        type=Path,
        metavar="FILE",
        help="measures nothing: prints what --json kept, and writes docs/performance.md",
    )
    parser.add_argument(
        "--connections", type=int, metavar="N", help="requests under way at once (64)"
    )
    parser.add_argument(
        "--no-wrk",
        action="store_true",
        help="load from our own client, as if wrk were not installed",
    )
    options = parser.parse_args()
    if options.only and "half_load" in options.only:
        options.only.append("post")
    options.write = not (options.quick or options.only)
    return options


async def _measure(options: argparse.Namespace, console: Console) -> Results | int:
    """What was measured, or the exit status of a run that failed."""
    extent = QUICK if options.quick else FULL
    if options.connections:
        extent = replace(extent, connections=options.connections)
    everything = {*CALLS, *SECTIONS} - (NOT_QUICK if options.quick else set())
    bench = Bench(
        extent,
        only=frozenset(options.only or everything),
        use_wrk=not options.no_wrk,
        tell=lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True),
    )
    running = asyncio.create_task(bench.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, running.cancel)
    try:
        return await running
    except asyncio.CancelledError:
        return INTERRUPTED
    except EXPECTED as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
