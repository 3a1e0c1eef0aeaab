"""One read for all who ask at the same moment, and never one from before."""

import asyncio

import pytest

from infra.shared_read import SharedRead


class Counter:
    """Counts how often it is read; a read takes as long as the test wants."""

    def __init__(self) -> None:
        self.reads = 0
        self.may_end = asyncio.Event()

    async def read(self) -> int:
        self.reads += 1
        found = self.reads
        await self.may_end.wait()
        return found


async def test_those_who_ask_at_once_share_a_read() -> None:
    counter = Counter()
    counter.may_end.set()
    shared = SharedRead(counter.read)
    assert await asyncio.gather(*(shared() for _ in range(10))) == [1] * 10


async def test_who_asks_while_a_read_is_under_way_is_given_the_next() -> None:
    counter = Counter()
    shared = SharedRead(counter.read)
    first = asyncio.create_task(shared())
    while not counter.reads:  # noqa: ASYNC110
        await asyncio.sleep(0)
    second = asyncio.create_task(shared())
    counter.may_end.set()
    assert (await first, await second) == (1, 2)


async def test_who_gives_up_takes_nothing_from_the_others() -> None:
    counter = Counter()
    shared = SharedRead(counter.read)
    impatient, patient = asyncio.create_task(shared()), asyncio.create_task(shared())
    while not counter.reads:  # noqa: ASYNC110
        await asyncio.sleep(0)
    impatient.cancel()
    counter.may_end.set()
    assert await patient == 1
    assert counter.reads == 1


async def test_what_goes_wrong_is_told_to_all_and_forgotten() -> None:
    outcomes: list[object] = [OSError("away"), "here"]

    async def read() -> object:
        outcome = outcomes.pop(0)
        if isinstance(outcome, OSError):
            raise outcome
        return outcome

    shared = SharedRead(read)
    results = await asyncio.gather(shared(), shared(), return_exceptions=True)
    assert [str(result) for result in results] == ["away", "away"]
    assert await shared() == "here"
    with pytest.raises(IndexError):
        await shared()
