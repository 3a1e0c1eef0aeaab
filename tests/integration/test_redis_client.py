"""The Redis client itself: cancelled at any instant it stops, and the next reader gets his own."""

import asyncio
import time

import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import ClusterCrossSlotError, ConnectionError, DataError, ResponseError

from infra import redis_client, shared_pipeline
from infra.dev.local_redis import LocalRedis
from infra.dev.rush.wires import Wire
from infra.redis_client import is_cluster, open_redis
from infra.shared_pipeline import Script, SharedRedis, read_hash
from tests.conftest import free_port


@pytest.mark.parametrize("turns", range(12))
async def test_a_cancelled_command_never_goes_on(redis: Redis, turns: int):
    """Cancelled after any number of turns of the loop, the send itself included."""

    async def ask_for_ever():
        while True:
            await redis.ping()

    asking = asyncio.create_task(ask_for_ever())
    for _ in range(turns):
        await asyncio.sleep(0)
    asking.cancel()
    done, _ = await asyncio.wait({asking}, timeout=5)
    assert done
    assert asking.cancelled()


async def test_nobody_gets_the_answer_to_a_cancelled_question(redis: Redis):
    await redis.mset({f"{{a}}{n}": n for n in range(50)})
    for turns in range(200):
        cancelled = asyncio.create_task(redis.get("{a}1"))
        for _ in range(turns % 10):
            await asyncio.sleep(0)
        cancelled.cancel()
        assert await redis.get(f"{{a}}{turns % 50}") == str(turns % 50)


async def test_a_redis_that_was_killed_is_found_again(tmp_path):
    server = LocalRedis(free_port(), tmp_path)
    server.start()
    async with open_redis(server.url) as client:
        await client.set("kept", "yes")
        server.kill()
        with pytest.raises(ConnectionError):
            await client.get("kept")
        server.start()
        assert await client.get("kept") == "yes"
    server.stop()


@pytest.mark.parametrize("transaction", [False, True])
async def test_scripts_in_a_pipeline_run_though_redis_was_started_anew_meanwhile(
    redis: Redis, transaction: bool
):
    echo = redis.register_script("return ARGV[1]")
    assert await echo(args=["known"]) == "known"
    async with redis.pipeline(transaction=transaction) as pipe:
        await echo(args=["one"], client=pipe)
        await echo(args=["two"], client=pipe)
        # What a restart does to scripts.
        await redis.script_flush()
        assert await pipe.execute() == ["one", "two"]


async def test_what_a_script_refuses_leaves_a_pipeline_as_it_was_asked_to(redis: Redis):
    refuse = redis.register_script("return redis.error_reply('no')")
    async with redis.pipeline(transaction=False) as pipe:
        await refuse(client=pipe)
        [answer] = await pipe.execute(raise_on_error=False)
        assert isinstance(answer, ResponseError)
        await refuse(client=pipe)
        with pytest.raises(ResponseError):
            await pipe.execute()


@pytest.mark.parametrize("blocking", [False, True])
def test_a_connection_that_was_lost_is_replaced_under_uvloop_too(
    redis_server: LocalRedis, blocking: bool
):
    """The loop the services run on raises RuntimeError there, which nobody would try again."""

    async def ask_on_a_lost_connection():
        async with (
            Wire("test→redis", redis_server.port) as wire,
            open_redis(f"redis://127.0.0.1:{wire.port}/0", blocking=blocking) as client,
        ):
            for _ in range(20):
                assert await client.ping()
                wire.cut()
                await asyncio.sleep(0)
            assert await client.ping()

    uvloop.run(ask_on_a_lost_connection())


async def test_what_is_asked_in_one_turn_leaves_together(redis: Redis):
    before = await redis.info("stats")
    await asyncio.gather(*(redis.set(f"{{a}}{n}", n) for n in range(100)))
    after = await redis.info("stats")
    assert await redis.mget([f"{{a}}{n}" for n in range(100)]) == [str(n) for n in range(100)]
    # Redis reads what came together with one system call.
    reads = after["total_reads_processed"] - before["total_reads_processed"]
    assert reads < 10


async def test_an_error_stays_with_its_call(redis: Redis):
    await redis.set("text", "no number")
    results = await asyncio.gather(
        redis.set("one", 1), redis.incr("text"), redis.incr("one"), return_exceptions=True
    )
    assert results[0] is True
    assert isinstance(results[1], ResponseError)
    assert results[2] == 2


async def test_a_transaction_is_not_torn_apart_by_others(redis: Redis):
    async def add_and_look() -> list[int]:
        async with redis.pipeline(transaction=True) as pipe:
            for _ in range(5):
                pipe.incr("count")
            return await pipe.execute()

    runs = await asyncio.gather(*(add_and_look() for _ in range(50)), redis.incr("other"))
    for run in runs[:-1]:
        assert run == list(range(run[0], run[0] + 5))


