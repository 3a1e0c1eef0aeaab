"""``./task bench-login``: see ``--help``."""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from infra.dev.bench_login.errors import UnexpectedAnswerError
from infra.dev.bench_login.house import open_house
from infra.dev.bench_login.logins import UNKNOWN, WRONG, time_logins
from infra.dev.bench_login.logouts import PROMISED_SECONDS, time_logouts
from infra.dev.guest import open_http
from infra.dev.local_redis import RedisNotFoundError
from infra.dev.readiness import NotReadyError

MOST_ROUNDS = 2_000


def main() -> int:
    """Measures and prints; 0 when a logout was known in time, 1 when not, 2 when it can't be
    measured."""
    parser = argparse.ArgumentParser(
        prog="bench-login",
        description="Starts a Redis and the services, and prints how long logins take (unknown "
        "name, wrong password, right password), and how soon a logout is known everywhere.",
    )
    for name, default, what in (
        ("--logins", 200, "logins of each kind"),
        ("--logouts", 30, "logouts"),
    ):
        parser.add_argument(
            name, type=_count, default=default, metavar="N", help=f"{what} (%(default)s)"
        )
    asked = parser.parse_args()
    try:
        return asyncio.run(_measure(asked.logins, asked.logouts))
    except (NotReadyError, RedisNotFoundError, UnexpectedAnswerError, TimeoutError) as error:
        print(f"bench-login: {error or 'a logout was not known in time'}", file=sys.stderr)
        return 2


def _count(text: str) -> int:
    count = int(text)
    if not 10 <= count <= MOST_ROUNDS:
        raise argparse.ArgumentTypeError(f"from 10 to {MOST_ROUNDS}")
    return count


async def _measure(logins: int, logouts: int) -> int:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="brigade-bench-") as folder:
        async with open_house(Path(folder)) as layout:
            async with open_http(layout.auth_url) as http:
                of_logins = await time_logins(http, logins)
            async with open_http(layout.gateway_url) as http:
                target = layout.grpc_target("order")
                of_logouts = await time_logouts(http, target, logouts)
    print(f"{os.cpu_count()} cores, load average {load:.1f} before it began")
    print("\n".join(["", *render(f"{logins} logins of each kind", of_logins)]))
    print(render_difference(of_logins[UNKNOWN], of_logins[WRONG]))
    print("\n".join(["", *render(f"{logouts} logouts, from their answer on", of_logouts)]))
    slowest = max(map(max, of_logouts.values()))
    kept = slowest <= PROMISED_SECONDS
    print(f"known everywhere within {slowest:.2f} s; promised are {PROMISED_SECONDS:g} s")
    return 0 if kept else 1


def render(heading: str, seconds: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """A table in milliseconds, a line for each name."""
    yield f"{heading + ', ms':<38}{'p10':>8}{'median':>8}{'p90':>8}{'most':>8}"
    for name, taken in seconds.items():
        tenths = statistics.quantiles(taken, n=10)
        shown = (tenths[0], statistics.median(taken), tenths[-1], max(taken))
        yield f"  {name:<36}" + "".join(f"{1000 * value:>8.1f}" for value in shown)


def render_difference(unknown: Sequence[float], wrong: Sequence[float]) -> str:
    """How much longer an unknown name took than a wrong password right after it."""
    apart = [1000 * (one - other) for one, other in zip(unknown, wrong, strict=True)]
    lower, median, upper = statistics.quantiles(apart, n=4)
    return (
        f"an {UNKNOWN} took {median:+.2f} ms against the {WRONG} right after it in the median,\n"
        f"{lower:+.1f} to {upper:+.1f} ms in half of all rounds"
    )


if __name__ == "__main__":
    sys.exit(main())
