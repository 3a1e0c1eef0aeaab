"""Who is calling: access tokens of users, credentials of services."""

import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import grpc
import jwt
from jwt import PyJWK

from infra.callers import RULES, Access
from infra.errors import Answer, Answers, RefusedError
from infra.logs import get_logger
from infra.outage import Outage
from infra.revocations import Revocations
from shared_proto.restaurant.auth.v1 import auth_pb2, auth_pb2_grpc

ISSUER = "brigade-auth"
AUDIENCE = "brigade"
ALGORITHM = "EdDSA"
TOKEN_TYPE = "at+jwt"  # RFC 9068, section 2.1
LEEWAY_SECONDS = 10

TOKEN_KEY = "authorization"
SERVICE_KEY = "x-brigade-service"
CREDENTIAL_KEY = "x-brigade-credential"
CLIENT_KEY = "x-brigade-client"
BEARER = "Bearer "

FetchKeys = Callable[[], Awaitable[str]]
log = get_logger()


class InvalidTokenError(RefusedError):
    """The caller is not who it says, or says nothing: missing, forged or expired. Expected."""


class NotAllowedError(RefusedError):
    """We know who calls, and that is not somebody who may do this. Expected."""


class KeysUnavailableError(RefusedError):
    """Tokens can't be verified, because auth has not answered yet. Expected while auth is down."""


