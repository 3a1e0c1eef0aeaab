"""Tells the verifiers of access tokens what was revoked."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from auth.domain import Revocation
from auth.ports import RevocationLog
from infra.loops import check_cancelled

# Verifiers must know within two seconds. Few watch, so asking is cheaper than being told.
POLL_SECONDS = 0.5


class RevocationWatch:
    """Follows the log for everybody who watches; other replicas and commands write there, too."""

    def __init__(self, log: RevocationLog) -> None:
        self._log = log
        self._closing = asyncio.Event()

    async def follow(self) -> AsyncIterator[Sequence[Revocation]]:
        """Everything that counts first, then the news of each half second, which may be none."""
        position = ""
        while not self._closing.is_set():
            news, position = await self._log.read(position)
            check_cancelled()
            yield news
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._closing.wait()

    def close(self) -> None:
        """Ends whatever is followed: the process stops."""
        self._closing.set()
