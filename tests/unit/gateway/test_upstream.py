import asyncio

import grpc
import pytest

from gateway.upstream import UpstreamEndedError, read_news


class Call:
    """A stream whose next read does what it is told."""

    def __init__(self, outcome: object) -> None:
        self._outcome = outcome

    async def read(self) -> object:
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome


async def test_news_is_what_was_read() -> None:
    assert await read_news(Call("news")) == "news"


@pytest.mark.parametrize("outcome", [grpc.aio.EOF, asyncio.CancelledError()])
async def test_every_end_that_nobody_here_asked_for_is_the_streams_end(outcome: object) -> None:
    with pytest.raises(UpstreamEndedError):
        await read_news(Call(outcome))


async def test_being_cancelled_is_not_mistaken_for_the_streams_end() -> None:
    class Silent:
        async def read(self) -> object:
            return await asyncio.get_running_loop().create_future()

    reading: asyncio.Task[object] = asyncio.create_task(read_news(Silent()))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait({reading})
    assert reading.cancelled()