async def test_a_refused_command_fails_its_transaction_by_name(redis: Redis):
    async with redis.pipeline(transaction=True) as pipe:
        pipe.set("kept", "yes")
        pipe.execute_command("NO-SUCH-COMMAND")
        with pytest.raises(ResponseError, match=r"(?i)no-such-command"):
            await pipe.execute()
    assert await redis.get("kept") is None


async def test_what_cannot_be_sent_is_refused_and_harms_nobody(redis: Redis):
    with pytest.raises(DataError):
        await redis.set("key", None)  # type: ignore[arg-type]
    assert await redis.ping()


async def test_a_redis_that_falls_silent_is_given_up(
    redis_server: LocalRedis, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shared_pipeline, "REPLY_SECONDS", 0.2)
    async with (
        Wire("test→redis", redis_server.port) as wire,
        open_redis(f"redis://127.0.0.1:{wire.port}/0") as client,
    ):
        assert await client.ping()
        # Its connections stay as they are and nothing comes any more; a new one works.
        wire.fall_silent()
        assert await client.ping()


async def test_who_waits_when_the_client_is_closed_is_told(redis_server: LocalRedis):
    async with Wire("test→redis", redis_server.port) as wire:
        client = open_redis(f"redis://127.0.0.1:{wire.port}/0")
        await client.ping()
        wire.fall_silent()
        waiting = asyncio.create_task(client.ping())
        await asyncio.sleep(0)
        await client.aclose()
        with pytest.raises(ConnectionError):
            await waiting


async def test_a_reply_that_comes_too_late_is_given_to_nobody(
    redis_server: LocalRedis, monkeypatch: pytest.MonkeyPatch
):
    """Not even when it lies there already as the connection is given up."""
    monkeypatch.setattr(shared_pipeline, "REPLY_SECONDS", 0.05)
    async with open_redis(redis_server.url) as client:
        await client.set("first", "1")
        await client.set("second", "2")
        for _ in range(10):
            first = asyncio.create_task(client.get("first"))
            for _ in range(3):
                await asyncio.sleep(0)
            # The whole process stands still meanwhile.
            time.sleep(0.08)  # noqa: ASYNC251
            second = asyncio.create_task(client.get("second"))
            assert (await first, await second) == ("1", "2")


async def test_cluster_is_known_for_one(redis: Redis, redis_server: LocalRedis) -> None:
    assert await is_cluster(redis) is redis_server.is_cluster


async def test_cluster_refuses_what_leaves_its_slot(
    redis: SharedRedis, redis_server: LocalRedis
) -> None:
    if not redis_server.is_cluster:
        pytest.skip("one Redis by itself takes it")
    with pytest.raises(ClusterCrossSlotError):
        await redis.mget("first", "second")
    assert "errorstat_CROSSSLOT" in await redis.info("errorstats")
    # Else the fixture would fail this very test.
    await redis.config_resetstat()
    if (await redis.info("server"))["redis_version"] < "7":
        pytest.skip("before Redis 7 a node takes it from a script, if it has both slots")
    leaving = redis_client.Script(redis, "return redis.call('GET', 'second')", "leaving.lua")
    with pytest.raises(ResponseError):
        await leaving(["first"], [])


async def test_script_is_told_to_a_redis_that_does_not_know_it(redis: SharedRedis) -> None:
    script = Script(redis, "return {KEYS[1], ARGV[1]}", "echo.lua")
    await redis.script_flush()
    assert await script(["key"], ["value"]) == ["key", "value"]


async def test_calls_of_a_script_fail_alone(redis: SharedRedis) -> None:
    script = Script(redis, "return redis.call('INCRBY', KEYS[1], ARGV[1])", "add.lua")
    await redis.set("word", "no number")
    first, refused, last = await script.each(
        [(["count"], [1]), (["word"], [1]), (["count"], ["2"])]
    )
    assert (first, last) == (1, 3)
    assert isinstance(refused, ResponseError)


async def test_what_is_fetched_comes_as_redis_gives_it(redis: SharedRedis) -> None:
    await redis.hset("hash", mapping={"one": "1"})
    flat, members = await redis.fetch(("HGETALL", "hash"), ("SMEMBERS", "none"))
    assert (read_hash(flat), members) == ({"one": "1"}, [])
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await redis.fetch(("HGETALL", "hash"), ("GET", "hash"))
    flat, refused = await redis.fetch_each(("HGETALL", "hash"), ("GET", "hash"))
    assert read_hash(flat) == {"one": "1"}
    assert isinstance(refused, ResponseError)
    assert await redis.fetch() == []


async def test_bytes_that_are_no_text_cost_nobody_the_connection(redis: SharedRedis) -> None:
    await redis.execute_command("SET", "torn", b"caf\xff")
    assert await redis.get("torn") == "caf\ufffd"
