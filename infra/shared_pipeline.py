"""Redis, where what concurrent callers ask in one turn of the loop leaves in one pipeline.

redis-py takes a connection, a write, a read and several timeouts for each command. Here all callers
share one connection whose writes gather until the loop has come round, so that they share a system
call at both ends and one sync of Redis' append-only file. Several such batches may be on their way.
Stores don't notice: commands, scripts, pipelines and errors are redis-py's, and each error stays
with the call it belongs to. What blocks (``XREAD BLOCK``) or watches does not belong here.
"""

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import hiredis
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.backoff import AbstractBackoff
from redis.exceptions import (
    ConnectionError,
    InvalidResponse,
    NoScriptError,
    RedisError,
    TimeoutError,
)

from infra.metrics import REDIS_RETRIES, redis_seconds
from infra.steady_connection import SteadyConnection, pack

REPLY_SECONDS = 5.0
"""A reply that takes longer does not come any more: the connection is given up."""
WAITING_CALLS = 10_000
READ_BYTES = 256 * 1024

_MULTI = hiredis.pack_command(("MULTI",))
_EXEC = hiredis.pack_command(("EXEC",))


@dataclass(slots=True)
class _Call:
    """What was asked together: its replies follow each other."""

    asked_at: float
    replies: int
    """How many are still to come."""
    answer: asyncio.Future[list[Any]]
    taken: list[Any]


class SharedConnection:
    """One connection to Redis, opened when it is needed, for all callers of a process.

    A caller that was cancelled is no trouble: its replies are read and dropped.
    """

    def __init__(self, connect: Callable[[], Awaitable[SteadyConnection]]) -> None:
        """``connect`` opens a connection. It raises RedisError or OSError."""
        self._connect = connect
        self._outgoing: list[bytes] = []
        self._calls: deque[_Call] = deque()
        self._connection: SteadyConnection | None = None
        self._running: asyncio.Task[None] | None = None
        self._flush_is_due = False
        self._watchdog: asyncio.TimerHandle | None = None
        self.is_closed = False
        """Whether it is closed for good."""

    def ask(self, packed: bytes, replies: int = 1) -> asyncio.Future[list[Any]]:
        """Sends ``packed`` commands with this turn's others; the future holds their replies.

        An error reply is an item like any other. The future raises ConnectionError or TimeoutError
        when the connection was lost before all had come: they may have run, or not.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Any]] = loop.create_future()
        if self.is_closed or len(self._calls) >= WAITING_CALLS:
            answer.set_exception(
                ConnectionError("closed" if self.is_closed else "too many calls wait for Redis")
            )
            return answer
        self._calls.append(_Call(loop.time(), replies, answer, []))
        self._outgoing.append(packed)
        if self._running is None:
            self._running = loop.create_task(self._run())
        elif not self._flush_is_due and self._connection is not None:
            self._flush_is_due = True
            loop.call_soon(self._flush)
        return answer

    async def close(self) -> None:
        """Ends the connection for good. Who still waits gets ConnectionError."""
        self.is_closed = True
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})

    def _flush(self) -> None:
        self._flush_is_due = False
        if self._connection is None or not self._outgoing:
            return
        batch, self._outgoing = b"".join(self._outgoing), []
        try:
            self._connection.writer.write(batch)
        except (OSError, RuntimeError):
            # uvloop says RuntimeError of a connection that was lost. Its reader ends as well, and
            # tells the callers.
            return
        if self._watchdog is None:
            self._watch()

    def _watch(self) -> None:
        """Looks again when the oldest call's time is over: one timer, however many wait."""
        self._watchdog = None
        if self._connection is None or not self._calls:
            return
        loop = asyncio.get_running_loop()
        due = self._calls[0].asked_at + REPLY_SECONDS
        if due <= loop.time():
            # From here on nothing is sent there, and what still comes from there is for nobody.
            connection, self._connection = self._connection, None
            self._fail(TimeoutError("Redis did not answer in time"))
            connection.writer.transport.abort()
        else:
            self._watchdog = loop.call_at(due, self._watch)

    async def _run(self) -> None:
        lost: RedisError = ConnectionError("the connection to Redis was closed")
        connection: SteadyConnection | None = None
        try:
            connection = self._connection = await self._connect()
            self._flush()
            await self._read(connection)
        except RedisError as error:
            lost = error
        except OSError as error:
            lost = ConnectionError(str(error) or type(error).__name__)
        finally:
            self._connection = self._running = None
            self._fail(lost)
            if self._watchdog is not None:
                self._watchdog.cancel()
                self._watchdog = None
            if connection is not None:
                await connection.disconnect(nowait=True)

    def _fail(self, error: RedisError) -> None:
        self._outgoing.clear()
        calls, self._calls = self._calls, deque()
        for call in calls:
            if not call.answer.done():
                call.answer.set_exception(error)

    async def _read(self, connection: SteadyConnection) -> None:
        """Hands out replies until the other side is gone."""
        # A reply can't be missing from what is not there: RESP2 has no false.
        parser = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=connection.error_of,
            encoding="utf-8",
            # A byte that is no UTF-8, in one value, must not cost all callers the connection.
            errors="replace",
        )
        while (data := await connection.reader.read(READ_BYTES)) and connection is self._connection:
            parser.feed(data)
            while (reply := parser.gets()) is not False:
                call = self._calls[0]
                call.taken.append(reply)
                call.replies -= 1
                if not call.replies:
                    self._calls.popleft()
                    if not call.answer.done():
                        call.answer.set_result(call.taken)


