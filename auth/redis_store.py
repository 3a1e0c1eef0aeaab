"""Auth's ports, kept in Redis."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import cast

from redis.asyncio import Redis
from redis.typing import EncodableT, FieldT

from auth import keys
from auth.credentials import former_login_key, login_key
from auth.domain import (
    Account,
    AccountChangedError,
    LoginTakenError,
    RefreshToken,
    Revocation,
    Session,
)
from auth.ports import Outcome
from auth.signing import SigningKey
from infra.clock import from_text, to_ms, to_text
from infra.redis_client import load_script
from infra.unreadable import UNREADABLE, tell_unreadable


class RedisAccountStore:
    """Accounts in Redis; an ``AccountStore``."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._claim_login = load_script(redis, "auth", "claim_login")
        self._release_login = load_script(redis, "auth", "release_login")
        self._replace_fields = load_script(redis, "auth", "replace_fields")

    async def add(self, account: Account) -> None:
        user = keys.user(account.user_id)
        # The two keys are in different slots of a cluster, so no script can write both. The hash
        # comes first: whoever finds the name finds the account behind it. A crash in between
        # leaves a hash that no name leads to, and the name free.
        await self._redis.hset(
            user,
            mapping={
                "login": account.login,
                "roles": _roles_text(account.roles),
                "password_hash": account.password_hash,
                "sessions_since": to_text(account.sessions_since),
                "created_at": to_text(account.created_at),
            },
        )
        name = keys.login(login_key(account.login))
        if await self._kept_under_former_key(account.login) or not await self._claim_login(
            keys=[name], args=[account.user_id]
        ):
            await self._redis.delete(user)
            raise LoginTakenError("this login name is taken")

    async def get(self, user_id: str) -> Account | None:
        fields = await _read_hash(self._redis, keys.user(user_id))
        if not fields:
            return None
        return Account(
            user_id=user_id,
            login=fields["login"],
            roles=frozenset(fields["roles"].split()),
            password_hash=fields["password_hash"],
            sessions_since=from_text(fields["sessions_since"]),
            created_at=from_text(fields["created_at"]),
        )

    async def find(self, login: str) -> Account | None:
        user_id = await self._kept_under_former_key(login)
        if user_id is None:
            user_id = cast(str | None, await self._redis.get(keys.login(login_key(login))))
        # A name that nobody has takes both reads as well: the time must not tell who is here.
        return await self.get(str(user_id or ""))

    async def _kept_under_former_key(self, login: str) -> str | None:
        """Return the id of the account that the last release has kept under another key than
        ``login_key``; a name without ignorable characters has none."""
        former = former_login_key(login)
        if former == login_key(login):
            return None
        return cast(str | None, await self._redis.get(keys.login(former)))

    async def replace_password(
        self, account: Account, password_hash: str, changed_at: datetime
    ) -> None:
        await self._replace(
            account,
            account.password_hash,
            password_hash=password_hash,
            sessions_since=to_text(changed_at),
        )

    async def replace_roles(self, account: Account, roles: frozenset[str]) -> None:
        await self._replace(account, _roles_text(account.roles), roles=_roles_text(roles))

    async def end_sessions(self, account: Account, at: datetime) -> None:
        await self._replace(account, to_text(account.sessions_since), sessions_since=to_text(at))

    async def remove(self, account: Account) -> None:
        # The name first: it must never lead to an account that is gone.
        for key in {login_key(account.login), former_login_key(account.login)}:
            await self._release_login(keys=[keys.login(key)], args=[account.user_id])
        await self._redis.delete(keys.user(account.user_id))

    async def _replace(self, account: Account, was: str, **fields: str) -> None:
        compared = next(iter(fields))
        written = [text for field in fields.items() for text in field]
        if not await self._replace_fields(
            keys=[keys.user(account.user_id)], args=[compared, was, *written]
        ):
            raise AccountChangedError("this account was changed at the same moment; look again")


async def _read_hash(redis: Redis, key: str) -> Mapping[str, str]:
    # The client decodes replies; its types can't know.
    return cast(Mapping[str, str], await redis.hgetall(key))


def _roles_text(roles: frozenset[str]) -> str:
    return " ".join(sorted(roles))


