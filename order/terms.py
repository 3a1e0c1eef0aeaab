"""What orders are placed by: the menu and the house's hours, which hardly ever change."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from infra.frozen import altered
from infra.shared_read import SharedRead
from order.domain import Menu
from order.house import House

FRESH_SECONDS = 1.0
"""A change that was not yet answered to whoever made it may take so long to be noticed."""


@dataclass(frozen=True)
class Terms:
    """What may be ordered, at what price, and whether now."""

    menu: Menu
    house: House
    edition: int
    """Counts changes: these terms have all up to that one, and perhaps later ones."""


class CurrentTerms:
    """Keeps the terms that were read last, so that not every order has to wait for a read.

    An order placed by terms that have changed since is refused by its commit, which knows the
    edition, and is then made out anew. So a change that was answered holds from the next order on,
    at every replica.

    Args:
        read: reads the edition first, and then the terms.
    """

    def __init__(self, read: Callable[[], Awaitable[Terms]]) -> None:
        self._read = SharedRead(read)
        self._last: Terms | None = None
        self._read_at = 0.0

    def recall(self) -> Terms | None:
        """The terms as they were a moment ago; None when that is too long ago."""
        is_fresh = asyncio.get_running_loop().time() - self._read_at < FRESH_SECONDS
        return self._last if is_fresh else None

    async def read(self, *, since: int = 0) -> Terms:
        """The terms as they are now; ``since`` is an edition that is known to have been made."""
        began_at = asyncio.get_running_loop().time()
        terms = await self._read()
        if terms.edition < since:
            # The change was written before its edition was told.
            terms = altered(terms, edition=since)
        self._last, self._read_at = terms, began_at
        return terms
