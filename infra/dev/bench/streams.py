"""How soon guests see on their event streams that the status of their order changed."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from infra.dev.bench.generator import FULL_CORE
from infra.dev.bench.guests import sign_up
from infra.dev.bench.results import Streams
from infra.dev.bench_streams.changes import measure_changes
from infra.dev.bench_streams.readers import room_for_files
from infra.dev.bench_streams.system import System
from infra.dev.guest import open_http
from infra.dev.replay.report import percentile

CHANGES_PER_SECOND = 200


async def measure_streams(folder: Path, *, streams: int, seconds: int, rounds: int) -> Streams:
    """So many guests with a stream each, while a cook's taps change their orders.

    In a house of its own, where nothing moves by itself. ``rounds`` are parts of the ``seconds``.

    Raises:
        BenchError: a change was lost, told twice or out of order.
        StreamRefusedError: a stream was refused.
    """
    room_for_files(streams)
    system = System(folder)
    async with system.open():
        async with open_http(system.layout.gateway_url) as http:
            accounts = await sign_up(http, streams)
        arrivals = await measure_changes(
            system, accounts, per_second=CHANGES_PER_SECOND, seconds=seconds
        )
    parts = list(split(arrivals.from_change, rounds))
    return Streams(
        streams=streams,
        changes_per_second=CHANGES_PER_SECOND,
        reached_per_second=arrivals.rate,
        p50_ms=[percentile(part, 0.5) * 1000 for part in parts],
        p99_ms=[percentile(part, 0.99) * 1000 for part in parts],
        tap_p50_ms=percentile(arrivals.from_tap, 0.5) * 1000,
        tap_p99_ms=percentile(arrivals.from_tap, 0.99) * 1000,
        gateway_cores=arrivals.gateway_share,
        reader_is_limit=arrivals.client_share > FULL_CORE,
    )


def split(values: Sequence[float], parts: int) -> Iterator[Sequence[float]]:
    """The values in so many parts, as even as can be, each in its order."""
    for part in range(parts):
        yield values[len(values) * part // parts : len(values) * (part + 1) // parts]
