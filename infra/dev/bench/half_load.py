"""How long a guest waits for POST /order while the house is half as busy as it can be."""

from infra.dev.bench.generator import Generators, Load
from infra.dev.bench.results import HalfLoad


async def measure_half_load(
    generators: Generators, load: Load, port: int, *, full_rate: float, rounds: int, seconds: int
) -> HalfLoad:
    """``rounds`` times ``seconds`` at half of ``full_rate``, at the gateway on ``port``.

    Raises:
        BenchError: an order was refused, or never answered.
    """
    rate = full_rate / 2
    bursts = [await generators.fire_steadily(load, port, seconds, rate) for _ in range(rounds)]
    return HalfLoad(rate, [burst.p50_ms for burst in bursts], [burst.p99_ms for burst in bursts])
