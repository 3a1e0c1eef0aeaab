"""Password hashes: Argon2id (RFC 9106), away from the event loop."""

import asyncio
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from auth.domain import HashingBusyError
from auth.metrics import HASHINGS, HASHINGS_REFUSED

T = TypeVar("T")


class Argon2Pool:
    """Hashes in threads of its own; argon2 lets go of the GIL, so each thread fills a core.

    A hash takes tens of milliseconds. What can't be done soon is refused at once rather than
    queued until nobody waits for it any more.
    """

    def __init__(
        self, *, memory_kib: int, time_cost: int, parallelism: int, workers: int, queue: int
    ) -> None:
        """Takes ``workers`` × ``memory_kib`` of memory; ``queue`` calls may wait for a worker."""
        self._argon2 = PasswordHasher(
            memory_cost=memory_kib, time_cost=time_cost, parallelism=parallelism
        )
        self._nobodys_hash = self._argon2.hash(secrets.token_urlsafe())
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self._places = threading.BoundedSemaphore(workers + queue)

    async def hash(self, password: str) -> str:
        """A new hash of ``password``, with its parameters and salt in it.

        Raises:
            HashingBusyError: too many wait.
        """
        return await self._run(lambda: self._argon2.hash(password))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the hash is this password's.

        Without a hash it compares with one that is nobody's: an unknown user must take as long as
        a wrong password, or the time would tell who has an account.

        Raises:
            HashingBusyError: too many wait.
        """
        matches = await self._run(lambda: self._matches(password, password_hash))
        return matches and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was made with other parameters than new ones are."""
        return self._argon2.check_needs_rehash(password_hash)

    def close(self) -> None:
        """Lets go of the threads; what still waits is dropped."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _matches(self, password: str, password_hash: str | None) -> bool:
        try:
            return self._argon2.verify(password_hash or self._nobodys_hash, password)
        except VerifyMismatchError:
            return False

    def _make_room(self, _: Future[Any]) -> None:
        HASHINGS.dec()
        self._places.release()

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            HASHINGS_REFUSED.inc()
            raise HashingBusyError("too many passwords wait to be checked; try again in a moment")
        HASHINGS.inc()
        hashing = self._executor.submit(work)
        # When the work ends, not when its caller stops waiting: a thread can't be interrupted.
        hashing.add_done_callback(self._make_room)
        return await asyncio.wrap_future(hashing)