class SharedRedis(Redis):
    """redis-py's client over a ``SharedConnection``.

    It asks again by itself when a reply was lost, which is why every script must be safe to run
    twice with the same arguments. How long each command took is measured.

    Args:
        pool: makes the connection; decoded replies, protocol 2.
        retries: how often a call is made again.
        backoff: how long to wait before that.
    """

    def __init__(self, pool: ConnectionPool, *, retries: int, backoff: AbstractBackoff) -> None:
        super().__init__(connection_pool=pool)
        self.auto_close_connection_pool = True
        self._shared = SharedConnection(self._open)
        self._retries = retries
        self._backoff = backoff

    async def _open(self) -> SteadyConnection:
        # redis-py does not say what these two take and give.
        pool: Any = self.connection_pool
        connection: Any = pool.make_connection()
        await connection.connect()
        return cast(SteadyConnection, connection)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await self._shared.close()
        await super().aclose(close_connection_pool)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        name: str = args[0]
        with redis_seconds(name).time():
            [reply] = await self.ask(pack(args), 1)
        if isinstance(reply, Exception):
            raise reply
        return self.read_reply(name, reply, options)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return SharedPipeline(self, transaction, shard_hint)

    def read_reply(self, name: str, reply: Any, options: dict[str, Any]) -> Any:
        """A reply in the form redis-py gives it."""
        read = self.response_callbacks.get(name)
        if read is None:
            return reply
        # For redis-py's own cache, not for the one that reads.
        options.pop("keys", None)
        return read(reply, **options)

    async def fetch(self, *commands: tuple[Any, ...]) -> list[Any]:
        """The replies to ``commands`` as Redis gives them. Raises the first error.

        A hash comes as its fields and values in turn (``read_hash``). redis-py's pipeline costs
        30 us more.
        """
        return without_error(await self.fetch_each(*commands))

    async def fetch_each(self, *commands: tuple[Any, ...]) -> list[Any]:
        """``fetch``, where an error is a reply like any other."""
        if not commands:
            return []
        packed = b"".join(map(pack, commands))
        return await self.run(str(commands[0][0]), packed, len(commands))

    async def run(self, operation: str, packed: bytes, replies: int) -> list[Any]:
        """``ask``, as one operation of that name in the metrics."""
        began_at = time.perf_counter()
        try:
            return await self.ask(packed, replies)
        finally:
            redis_seconds(operation).observe(time.perf_counter() - began_at)

    async def run_script(self, script: "Script", packed: bytes, calls: int) -> list[Any]:
        """``run`` for ``calls`` calls of ``script``."""
        return await self.run("EVALSHA", packed, calls)

    async def ask(self, packed: bytes, replies: int) -> list[Any]:
        """The replies to packed commands, asked for again while the connection gets lost."""
        failures = 0
        while True:
            try:
                answers = await self._shared.ask(packed, replies)
                # LOADING is an answer, but one that says: come again.
                for answer in answers:
                    if isinstance(answer, ConnectionError):
                        raise answer
                return answers
            except (ConnectionError, TimeoutError) as error:
                REDIS_RETRIES.labels(type(error).__name__).inc()
                failures += 1
                if failures > self._retries or self._shared.is_closed:
                    raise
                await asyncio.sleep(self._backoff.compute(failures))


