"""Steps that come often gather; the first goes at once."""

import asyncio
from itertools import pairwise

import pytest

from infra.loops import CrowdPace, Pace


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


def test_the_more_there_is_the_longer_it_gathers() -> None:
    pace = CrowdPace(0.02, crowd=1000)
    waits = []
    now = 0.0
    for things in (1, 2, 10, 30):
        for _ in range(100):
            pace.count(things, now)
            now += 0.02
        waits.append(pace.seconds)
    assert waits == pytest.approx([0.001, 0.002, 0.01, 0.02], rel=0.01)


def test_a_crowd_is_forgotten() -> None:
    pace = CrowdPace(0.02, crowd=1000)
    for turn in range(100):
        pace.count(20, turn * 0.02)
    assert pace.seconds == pytest.approx(0.02, rel=0.01)
    pace.count(1, 60.0)
    assert pace.seconds < 0.001


def test_what_comes_first_waits_for_nothing() -> None:
    pace = CrowdPace(0.02, crowd=1000)
    pace.count(1, 100.0)
    assert pace.seconds == 0
