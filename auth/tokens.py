"""Access tokens: JWTs in the profile of RFC 9068."""

import uuid
from datetime import datetime, timedelta

import jwt

from auth.domain import Account
from auth.key_ring import KeyRing
from infra.clock import to_ms
from infra.identity import ALGORITHM, AUDIENCE, ISSUER, TOKEN_TYPE


class TokenSigner:
    """Signs access tokens that ``infra.identity.TokenVerifier`` takes."""

    def __init__(self, key_ring: KeyRing, lifetime: timedelta) -> None:
        self._key_ring = key_ring
        self.lifetime = lifetime

    async def sign(self, account: Account, session: str, at: datetime) -> str:
        """A token for ``account``, good from ``at`` for the lifetime.

        Args:
            account: whose it is; its roles stand in the token until that expires.
            session: the family of the refresh token it comes with, as the claim ``sid``.
            at: the time now.
        """
        key = await self._key_ring.newest()
        issued_at = int(at.timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": account.user_id,
            "preferred_username": account.login,
            "roles": sorted(account.roles),
            "sid": session,
            "jti": uuid.uuid4().hex,
            # To the millisecond, so that a token tells whether it is older than a revocation.
            "iat": to_ms(at) / 1000,
            "nbf": issued_at,
            "exp": issued_at + int(self.lifetime.total_seconds()),
        }
        headers = {"kid": key.kid, "typ": TOKEN_TYPE}
        return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers=headers)
