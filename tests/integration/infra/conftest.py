"""One server for all tests that speak HTTP byte by byte: to start one takes longer than a test."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.infra.wire import Wire, serving


@pytest.fixture(scope="session")
async def wire() -> AsyncIterator[Wire]:
    async with serving() as wire:
        yield wire
