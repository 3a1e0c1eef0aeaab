"""Access tokens: what they say, and what is not taken for one."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auth.domain import Account
from auth.key_ring import KeyRing
from auth.signing import SigningKey
from auth.tokens import TokenSigner
from infra.clock import utc_now
from infra.identity import InvalidTokenError, TokenVerifier
from infra.revocations import Revocations
from shared_proto.restaurant.auth.v1.auth_pb2 import Revocation

LIFETIME = timedelta(minutes=15)
KEY_LIFETIME = timedelta(days=90)


class MemoryKeyStore:
    """A ``KeyStore`` that several replicas may share."""

    def __init__(self) -> None:
        self.keys: list[SigningKey] = []

    async def add(self, key: SigningKey, lifetime: timedelta) -> None:
        self.keys = sorted([*self.keys, key], key=lambda each: (each.created_at, each.kid))

    async def all(self) -> list[SigningKey]:
        return list(self.keys)


def _ring(store: MemoryKeyStore, clock: Callable[[], datetime] = utc_now) -> KeyRing:
    return KeyRing(store, clock, key_lifetime=KEY_LIFETIME, token_lifetime=LIFETIME)


def _account() -> Account:
    now = utc_now()
    return Account("01J", "Anna", frozenset({"customer", "kitchen:main"}), "", now, now)


@pytest.fixture
def ring() -> KeyRing:
    return _ring(MemoryKeyStore())


async def _token(ring: KeyRing, at: datetime | None = None) -> str:
    return await TokenSigner(ring, LIFETIME).sign(_account(), "family", at or utc_now())


async def _claims(ring: KeyRing) -> dict[str, Any]:
    return jwt.decode(await _token(ring), options={"verify_signature": False})


async def test_token_says_who_and_for_how_long(ring: KeyRing) -> None:
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    token = await _token(ring, at)
    claims = jwt.decode(token, options={"verify_signature": False})
    jti = claims.pop("jti")
    now = int(at.timestamp())
    assert claims == {
        "iss": "brigade-auth",
        "aud": "brigade",
        "sub": "01J",
        "preferred_username": "Anna",
        "roles": ["customer", "kitchen:main"],
        "sid": "family",
        "iat": now,
        "nbf": now,
        "exp": now + 900,
    }
    assert len(jti) == 32
    header = jwt.get_unverified_header(token)
    assert header == {"alg": "EdDSA", "typ": "at+jwt", "kid": (await ring.newest()).kid}


async def test_token_is_taken_and_says_the_roles(ring: KeyRing) -> None:
    caller = await TokenVerifier(ring.jwks).verify(await _token(ring))
    assert (caller.user_id, caller.login) == ("01J", "Anna")
    assert caller.roles == {"customer", "kitchen:main"}


async def test_expired_token_is_refused(ring: KeyRing) -> None:
    token = await _token(ring, utc_now() - LIFETIME - timedelta(seconds=11))
    with pytest.raises(InvalidTokenError, match="expired"):
        await TokenVerifier(ring.jwks).verify(token)


async def test_token_is_recalled_only_while_it_holds(ring: KeyRing) -> None:
    now = utc_now().timestamp()
    revocations = Revocations(clock=lambda: now)
    verifier = TokenVerifier(ring.jwks, revocations=revocations, clock=lambda: now)
    token = await _token(ring)
    assert verifier.recall(token) is None
    caller = await verifier.verify(token)
    assert verifier.recall(token) is caller
    now += LIFETIME.total_seconds() + 1
    assert verifier.recall(token) is None
    now -= LIFETIME.total_seconds()
    assert verifier.recall(token) is caller
    revocations.take([Revocation(session_id="family", expires_at_ms=round(now * 1000) + 60_000)])
    assert verifier.recall(token) is None


async def test_token_of_tomorrow_is_refused(ring: KeyRing) -> None:
    token = await _token(ring, utc_now() + timedelta(days=1))
    with pytest.raises(InvalidTokenError, match="not yet valid"):
        await TokenVerifier(ring.jwks).verify(token)


def _base64url(data: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def _unsigned(claims: dict[str, Any], key: SigningKey) -> str:
    header = {"alg": "none", "typ": "at+jwt", "kid": key.kid}
    return f"{_base64url(header)}.{_base64url(claims)}."


def _signed(key: SigningKey, claims: dict[str, Any], **header: str) -> str:
    headers = {"kid": key.kid, "typ": "at+jwt"} | header
    return jwt.encode(claims, key.private, algorithm="EdDSA", headers=headers)


def _hmac_with_public_pem(claims: dict[str, Any], key: SigningKey) -> str:
    pem = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return _hmac(claims, key, pem)


def _hmac_with_public_bytes(claims: dict[str, Any], key: SigningKey) -> str:
    return _hmac(claims, key, key.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def _hmac(claims: dict[str, Any], key: SigningKey, secret: bytes) -> str:
    header = {"alg": "HS256", "typ": "at+jwt", "kid": key.kid}
    signed = f"{_base64url(header)}.{_base64url(claims)}"
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _promoted(claims: dict[str, Any], key: SigningKey) -> str:
    """A token of ours into which a role was written."""
    header, _, signature = _signed(key, claims).split(".")
    return f"{header}.{_base64url(claims | {'roles': ['admin']})}.{signature}"


FORGERIES: dict[str, Callable[[dict[str, Any], SigningKey], str]] = {
    "no signature": _unsigned,
    "HMAC with the public key as PEM": _hmac_with_public_pem,
    "HMAC with the public key's bytes": _hmac_with_public_bytes,
    "a role that was not given": _promoted,
    "another issuer": lambda claims, key: _signed(key, claims | {"iss": "mallory"}),
    "another audience": lambda claims, key: _signed(key, claims | {"aud": "bank"}),
    "no expiry": lambda claims, key: _signed(key, {k: claims[k] for k in claims if k != "exp"}),
    "no subject": lambda claims, key: _signed(key, {k: claims[k] for k in claims if k != "sub"}),
    "an unknown key": lambda claims, key: _signed(key, claims, kid="unknown"),
    "another type": lambda claims, key: _signed(key, claims, typ="JWT"),
    "another's key under our kid": lambda claims, key: _signed(
        SigningKey(Ed25519PrivateKey.generate(), utc_now()), claims, kid=key.kid
    ),
    "no token at all": lambda *_: "chicken bowl",
    "nothing": lambda *_: "",
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
async def test_forged_token_is_refused(
    ring: KeyRing, forge: Callable[[dict[str, Any], SigningKey], str]
) -> None:
    token = forge(await _claims(ring), await ring.newest())
    with pytest.raises(InvalidTokenError):
        await TokenVerifier(ring.jwks).verify(token)


async def test_public_keys_hold_nothing_private(ring: KeyRing) -> None:
    keys = json.loads(await ring.jwks())["keys"]
    assert [set(key) for key in keys] == [{"kty", "crv", "x", "kid", "use", "alg"}]


def test_kid_is_the_thumbprint_of_rfc_8037() -> None:
    # The key of RFC 8037, appendix A.1, and its thumbprint of appendix A.3.
    seed = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(seed), utc_now())
    assert key.public_jwk["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_key_reads_back_from_its_pem() -> None:
    key = SigningKey.generate(utc_now())
    assert SigningKey.from_pem(key.to_pem(), key.created_at).public_jwk == key.public_jwk
    assert "private" not in repr(key)


async def test_replicas_that_started_at_once_trust_each_other_and_agree() -> None:
    store = MemoryKeyStore()
    now = utc_now()
    one, other = _ring(store, lambda: now), _ring(store, lambda: now)
    # Both found the store empty.
    await store.add(SigningKey.generate(now), KEY_LIFETIME)
    first = await one.newest()
    await store.add(SigningKey.generate(now + timedelta(seconds=1)), KEY_LIFETIME)
    assert await other.newest() != first
    await TokenVerifier(other.jwks).verify(await _token(one))
    await TokenVerifier(one.jwks).verify(await _token(other))
    await one.load()
    assert (await one.newest()).kid == (await other.newest()).kid


async def test_old_key_gives_way_and_its_tokens_stay_good() -> None:
    store = MemoryKeyStore()
    old = _ring(store, lambda: utc_now() - KEY_LIFETIME - timedelta(hours=1))
    token = await _token(old)
    ring = _ring(store)
    await ring.load()
    assert (await ring.newest()).kid != (await old.newest()).kid
    await TokenVerifier(ring.jwks).verify(token)
