"""``./task replay -- FILE``: see ``--help``."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from infra.dev.guest import Guest, open_http
from infra.dev.opening import OpeningError, menu_for_a_while
from infra.dev.replay.ledger import Audit, Ledger
from infra.dev.replay.report import print_report
from infra.dev.replay.run import RefusedOrderError, Replay
from infra.dev.replay.sales_file import SalesFileError, SoldOrder, read_sales
from infra.dev.replay.sold_menu import SoldMenu
from infra.dev.secrets_file import read_secrets
from infra.dev.settings import DevSettings

EXPECTED = (OpeningError, RefusedOrderError, httpx.HTTPStatusError)
INTERRUPTED = 130  # what shells report for a program that Ctrl-C ended


def main() -> int:
    """Replays a file; 0 when the books balance, 1 when not, 2 when it could not begin."""
    options = _parse_options()
    try:
        sold = read_sales(options.file)
        login, password = _staff(options)
    except (SalesFileError, FileNotFoundError) as error:
        print(f"replay: {error}", file=sys.stderr)
        return 2
    return asyncio.run(_replay(options, sold, login, password))


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="replay", description="Places every order of a sales file and accounts for all."
    )
    parser.add_argument("file", type=Path, help="tab-separated sales, as a till exports them")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the gateway (%(default)s)")
    parser.add_argument("--login", help="an admin's account; what ./task dev made when not given")
    parser.add_argument("--password", help="its password")
    parser.add_argument(
        "--orders-per-guest", type=int, default=10, metavar="N", help="default %(default)s"
    )
    parser.add_argument(
        "--concurrency", type=int, default=16, metavar="N", help="calls at once (%(default)s)"
    )
    parser.add_argument(
        "--prep-seconds", type=int, default=60, metavar="S", help="of each dish (%(default)s)"
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=300,
        metavar="S",
        help="how long nothing may happen before the rest is given up (%(default)s)",
    )
    options = parser.parse_args()
    if (options.login is None) != (options.password is None):
        parser.error("--login and --password go together")
    if options.orders_per_guest < 1 or options.concurrency < 1:
        parser.error("--orders-per-guest and --concurrency take a number from 1")
    return options


def _staff(options: argparse.Namespace) -> tuple[str, str]:
    if options.login is not None:
        return options.login, options.password
    folder = DevSettings().var
    try:
        return "admin", read_secrets(folder).passwords["admin"]
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no admin's password in {folder}: start ./task dev, or give --login and "
            "--password"
        ) from None


async def _replay(
    options: argparse.Namespace, sold: list[SoldOrder], login: str, password: str
) -> int:
    console = Console()
    menu = SoldMenu(sold, prep_seconds=options.prep_seconds)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        placed = progress.add_task("placed", total=len(sold))
        finished = progress.add_task("finished", total=len(sold))

        def show(ledger: Ledger) -> None:
            progress.update(placed, completed=ledger.acknowledged)
            progress.update(finished, completed=ledger.finished)

        async with open_http(options.url) as http:
            replay = Replay(
                http,
                sold,
                menu,
                orders_per_guest=options.orders_per_guest,
                concurrency=options.concurrency,
                patience_seconds=options.patience,
                on_progress=show,
            )
            error = await _run_until_interrupted(http, replay, Guest(http, login, password), menu)
    if error is not None:
        console.print(f"replay: {error}", style="red", markup=False)
        if not replay.ledger.acknowledged:
            return INTERRUPTED if isinstance(error, InterruptedError) else 2
    audit = replay.ledger.audit(replay.listed)
    print_report(console, replay, audit, complete=replay.listed is not None)
    return exit_status(audit, error)


def exit_status(audit: Audit, error: BaseException | None) -> int:
    """How the program ends when the books were balanced; ``error`` broke it off before its end."""
    if isinstance(error, InterruptedError):
        return INTERRUPTED
    return 0 if error is None and audit.is_clean else 1


async def _run_until_interrupted(
    http: httpx.AsyncClient, replay: Replay, admin: Guest, menu: SoldMenu
) -> BaseException | None:
    """Runs the replay to its end, or to Ctrl-C, or to what makes going on pointless."""

    async def run() -> None:
        await _check_gateway(http)
        async with menu_for_a_while(admin, menu.as_menu()):
            await replay.run()

    running = asyncio.create_task(run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, running.cancel)
    await asyncio.wait({running})
    if running.cancelled():
        return InterruptedError("interrupted")
    error = running.exception()
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if error is None or isinstance(error, EXPECTED):
        return error
    raise error


async def _check_gateway(http: httpx.AsyncClient) -> None:
    try:
        await http.get("/menu")
    except httpx.TransportError as error:
        raise OpeningError(f"nothing answers at {http.base_url}: start ./task dev first") from error


if __name__ == "__main__":
    sys.exit(main())
