"""Accounts, their roles, and what auth refuses."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self

from infra.errors import RefusedError, Violation
from infra.limits import Usage, limit_facts
from shared_proto.kitchens import KITCHEN_NAME, KITCHEN_NAME_RULE


class Role(StrEnum):
    """What somebody may be. Everybody who registers is a customer."""

    CUSTOMER = "customer"
    KITCHEN = "kitchen"
    ADMIN = "admin"


def role_name(role: Role, kitchen: str = "") -> str:
    """The role as accounts and tokens carry it: ``kitchen`` for every kitchen, ``kitchen:main``
    for a cook of one.

    Raises:
        ValueError: the role can't be one kitchen's, or a kitchen can't be called so.
    """
    if not kitchen:
        return role.value
    if role is not Role.KITCHEN:
        raise ValueError(f"the role {role} is not one kitchen's")
    if not re.fullmatch(KITCHEN_NAME, kitchen):
        raise ValueError(f"a kitchen's name {KITCHEN_NAME_RULE}")
    return f"{role}:{kitchen}"


@dataclass(frozen=True)
class Account:
    """Who somebody is here."""

    user_id: str
    login: str
    """As it was first written; ``auth.credentials.login_key`` says which are the same."""
    roles: frozenset[str]
    password_hash: str = field(repr=False)
    sessions_since: datetime
    """When all sessions last ended: at another password, at a logout everywhere. A session that was
    opened under another time is over."""
    created_at: datetime

    def without_role(self, role: Role) -> frozenset[str]:
        """The roles after ``role`` is revoked, every kitchen's included."""
        return frozenset(held for held in self.roles if held.partition(":")[0] != role)


@dataclass(frozen=True)
class Session:
    """A login that goes on by refresh tokens; they are its *family* (RFC 9700, section 4.14)."""

    family: str
    user_id: str
    sessions_since: datetime
    """The account's, when the session was opened."""


@dataclass(frozen=True)
class RefreshToken:
    """An opaque token, ``<family>.<secret>``. Only the SHA-256 of its secret is kept."""

    family: str
    secret: str = field(repr=False)

    @classmethod
    def new(cls, family: str | None = None) -> Self:
        """A token nobody has seen: of ``family``, or the first of a new one."""
        return cls(family or secrets.token_urlsafe(16), secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The token that ``text`` writes.

        Raises:
            InvalidRefreshTokenError: it writes none.
        """
        family, _, secret = text.partition(".")
        if not family or not secret or not text.isascii() or len(text) > 128:
            raise InvalidRefreshTokenError("the refresh token is not valid")
        return cls(family, secret)

    def __str__(self) -> str:
        return f"{self.family}.{self.secret}"

    @property
    def digest(self) -> str:
        """SHA-256 of the secret, hex. The secret has 256 random bits: it needs no salt."""
        return hashlib.sha256(self.secret.encode()).hexdigest()


@dataclass(frozen=True)
class TokenPair:
    """What a login or a refresh yields (RFC 6749, section 5.1)."""

    access_token: str = field(repr=False)
    expires_in: int
    """How long the access token is good for, in seconds."""
    refresh_token: str = field(repr=False)
    token_type: str = "Bearer"


@dataclass(frozen=True)
class Revocation:
    """Access tokens that count no longer: those of one session, or those of one account that were
    issued before ``at``, the millisecond after it was revoked."""

    at: datetime
    expires_at: datetime
    """When the last token meant has expired."""
    session: str = ""
    user_id: str = ""


class UnfitCredentialsError(RefusedError):
    """A new login name or password breaks the rules; ``violations`` say which. Expected."""

    def __init__(self, *violations: Violation) -> None:
        super().__init__("; ".join(violation.message for violation in violations))
        self.violations = violations


class LoginTakenError(RefusedError):
    """Somebody has this login name already. Expected."""


class WrongCredentialsError(RefusedError):
    """No such account, or not its password: which of the two is never told. Expected."""


class InvalidRefreshTokenError(RefusedError):
    """A refresh token that was never given, is too old, was used before, or was revoked. Expected.

    Which of these it was is never told.
    """


class HashingBusyError(RefusedError):
    """More passwords wait to be hashed than may. Expected in a rush: try again in a moment."""


class TooManyAttemptsError(RefusedError):
    """Too many logins have failed for this name or from this address. Expected: come again."""

    def __init__(self, usage: Usage) -> None:
        super().__init__(
            "too many logins have failed; try again later", **limit_facts("login", usage)
        )


class AccountNotFoundError(RefusedError):
    """There is no such account. Expected."""


class AccountChangedError(RefusedError):
    """Somebody else changed this account at the same moment. Expected: look at it again."""
