"""What auth needs from the world."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from auth.domain import Account, RefreshToken, Revocation, Session
from auth.signing import SigningKey
from infra.identity import Caller

Clock = Callable[[], datetime]

VerifyToken = Callable[[str], Awaitable[Caller]]
"""Says whose access token this is; raises InvalidTokenError."""


class AccountStore(Protocol):
    """Accounts by id and by login name."""

    async def add(self, account: Account) -> None:
        """Keeps a new account. Doing it again with the same account changes nothing.

        Raises:
            LoginTakenError: somebody else has its login name.
        """

    async def get(self, user_id: str) -> Account | None: ...

    async def find(self, login: str) -> Account | None:
        """The account whose login name is the same as ``login``, however it is spelled."""

    async def replace_password(
        self, account: Account, password_hash: str, changed_at: datetime
    ) -> None:
        """Sets another hash, if the account still has the one it was read with.

        Raises:
            AccountChangedError: it has not.
        """

    async def replace_roles(self, account: Account, roles: frozenset[str]) -> None:
        """Sets other roles, if the account still has those it was read with.

        Raises:
            AccountChangedError: it has not.
        """

    async def end_sessions(self, account: Account, at: datetime) -> None:
        """Notes that all sessions ended, if nobody has done so since the account was read.

        Raises:
            AccountChangedError: somebody has.
        """

    async def remove(self, account: Account) -> None:
        """Forgets the account; its name is free."""


class Outcome(Enum):
    """What became of a refresh token that was shown."""

    ROTATED = "rotated"
    """Its successor counts now."""
    REUSED = "reused"
    """It was used before: two parties hold it, and its session is over."""
    GONE = "gone"
    """There is no such session."""


class SessionStore(Protocol):
    """Sessions, each with the digests of its refresh tokens."""

    async def open(self, session: Session, first: RefreshToken, at: datetime) -> None:
        """Keeps a new session that goes on by ``first``."""

    async def rotate(
        self, shown: RefreshToken, successor: RefreshToken
    ) -> tuple[Outcome, Session | None]:
        """Trades ``shown`` for ``successor``. Safe to repeat with the same successor.

        There is no session where the outcome is GONE.
        """

    async def find(self, family: str) -> Session | None:
        """The session of a family; None when it is over."""

    async def close(self, family: str) -> None:
        """Ends a session; one that is over stays so."""


class RevocationLog(Protocol):
    """What was revoked, until every token meant has expired."""

    async def add(self, revocation: Revocation) -> None: ...

    async def read(self, after: str) -> tuple[Sequence[Revocation], str]:
        """What came after a position, oldest first, and the position to go on from; "" is the
        beginning."""


class LoginAttempts(Protocol):
    """How often passwords may be guessed."""

    def one(
        self, login: str, account: Account | None, address: str
    ) -> AbstractAsyncContextManager[None]:
        """One attempt; it counts as failed when the block raises WrongCredentialsError.

        Raises:
            TooManyAttemptsError: too many have failed for this name or from this address.
        """


class KeyStore(Protocol):
    """Signing keys; every replica sees the same."""

    async def add(self, key: SigningKey, lifetime: timedelta) -> None:
        """Keeps ``key`` for ``lifetime``."""

    async def all(self) -> Sequence[SigningKey]:
        """The keys that are not expired, oldest first, in the same order for everybody."""


class PasswordHasher(Protocol):
    """Hashes passwords that ``auth.credentials.prepare_password`` has prepared.

    Every method that is awaited raises HashingBusyError when too many wait.
    """

    async def hash(self, password: str) -> str: ...

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the hash is this password's. None takes as long, and is nobody's."""

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was made with other parameters than new ones are."""
