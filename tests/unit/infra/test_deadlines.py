"""Many deadlines on one timer: each in its time, and none for what is done."""

import asyncio

import pytest

from infra.deadlines import Deadlines

WAIT_SECONDS = 20
LONG = 3_600.0


class Work:
    """Things under way, and those of them whose time was over."""

    def __init__(self) -> None:
        self.under_way: set[int] = set()
        self.expired: asyncio.Queue[int] = asyncio.Queue()
        self.deadlines = Deadlines(self.under_way, self._expire)

    def start(self, key: int, seconds: float) -> None:
        self.under_way.add(key)
        self.deadlines.add(key, seconds)

    def _expire(self, key: int) -> None:
        self.under_way.remove(key)
        self.expired.put_nowait(key)

    async def next_expired(self) -> int:
        async with asyncio.timeout(WAIT_SECONDS):
            return await self.expired.get()


@pytest.fixture
async def work() -> Work:
    return Work()


async def test_times_end_in_their_order_whenever_they_began(work: Work) -> None:
    work.start(1, LONG)
    work.start(2, 0.02)
    work.start(3, 0.01)
    assert [await work.next_expired(), await work.next_expired()] == [3, 2]
    assert work.under_way == {1}


async def test_what_is_done_does_not_expire(work: Work) -> None:
    work.start(1, 0.01)
    work.start(2, 0.02)
    work.under_way.remove(1)
    assert await work.next_expired() == 2
    assert work.expired.empty()


async def test_time_that_is_over_already_ends_at_once(work: Work) -> None:
    work.start(1, 0)
    work.start(2, 0)
    assert {await work.next_expired(), await work.next_expired()} == {1, 2}


async def test_one_that_comes_after_all_have_ended_ends_too(work: Work) -> None:
    for key in (1, 2):
        work.start(key, 0.001)
        assert await work.next_expired() == key


async def test_what_is_done_is_not_kept_until_its_time(work: Work) -> None:
    for key in range(1_000):
        work.start(key, LONG)
        work.under_way.remove(key)
    assert len(work.deadlines) <= 1


async def test_closed_it_tells_nothing_more(work: Work) -> None:
    work.start(1, 0.001)
    work.deadlines.close()
    work.start(2, 0.002)
    assert await work.next_expired() == 2
    assert work.expired.empty()
