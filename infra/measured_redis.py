"""redis-py that notes how long Redis took and how often it was asked again."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry

from infra.metrics import REDIS_RETRIES, REDIS_SECONDS
from infra.script_pipeline import ScriptPipeline

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


class MeasuredPipeline(ScriptPipeline):
    """A pipeline that notes how long it took as a whole."""

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        with REDIS_SECONDS.labels("pipeline").time():
            return await super().execute(raise_on_error)


class MeasuredRedis(Redis):
    """A client that notes how long each command took."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        with REDIS_SECONDS.labels(str(args[0]).lower()).time():
            run: Any = super().execute_command
            return await run(*args, **options)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return MeasuredPipeline(
            self.connection_pool, self.response_callbacks, transaction, shard_hint
        )
