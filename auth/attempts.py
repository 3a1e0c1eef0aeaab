"""How often passwords may be guessed: so often a name, so often an address."""

import hashlib
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta

from redis.asyncio import Redis

from auth import keys
from auth.credentials import login_key
from auth.domain import Account, TooManyAttemptsError, WrongCredentialsError
from infra.forwarding import network_of
from infra.limits import Limit, SlidingWindow
from infra.logs import get_logger

log = get_logger()

# So long an address is remembered from which the owner of an account signed in.
KNOWN_FOR = timedelta(days=90)


class RedisLoginAttempts:
    """Counts failed logins, each for the length of a window; the ``LoginAttempts`` of the service.

    The guesses of strangers must not lock the owner out: an address from which the account was
    signed in to before has an allowance of its own, which strangers can't use up.
    """

    def __init__(self, redis: Redis, *, per_name: Limit, per_address: Limit) -> None:
        self._redis = redis
        self._names = SlidingWindow(redis, per_name)
        self._addresses = SlidingWindow(redis, per_address)

    @asynccontextmanager
    async def one(self, login: str, account: Account | None, address: str) -> AsyncIterator[None]:
        """One attempt, from its place in the windows to its outcome: a wrong password counts.

        Places are taken beforehand, so that attempts made all at once do not slip through.

        Args:
            login: the name as it was given.
            account: whose it is, if anybody's.
            address: where the attempt comes from, "" if that is not known.

        Raises:
            TooManyAttemptsError: too many have failed.
        """
        attempt = uuid.uuid4().hex
        network = network_of(address)
        name = hashlib.sha256(login_key(login).encode()).hexdigest()[:32]
        known = keys.known(account.user_id, network) if account is not None else ""
        is_known = bool(network and known and await self._redis.exists(known))
        taken = [(self._names, keys.attempts_at_name(name, network if is_known else ""))]
        if network:
            taken.append((self._addresses, keys.attempts_from(network)))
        for window, key in taken:
            usage = await window.take(key, attempt)
            if not usage.granted:
                log.warning("login_attempts_exhausted", key=key, address=network)
                raise TooManyAttemptsError(usage)
        try:
            yield
        except WrongCredentialsError:
            raise
        except BaseException:
            await self._give_back(taken, attempt)
            raise
        await self._give_back(taken, attempt)
        if network and known:
            await self._redis.set(known, "", ex=KNOWN_FOR)

    async def _give_back(self, taken: Iterable[tuple[SlidingWindow, str]], attempt: str) -> None:
        for window, key in taken:
            await window.give_back(key, attempt)
