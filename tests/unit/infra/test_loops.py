"""Steps that come often gather; the first goes at once."""

import asyncio
from itertools import pairwise

from infra.loops import Pace


async def test_first_step_and_a_late_one_go_at_once() -> None:
    pace = Pace(3600)
    async with asyncio.timeout(5):
        await pace.keep()


async def test_steps_begin_no_sooner_than_they_may() -> None:
    loop = asyncio.get_running_loop()
    pace = Pace(0.02)
    began = []
    for _ in range(4):
        await pace.keep()
        began.append(loop.time())
    gaps = [later - earlier for earlier, later in pairwise(began)]
    # The loop's clock may be a millisecond off; being late is no fault.
    assert min(gaps) >= 0.018
