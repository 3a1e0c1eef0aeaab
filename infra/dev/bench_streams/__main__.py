"""``./task bench-streams``: see ``--help``."""

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from infra.dev.bench.errors import BenchError
from infra.dev.bench.guests import Account, sign_up
from infra.dev.bench.processes import MIB, memory
from infra.dev.bench_streams.changes import Arrivals, measure_changes
from infra.dev.bench_streams.fan_out import FanOut, measure_fan_out
from infra.dev.bench_streams.readers import (
    StreamRefusedError,
    open_readers,
    room_for_files,
    stream_request,
)
from infra.dev.bench_streams.storm import measure_storm
from infra.dev.bench_streams.system import System
from infra.dev.guest import open_http
from infra.dev.local_redis import RedisNotFoundError
from infra.dev.readiness import NotReadyError
from infra.dev.replay.report import percentile

STORM_ACCOUNTS = 200
SETTLE_SECONDS = 2.0
CLIENT_LIMIT = 0.8
"""Above this share of a core our own process may be what is measured."""


def main() -> int:
    """One run; 0 when all was measured and nothing lost, 1 when something was, 2 when it failed."""
    options = _parse_options()
    console = Console()
    try:
        with tempfile.TemporaryDirectory(prefix="brigade-streams-") as folder:
            measure = _storm if options.storm else _compare
            return uvloop.run(measure(options, Path(folder), console))
    except (
        BenchError,
        StreamRefusedError,
        NotReadyError,
        RedisNotFoundError,
        TimeoutError,
    ) as error:
        print(f"bench-streams: {error or 'too slow: it was given up'}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench-streams",
        description="What event streams cost the gateway, beside the stock response of "
        "sse-starlette under the same web server. All on loopback; it stops by itself.",
    )
    parser.add_argument("--quick", action="store_true", help="smaller and shorter")
    parser.add_argument(
        "--storm",
        type=int,
        nargs="?",
        const=8000,
        metavar="N",
        help="instead: N streams (%(const)s) break at once and come back at once",
    )
    return parser.parse_args()


async def _compare(options: argparse.Namespace, folder: Path, console: Console) -> int:
    watchers, rounds, streams, seconds = (500, 3, 200, 5) if options.quick else (2000, 5, 1000, 20)
    room_for_files(2 * watchers)
    console.print(f"{watchers} watchers of one order each: here and stock in turn")
    measured = await measure_fan_out(("lean", "stock"), folder, watchers=watchers, rounds=rounds)
    system = System(folder)
    async with system.open():
        console.print(f"the whole system: {streams} guests sign up")
        async with open_http(system.layout.gateway_url) as http:
            accounts = await sign_up(http, streams)
        idle = await _measure_idle(system, accounts, watchers)
        console.print(f"200 changes a second for {seconds} s")
        arrivals = await measure_changes(system, accounts, per_second=200, seconds=seconds)
    _print_comparison(console, measured["lean"], measured["stock"], idle)
    _print_arrivals(console, arrivals, streams)
    return 0


async def _measure_idle(system: System, accounts: Sequence[Account], streams: int) -> float:
    """Memory of one idle stream of a guest's orders in the real gateway, in KiB of its own."""
    requests = [
        stream_request("/order/stream", token=accounts[number % len(accounts)].token)
        for number in range(streams)
    ]
    port, pid = system.gateway_port, system.gateway_pid
    async with open_readers(port, requests[:100], lambda *_: None):
        pass
    await asyncio.sleep(SETTLE_SECONDS)
    before = memory(pid)
    async with open_readers(port, requests, lambda *_: None):
        await asyncio.sleep(SETTLE_SECONDS)
        return (memory(pid).uss - before.uss) * MIB / streams


def _print_comparison(console: Console, lean: FanOut, stock: FanOut, idle_kib: float) -> None:
    table = Table("", "here", "stock", "ratio", title="One event to many")
    rows = [
        ("memory of an idle stream, USS KiB", lean.uss_kib, stock.uss_kib),
        ("memory of an idle stream, RSS KiB", lean.rss_kib, stock.rss_kib),
        ("to the last watcher, median ms", _median_ms(lean), _median_ms(stock)),
        ("to the last watcher, best ms", min(lean.seconds) * 1e3, min(stock.seconds) * 1e3),
        (
            "CPU µs for each event delivered, median",
            statistics.median(lean.cpu_us),
            statistics.median(stock.cpu_us),
        ),
        ("CPU µs of the readers for the same", lean.client_us, stock.client_us),
    ]
    for name, here, other in rows:
        table.add_row(name, f"{here:.1f}", f"{other:.1f}", f"{other / here:.1f}")
    console.print(table)
    console.print(f"in the real gateway, streams of guests' orders: {idle_kib:.1f} KiB each (USS)")
    for name, measured in (("here", lean), ("stock", stock)):
        console.print(
            f"{name}: the readers were busy {measured.client_share:.0%} of the time to the last"
            + (": a limit too" if measured.client_share > CLIENT_LIMIT else "")
        )


def _print_arrivals(console: Console, arrivals: Arrivals, streams: int) -> None:
    table = Table("", "p50 ms", "p99 ms", title=f"{arrivals.rate:.0f} changes/s, {streams} streams")
    for name, values in (
        ("from the cook's tap to the guest", arrivals.from_tap),
        ("from the change to the guest", arrivals.from_change),
    ):
        table.add_row(name, *(f"{percentile(values, share) * 1e3:.1f}" for share in (0.5, 0.99)))
    console.print(table)
    console.print(
        f"gateway {arrivals.gateway_share:.0%} of a core (taps included), "
        f"readers {arrivals.client_share:.0%}"
    )


def _median_ms(measured: FanOut) -> float:
    return statistics.median(measured.seconds) * 1e3


async def _storm(options: argparse.Namespace, folder: Path, console: Console) -> int:
    streams = room_for_files(options.storm)
    if streams < options.storm:
        console.print(f"the limit on open files allows {streams} streams, not {options.storm}")
    system = System(folder)
    async with system.open():
        async with open_http(system.layout.gateway_url) as http:
            accounts = await sign_up(http, min(STORM_ACCOUNTS, streams))
        storm = await measure_storm(system, accounts, streams=streams)
    console.print(
        f"{storm.streams} streams of {len(accounts)} guests on one gateway process: opened in "
        f"{storm.opened_seconds:.1f} s; broken all at once and back, each told what it missed, "
        f"in {storm.returned_seconds:.1f} s; {len(storm.faults)} at fault"
    )
    for fault in storm.faults[:10]:
        console.print(fault, style="red", markup=False)
    return 1 if storm.faults else 0


if __name__ == "__main__":
    sys.exit(main())