class SharedPipeline(Pipeline):
    """A pipeline that leaves whole, together with what others ask.

    A transaction (MULTI) is not torn apart by them, for its commands follow each other. What Redis
    refused because it had forgotten a script, having been started anew, runs once more as a whole.
    """

    def __init__(self, redis: SharedRedis, transaction: bool, shard_hint: str | None) -> None:
        super().__init__(redis.connection_pool, redis.response_callbacks, transaction, shard_hint)
        self._redis = redis

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        stack, scripts = self.command_stack, self.scripts
        self.command_stack, self.scripts = [], set()
        if not stack:
            return []
        with redis_seconds("pipeline").time():
            answers = await self._ask(stack)
            if any(isinstance(answer, NoScriptError) for answer in answers):
                for script in scripts:
                    await self._redis.script_load(script.script)
                answers = await self._ask(stack)
        if raise_on_error:
            self.raise_first_error(stack, answers)
        return answers

    async def _ask(self, stack: Sequence[Any]) -> list[Any]:
        commands = [pack(args) for args, _ in stack]
        if self.is_transaction:
            commands = [_MULTI, *commands, _EXEC]
        replies = await self._redis.ask(b"".join(commands), len(commands))
        if self.is_transaction:
            *queued, replies = replies
            if isinstance(replies, Exception):
                # Redis says at EXEC that it refused something, and at the command what and why.
                raise next((each for each in queued if isinstance(each, Exception)), replies)
        return [
            reply
            if isinstance(reply, Exception)
            else self._redis.read_reply(args[0], reply, options)
            for (args, options), reply in zip(stack, replies, strict=True)
        ]


Arguments = Sequence[str | bytes | int]


class Script:
    """A Lua script, kept by Redis and called by its digest; loaded where Redis does not know it.

    Args:
        redis: where it runs.
        text: the Lua.
        name: what people call it.
    """

    def __init__(self, redis: SharedRedis, text: str, name: str) -> None:
        self.name = name
        self._redis = redis
        self._text = text
        self._sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, keys: Sequence[str], args: Arguments) -> Any:
        """Its reply. Raises what Redis refuses."""
        [reply] = await self.each([(keys, args)])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def each(self, calls: Sequence[tuple[Sequence[str], Arguments]]) -> list[Any]:
        """The replies to several calls with their keys and arguments, in one round trip.

        Where Redis refuses one, its reply is the exception, and the others are not touched by that.
        """
        if not calls:
            return []
        sha = self._sha
        packed = b"".join([pack(("EVALSHA", sha, len(keys), *keys, *args)) for keys, args in calls])
        replies = await self._redis.run_script(self, packed, len(calls))
        if any(isinstance(reply, NoScriptError) for reply in replies):
            # Redis was started anew. Scripts are safe to run twice, so all are asked again.
            await self._redis.script_load(self._text)
            replies = await self._redis.run_script(self, packed, len(calls))
        return replies


def without_error(replies: list[Any]) -> list[Any]:
    """The replies. Raises the first that is an error."""
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


def read_hash(flat: Sequence[str]) -> dict[str, str]:
    """A hash of the fields and values that Redis gives in turn."""
    each = iter(flat)
    return dict(zip(each, each, strict=True))
