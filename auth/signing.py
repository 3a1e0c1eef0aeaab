"""Keys that sign access tokens: Ed25519 (RFC 8037)."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from infra.identity import ALGORITHM


@dataclass(frozen=True)
class SigningKey:
    """A key pair, named by the thumbprint of its public half (RFC 7638)."""

    private: Ed25519PrivateKey = field(repr=False)
    created_at: datetime

    @classmethod
    def generate(cls, at: datetime) -> Self:
        return cls(Ed25519PrivateKey.generate(), at)

    @classmethod
    def from_pem(cls, pem: str, created_at: datetime) -> Self:
        """The key that ``to_pem`` wrote."""
        private = load_pem_private_key(pem.encode(), password=None)
        if not isinstance(private, Ed25519PrivateKey):
            raise TypeError("a signing key must be Ed25519")
        return cls(private, created_at)

    def to_pem(self) -> str:
        """PKCS #8, not encrypted."""
        return self.private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode()

    @cached_property
    def kid(self) -> str:
        # RFC 7638: the required members alone, in order, without white space.
        required = json.dumps(self._required_members, sort_keys=True, separators=(",", ":"))
        return _base64url(hashlib.sha256(required.encode()).digest())

    @property
    def public_jwk(self) -> dict[str, str]:
        """The public half as a JSON Web Key."""
        return {**self._required_members, "kid": self.kid, "use": "sig", "alg": ALGORITHM}

    @cached_property
    def _required_members(self) -> dict[str, str]:
        raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
