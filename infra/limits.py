"""How often something may be done: sliding windows in Redis, the same for all replicas."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis

from infra.redis_client import load_script


@dataclass(frozen=True)
class Limit:
    """So many times within any ``window``."""

    count: int
    window: timedelta

    @property
    def window_ms(self) -> int:
        return self.window // timedelta(milliseconds=1)


@dataclass(frozen=True)
class Usage:
    """What is left of a limit."""

    limit: Limit
    granted: bool
    """Whether the place that was asked for was free."""
    taken: int
    reset_ms: int
    """When the next place becomes free."""

    @property
    def remaining(self) -> int:
        return max(self.limit.count - self.taken, 0)

    @property
    def reset_seconds(self) -> int:
        """Whole seconds until a place becomes free, at least 1."""
        return max(math.ceil(self.reset_ms / 1000), 1)


def limit_facts(policy: str, usage: Usage) -> dict[str, object]:
    """The facts of a refusal for want of a free place; edges make headers of them."""
    return {
        "policy": policy,
        "limit": usage.limit.count,
        "window_seconds": int(usage.limit.window.total_seconds()),
        "retry_after": usage.reset_seconds,
    }


def rate_limit_headers(facts: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a refusal by its ``limit_facts``; none where it has no such facts.

    ``RateLimit`` and ``RateLimit-Policy`` are those of draft-ietf-httpapi-ratelimit-headers-10.
    """
    if not {"policy", "limit", "window_seconds", "retry_after"} <= facts.keys():
        return {}
    name = facts["policy"]
    return {
        "Retry-After": str(facts["retry_after"]),
        "RateLimit-Policy": f'"{name}";q={facts["limit"]};w={facts["window_seconds"]}',
        "RateLimit": f'"{name}";r=0;t={facts["retry_after"]}',
    }


class SlidingWindow:
    """Places that are taken one by one, each for the length of a window."""

    def __init__(self, redis: Redis, limit: Limit) -> None:
        self.limit = limit
        self._redis = redis
        self._take = load_script(redis, "infra", "take_place")

    async def take(self, key: str, who: str) -> Usage:
        """Takes a place at ``key``, a sorted set, if one is free. ``who`` takes one at most."""
        granted, taken, reset_ms = await self._take(
            keys=[key], args=[who, self.limit.count, self.limit.window_ms]
        )
        return Usage(self.limit, bool(granted), int(taken), int(reset_ms))

    async def give_back(self, key: str, who: str) -> None:
        """Frees the place ``who`` took."""
        await self._redis.zrem(key, who)