IDENTITY_ANSWERS: Answers = {
    InvalidTokenError: Answer(grpc.StatusCode.UNAUTHENTICATED, "INVALID_TOKEN"),
    NotAllowedError: Answer(grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED"),
    KeysUnavailableError: Answer(grpc.StatusCode.UNAVAILABLE, "KEYS_UNAVAILABLE"),
}


@dataclass(frozen=True)
class Caller:
    """Who makes this call: a user, or a service of ours (then ``service`` is set)."""

    user_id: str = ""
    login: str = ""
    roles: frozenset[str] = frozenset()
    expires_at: float = 0.0
    """When the user's token expires, in seconds of Unix time."""
    issued_at: float = 0.0
    """When it was issued, in seconds of Unix time."""
    session: str = ""
    """The session it belongs to."""
    token: str = ""
    """The user's token, to be passed on to the next service."""
    service: str = ""
    address: str = ""
    """Where the user is whom ``service`` makes this call for, where it said so."""

    def __repr__(self) -> str:
        return f"Caller(user_id={self.user_id!r}, login={self.login!r}, service={self.service!r})"

    def require(self, *roles: str) -> None:
        """Raises NotAllowedError unless the caller has one of ``roles``."""
        if not self.roles.intersection(roles):
            raise NotAllowedError(f"this takes the role {' or '.join(roles)}")


_caller: ContextVar[Caller] = ContextVar("caller")


def current_caller() -> Caller:
    """Who makes the call that is being served. A bug where no call is."""
    return _caller.get()


def set_caller(caller: Caller) -> None:
    """Makes ``caller`` the one the rest of this call is served for."""
    _caller.set(caller)


class TokenVerifier:
    """Verifies access tokens with auth's public keys.

    Keys are fetched when a token names one that is not known, at most once a second, and the last
    good set is kept while auth is away. A token that was verified is remembered until it expires,
    and refused all the same once it is revoked.
    """

    def __init__(
        self,
        fetch_keys: FetchKeys,
        *,
        revocations: Revocations | None = None,
        clock: Callable[[], float] = time.time,
        remember: int = 10_000,
    ) -> None:
        self._fetch_keys = fetch_keys
        self._revocations = revocations or Revocations()
        self._clock = clock
        self._remember = remember
        self._keys: dict[str, PyJWK] = {}
        self._fetched_at = float("-inf")
        self._verified: dict[str, Caller] = {}
        self._outage = Outage()

    async def verify(self, token: str) -> Caller:
        """The user a token was given to.

        Raises:
            InvalidTokenError: forged, expired, revoked, for somebody else, or no token at all.
            KeysUnavailableError: there are no keys to verify it with yet.
        """
        caller = await self._read(token)
        if self._revocations.cover(caller):
            raise InvalidTokenError("the access token was revoked")
        return caller

    def recall(self, token: str) -> Caller | None:
        """The user of a token that was verified before and still holds, without a wait; None says
        only that ``verify`` must be asked."""
        known = self._verified.get(token)
        if known is None or known.expires_at <= self._clock() or self._revocations.cover(known):
            return None
        return known

    async def _read(self, token: str) -> Caller:
        known = self._verified.get(token)
        if known is not None and known.expires_at > self._clock():
            return known
        self._verified.pop(token, None)
        key = await self._key_of(token)
        try:
            claims = jwt.decode(
                token,
                key=key,
                # Never what the token's own header says.
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "nbf", "iss", "aud", "sub", "jti"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise InvalidTokenError("the access token has expired: refresh it") from error
        except jwt.PyJWTError as error:
            raise InvalidTokenError(f"the access token is not valid: {error}") from error
        caller = Caller(
            user_id=str(claims["sub"]),
            login=str(claims.get("preferred_username", "")),
            roles=frozenset(str(role) for role in claims.get("roles", ())),
            expires_at=float(claims["exp"]),
            issued_at=float(claims["iat"]),
            session=str(claims.get("sid", "")),
            token=token,
        )
        if len(self._verified) >= self._remember:
            self._verified.pop(next(iter(self._verified)))
        self._verified[token] = caller
        return caller

    async def _key_of(self, token: str) -> PyJWK:
        try:
            header: Mapping[str, Any] = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise InvalidTokenError("the access token can't be read") from error
        if header.get("typ") != TOKEN_TYPE:
            raise InvalidTokenError("this is not an access token")
        kid = header.get("kid")
        if not isinstance(kid, str):
            raise InvalidTokenError("the access token names no key")
        if kid not in self._keys:
            await self._refresh_keys()
        if kid not in self._keys:
            raise InvalidTokenError("the access token was signed with an unknown key")
        return self._keys[kid]

    async def _refresh_keys(self) -> None:
        now = time.monotonic()
        # Tokens with made-up key ids must not become a flood of calls to auth.
        if self._keys and now - self._fetched_at < 1:
            return
        try:
            jwks = json.loads(await self._fetch_keys())
        except Exception as error:
            self._outage.tell("public_keys_not_fetched", error=str(error))
            if not self._keys:
                raise KeysUnavailableError("tokens can't be verified yet: auth is away") from error
            return
        self._outage.over()
        self._fetched_at = now
        self._keys = {key["kid"]: PyJWK(key, algorithm=ALGORITHM) for key in jwks["keys"]}


def keys_from_auth(channel: grpc.aio.Channel) -> FetchKeys:
    """Fetches the public keys over ``channel`` from the auth service."""
    stub = auth_pb2_grpc.AuthServiceStub(channel)

    async def fetch() -> str:
        answer = await stub.GetPublicKeys(
            auth_pb2.GetPublicKeysRequest(), timeout=2, wait_for_ready=True
        )
        return answer.jwks_json

    return fetch


class Guard:
    """Decides, by the table in ``infra.callers``, whether a call may go on, and for whom."""

    def __init__(self, verifier: TokenVerifier | None, peers: Mapping[str, str]) -> None:
        self._verifier = verifier
        self._peers = peers

    def recall(self, method: str, metadata: Mapping[str, str]) -> Caller | None:
        """The user who may call ``method`` and whose token was verified before, without a wait;
        None says only that ``admit`` must be asked."""
        if self._verifier is None or RULES.get(method) is not Access.USER:
            return None
        shown = metadata.get(TOKEN_KEY, "")
        return self._verifier.recall(shown[len(BEARER) :]) if shown.startswith(BEARER) else None

    async def admit(self, method: str, metadata: Mapping[str, str]) -> Caller:
        """The caller of ``method``.

        Raises:
            InvalidTokenError: the call needs a user's token or a service's credential.
            NotAllowedError: no rule lets this caller call this.
        """
        rule = RULES.get(method)
        if rule is Access.PUBLIC:
            service = self._service_of(metadata)
            return Caller(service=service, address=metadata.get(CLIENT_KEY, "") if service else "")
        if rule is Access.USER:
            if self._verifier is None:
                raise NotAllowedError("no user may call this service")
            scheme, _, token = metadata.get(TOKEN_KEY, "").partition(" ")
            if scheme.lower() != "bearer" or not token:
                raise InvalidTokenError("an access token is needed")
            return await self._verifier.verify(token)
        if rule is None:
            raise NotAllowedError("nobody may call this")
        service = self._service_of(metadata)
        if not service:
            raise InvalidTokenError("this call takes a service's credential")
        if service not in rule:
            raise NotAllowedError(f"{service} may not call this")
        return Caller(service=service)

    def _service_of(self, metadata: Mapping[str, str]) -> str:
        """The service whose credential is shown; "" when none is, or a wrong one."""
        service = metadata.get(SERVICE_KEY, "")
        shown = hashlib.sha256(metadata.get(CREDENTIAL_KEY, "").encode()).hexdigest()
        is_proven = service in self._peers and hmac.compare_digest(shown, self._peers[service])
        return service if is_proven else ""
