"""Every Redis key auth owns. Only here are they spelled."""

SIGNING_KEYS = "auth:keys"
"""zset: kid by the time it was made, in milliseconds of Unix time. Kids of expired keys go when the
keys are next read."""


REVOCATIONS = "auth:revocations"
"""stream: ``session`` or ``user`` (an id), ``at``, ``expires_at``. Trimmed and expires when every
token meant has expired."""


def user(user_id: str) -> str:
    """hash: ``login``, ``roles`` (with spaces between), ``password_hash``, ``sessions_since``,
    ``created_at``. For ever."""
    return f"auth:user:{user_id}"


def login(name: str) -> str:
    """string: the id of the user whose name this is; ``name`` is its ``login_key``. For ever."""
    return f"auth:login:{name}"


def refresh(family: str) -> str:
    """hash: ``user_id``, ``sessions_since``, ``created_at``, ``current`` and ``previous`` (the
    SHA-256 of refresh tokens, each followed by a space), ``rotated_at`` (ms of Unix time).
    Expires when the session has rested for ``refresh_token_lifetime``."""
    return f"auth:refresh:{family}"


def attempts_at_name(name: str, address: str) -> str:
    """zset: failed logins by when they were (ms); ``name`` is a digest of the login's key, and
    ``address`` one from which its owner has signed in, or "" for all others. Expires with the
    window."""
    return f"auth:attempts:name:{name}:{address}"


def attempts_from(address: str) -> str:
    """zset: failed logins from an address by when they were (ms). Expires with the window."""
    return f"auth:attempts:address:{address}"


def known(user_id: str, address: str) -> str:
    """string, empty: the account was signed in to from this address. Expires after 90 days."""
    return f"auth:known:{user_id}:{address}"


def signing_key(kid: str) -> str:
    """hash: ``private_pem`` (PKCS #8), ``public_jwk`` (JSON), ``created_at``.
    Expires when no token it signed can still be good."""
    return f"auth:key:{kid}"
