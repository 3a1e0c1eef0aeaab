"""How soon each service is ready after its process was started."""

import shutil
import time
from collections import defaultdict

from infra.dev.bench.house import House
from infra.dev.bench.processes import cpu_seconds
from infra.dev.bench.results import Start
from infra.dev.free_ports import free_ports
from infra.dev.local_redis import LocalRedis


async def measure_starts(house: House, *, rounds: int) -> dict[str, Start]:
    """Starts each service anew, one after the other, while all the others are up."""
    programs = [*house.services, house.gateway.program]
    seconds: dict[str, list[float]] = defaultdict(list)
    cpu: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for program in programs:
            seconds[program.name].append(await house.restart(program))
            cpu[program.name].append(cpu_seconds(program.pid))
        _start_redis(house, seconds["redis"], cpu["redis"])
    # Whoever was ready before another was away is ready again now.
    for program in house.programs:
        await house.wait_until_ready(program)
    return {name: Start(seconds[name], cpu[name]) for name in seconds}


def _start_redis(house: House, seconds: list[float], cpu: list[float]) -> None:
    """An empty one beside that of the house."""
    folder = house.folder / "empty-redis"
    redis = LocalRedis(free_ports(1)[0], folder)
    began_at = time.monotonic()
    redis.start()
    seconds.append(time.monotonic() - began_at)
    cpu.append(cpu_seconds(redis.pid))
    redis.stop()
    shutil.rmtree(folder)
