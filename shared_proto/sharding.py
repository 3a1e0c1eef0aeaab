"""Which shard a user's orders are kept in: what the order service and its watchers agree on."""

import hashlib
from functools import lru_cache

SHARDS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""The 32 characters of Crockford's base 32 (https://www.crockford.com/base32.html)."""


@lru_cache(maxsize=10_000)
def shard_of(user_id: str) -> str:
    """The character of the shard that holds everything of this user."""
    return SHARDS[hashlib.sha256(user_id.encode()).digest()[0] % len(SHARDS)]


def shard_of_order(order_id: str) -> str:
    """The character of the shard an order is kept in: the last of its id."""
    return order_id[-1:]
