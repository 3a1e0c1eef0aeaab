import asyncio

from prometheus_client import REGISTRY
from redis.exceptions import ConnectionError

from kitchen.domain import Kitchen
from kitchen.tick import TickJob, ticking


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_lateness_and_failures_of_the_job_are_noted() -> None:
    patio = Kitchen("patio", capacity=1)
    ran = asyncio.Event()

    async def fail(_: Kitchen) -> None:
        ran.set()
        raise ConnectionError("Redis is away")

    late = value("kitchen_tick_lateness_seconds_count")
    failed = value("kitchen_ticks_failed_total", kitchen=patio.name)
    job = TickJob(fail, [patio], at_most_seconds=5, told=lambda _: None)
    async with ticking(job, every_seconds=3600):
        await ran.wait()
    assert value("kitchen_tick_lateness_seconds_count") == late + 1
    assert value("kitchen_ticks_failed_total", kitchen=patio.name) == failed + 1
