import asyncio

import pytest

from gateway.stepping import Rest, begin


async def go_on(rest: Rest | None) -> None:
    assert rest is not None
    await rest


async def test_what_never_waits_is_done_at_once() -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("work")

    assert begin(work()) is None
    assert done == ["work"]


async def test_what_waits_goes_on_in_a_task() -> None:
    first, second = asyncio.Event(), asyncio.Event()
    done: list[str] = []

    async def work() -> None:
        for event in (first, second):
            await event.wait()
            # In a task by now, so deadlines work.
            async with asyncio.timeout(60):
                await asyncio.sleep(0)
            done.append("step")

    task = asyncio.create_task(go_on(begin(work())))
    assert done == []
    first.set()
    second.set()
    await task
    assert done == ["step", "step"]


@pytest.mark.parametrize("waits", [False, True])
async def test_what_it_raises_comes_out(waits: bool) -> None:
    happened = asyncio.Event()

    async def work() -> None:
        if waits:
            await happened.wait()
        raise ValueError("burnt")

    async def run() -> None:
        rest = begin(work())
        happened.set()
        await go_on(rest)

    with pytest.raises(ValueError, match="burnt"):
        await run()


@pytest.mark.parametrize("waits_before", [0, 1])
async def test_what_is_cancelled_while_it_waits_cleans_up(waits_before: int) -> None:
    reached, never = asyncio.Event(), asyncio.Event()
    cleaned: list[str] = []

    async def work() -> None:
        try:
            for _ in range(waits_before):
                await asyncio.sleep(0)
            reached.set()
            await never.wait()
        finally:
            cleaned.append("up")

    task = asyncio.create_task(go_on(begin(work())))
    await reached.wait()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert cleaned == ["up"]