class RedisSessionStore:
    """Sessions in Redis; a ``SessionStore``."""

    def __init__(self, redis: Redis, *, lifetime: timedelta, grace: timedelta) -> None:
        """A session ends after ``lifetime`` of rest; a used token counts for ``grace``."""
        self._redis = redis
        self._lifetime = lifetime
        self._grace = grace
        self._rotate = load_script(redis, "auth", "rotate")

    async def open(self, session: Session, first: RefreshToken, at: datetime) -> None:
        key = keys.refresh(session.family)
        async with self._redis.pipeline(transaction=True) as together:
            together.hset(
                key,
                mapping={
                    "user_id": session.user_id,
                    "sessions_since": to_text(session.sessions_since),
                    "created_at": to_text(at),
                    "current": f"{first.digest} ",
                    "previous": "",
                    "rotated_at": to_ms(at),
                },
            )
            together.pexpire(key, self._lifetime)
            await together.execute()

    async def rotate(
        self, shown: RefreshToken, successor: RefreshToken
    ) -> tuple[Outcome, Session | None]:
        outcome, user_id, sessions_since = await self._rotate(
            keys=[keys.refresh(shown.family)],
            args=[shown.digest, successor.digest, _ms(self._grace), _ms(self._lifetime)],
        )
        if not user_id:
            return Outcome(outcome), None
        session = Session(shown.family, user_id, from_text(sessions_since))
        return Outcome(outcome), session

    async def find(self, family: str) -> Session | None:
        user_id, sessions_since = await self._redis.hmget(
            keys.refresh(family), ["user_id", "sessions_since"]
        )
        if user_id is None or sessions_since is None:
            return None
        return Session(family, str(user_id), from_text(str(sessions_since)))

    async def close(self, family: str) -> None:
        await self._redis.delete(keys.refresh(family))


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


class RedisRevocationLog:
    """Revocations in a Redis stream; a ``RevocationLog``."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def add(self, revocation: Revocation) -> None:
        lifetime = revocation.expires_at - revocation.at
        entry: dict[FieldT, EncodableT] = {
            "session": revocation.session,
            "user": revocation.user_id,
            "at": to_text(revocation.at),
            "expires_at": to_text(revocation.expires_at),
        }
        async with self._redis.pipeline(transaction=True) as together:
            together.xadd(keys.REVOCATIONS, entry, minid=to_ms(revocation.at - lifetime))
            together.pexpire(keys.REVOCATIONS, lifetime)
            await together.execute()

    async def read(self, after: str) -> tuple[list[Revocation], str]:
        # The client decodes replies; its types can't know.
        entries = cast(
            list[tuple[str, Mapping[str, str]]],
            await self._redis.xrange(keys.REVOCATIONS, f"({after}" if after else "-"),
        )
        found: list[Revocation] = []
        for entry_id, fields in entries:
            try:
                revocation = Revocation(
                    at=from_text(fields["at"]),
                    expires_at=from_text(fields["expires_at"]),
                    session=fields["session"],
                    user_id=fields["user"],
                )
            except UNREADABLE as error:
                tell_unreadable("revocation", error, entry_id=entry_id)
            else:
                found.append(revocation)
        return found, entries[-1][0] if entries else after


class RedisKeyStore:
    """Signing keys in Redis; a ``KeyStore``."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def add(self, key: SigningKey, lifetime: timedelta) -> None:
        name = keys.signing_key(key.kid)
        async with self._redis.pipeline(transaction=True) as together:
            together.hset(
                name,
                mapping={
                    "private_pem": key.to_pem(),
                    "public_jwk": json.dumps(key.public_jwk),
                    "created_at": to_text(key.created_at),
                },
            )
            together.pexpire(name, lifetime)
            await together.execute()
        # The index is in another slot, and last: a kid that is found there has its key.
        await self._redis.zadd(keys.SIGNING_KEYS, {key.kid: to_ms(key.created_at)})

    async def all(self) -> list[SigningKey]:
        found = []
        for kid in map(str, await self._redis.zrange(keys.SIGNING_KEYS, 0, -1)):
            fields = await _read_hash(self._redis, keys.signing_key(kid))
            if fields:
                try:
                    created_at = from_text(fields["created_at"])
                    found.append(SigningKey.from_pem(fields["private_pem"], created_at))
                except UNREADABLE as error:
                    tell_unreadable("key", error, kid=kid)
            else:
                await self._redis.zrem(keys.SIGNING_KEYS, kid)
        return found
