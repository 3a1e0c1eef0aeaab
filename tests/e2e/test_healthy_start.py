"""What the services log while they start, each before those it needs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.dev.readiness import wait_until
from infra.dev.services import SERVICES
from tests.stack import READY_SECONDS, REDIS, Stack


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    stack = Stack(tmp_path)
    try:
        yield stack
    finally:
        stack.stop()


async def until_alive(stack: Stack, *names: str) -> None:
    urls = {name: stack.layout.ops_url(name) for name in names}
    await wait_until(urls, "/healthz", seconds=READY_SECONDS)


@pytest.mark.parametrize(
    "starts",
    [
        (("gateway", "order", "kitchen"), (REDIS,), ("auth",)),
        (("gateway", "kitchen"), (REDIS,), ("auth",), ("order",)),
    ],
)
async def test_what_is_not_there_yet_is_no_warning(
    stack: Stack, starts: tuple[tuple[str, ...], ...]
) -> None:
    for names in starts:
        for name in names:
            if name == REDIS:
                stack.redis.start()
            else:
                stack.start_service(name)
        await until_alive(stack, *(name for name in names if name != REDIS))
    await stack.wait_ready()
    lines = [line for service in SERVICES for line in stack.log_lines(service.name)]
    assert [line for line in lines if line["level"] not in ("info", "debug")] == []


async def test_what_goes_away_is_told_once(stack: Stack) -> None:
    stack.start()
    await stack.wait_ready()
    assert stack.terminate("order") == 0
    stack.start_service("order")
    await stack.wait_ready()
    told = [line["event"] for line in stack.log_lines("kitchen") if line["level"] == "warning"]
    assert told == ["pump_lost"]
    told = [line["event"] for line in stack.log_lines("gateway") if line["level"] == "warning"]
    assert told == ["watch_lost"]
