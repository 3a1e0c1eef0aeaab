"""Retries that are counted."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from redis.asyncio.retry import Retry

from infra.metrics import REDIS_RETRIES

T = TypeVar("T")


class MeasuredRetry(Retry):
    """Counts each failure that is followed by another try, or would be if any were left."""

    async def call_with_retry(
        self, do: Callable[[], Awaitable[T]], fail: Callable[..., Any], *args: Any, **options: Any
    ) -> T:
        async def count_and_fail(error: Exception, *failures: int) -> None:
            REDIS_RETRIES.labels(type(error).__name__).inc()
            await fail(error, *failures)

        return await super().call_with_retry(do, count_and_fail, *args, **options)
