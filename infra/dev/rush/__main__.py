"""``./task rush``: see ``--help``."""

import argparse
import asyncio
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import uvloop
from rich.console import Console

from infra.dev.local_redis import RedisNotFoundError
from infra.dev.readiness import NotReadyError
from infra.dev.replay.sales_file import SalesFileError, SoldOrder, read_sales
from infra.dev.rush.house import House
from infra.dev.rush.night import Rush
from infra.dev.rush.report import count_violations, print_report
from infra.dev.settings import REPOSITORY

SAMPLE = REPOSITORY / "tests" / "data" / "orders-sample.tsv"
INTERRUPTED = 130  # what shells report for a program that Ctrl-C ended


def main() -> int:
    """One night; 0 when every promise was kept, 1 when not, 2 when it could not begin."""
    options = _parse_options()
    try:
        sold = read_sales(options.file)
    except SalesFileError as error:
        print(f"rush: {error}", file=sys.stderr)
        return 2
    return uvloop.run(_rush(options, sold))


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="rush",
        description="A Friday night: guests order, edit, cancel and watch while programs are "
        "killed and connections break. In the end everything is accounted for.",
    )
    parser.add_argument(
        "--minutes", type=float, default=10, metavar="N", help="how long (%(default)s)"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="repeats another night's faults")
    parser.add_argument(
        "--replicas", type=int, default=1, metavar="N", help="of each service (%(default)s)"
    )
    parser.add_argument(
        "--file", type=Path, default=SAMPLE, help="sales to take the orders from, as a till exports"
    )
    options = parser.parse_args()
    if options.minutes <= 0 or options.replicas < 1:
        parser.error("--minutes and --replicas take a number above 0")
    if options.seed is None:
        options.seed = random.randrange(1_000_000)
    return options


async def _rush(options: argparse.Namespace, sold: list[SoldOrder]) -> int:
    console = Console()
    folder = Path(tempfile.mkdtemp(prefix="brigade-rush-"))
    began_at = time.monotonic()

    def tell(line: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - began_at), 60)
        console.print(f"{minutes:2}:{seconds:02}  {line}", highlight=False, soft_wrap=True)

    tell(f"seed {options.seed}, {options.minutes:g} minutes, {options.replicas} of each service")
    try:
        house = House(folder, options.replicas)
        rush = Rush(house, sold, seed=options.seed, tell=tell)
        interrupted = not await _run_until_interrupted(house, rush, options.minutes * 60)
    except (RedisNotFoundError, NotReadyError) as error:
        print(f"rush: {error}; the logs are in {folder}", file=sys.stderr)
        return 2
    rush.close_books()
    print_report(console, rush.night, house)
    violations = count_violations(rush.night)
    if violations:
        console.print(f"Logs and data are kept in {folder}", highlight=False, soft_wrap=True)
    else:
        shutil.rmtree(folder)
    return exit_status(violations, interrupted=interrupted)


def exit_status(violations: int, *, interrupted: bool) -> int:
    """How the program ends when the night was told of."""
    if interrupted:
        return INTERRUPTED
    return 1 if violations else 0


async def _run_until_interrupted(house: House, rush: Rush, seconds: float) -> bool:
    """Runs the whole night; False when Ctrl-C ended it before."""

    async def run() -> None:
        async with house.open():
            await rush.run(seconds)

    running = asyncio.create_task(run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, running.cancel)
    await asyncio.wait({running})
    if running.cancelled():
        return False
    running.result()
    return True


if __name__ == "__main__":
    sys.exit(main())
