"""The Redis client itself: cancelled at any instant it stops, and the next reader gets his own."""

import asyncio

import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import ConnectionError, ResponseError

from infra.dev.local_redis import LocalRedis
from infra.dev.rush.wires import Wire
from infra.redis_client import open_redis
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
    await redis.mset({f"key{n}": n for n in range(50)})
    for turns in range(200):
        cancelled = asyncio.create_task(redis.get("key1"))
        for _ in range(turns % 10):
            await asyncio.sleep(0)
        cancelled.cancel()
        assert await redis.get(f"key{turns % 50}") == str(turns % 50)


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


async def test_scripts_in_a_pipeline_run_though_redis_was_started_anew_meanwhile(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
):
    echo = redis.register_script("return ARGV[1]")
    async with redis.pipeline(transaction=False) as pipe:
        look = pipe.load_scripts

        async def look_and_forget():
            await look()
            monkeypatch.undo()
            # What a restart does to scripts.
            await redis.script_flush()

        monkeypatch.setattr(pipe, "load_scripts", look_and_forget)
        await echo(args=["one"], client=pipe)
        await echo(args=["two"], client=pipe)
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


def test_a_connection_that_was_lost_says_so_under_uvloop_too(redis_server: LocalRedis):
    """The loop the services run on raises RuntimeError there, which nobody would try again."""

    async def ask_on_a_lost_connection():
        async with (
            Wire("test→redis", redis_server.port) as wire,
            open_redis(f"redis://127.0.0.1:{wire.port}/0") as client,
        ):
            connection = await client.connection_pool.get_connection()
            wire.cut()
            while not connection._writer.transport.is_closing():  # noqa: ASYNC110
                await asyncio.sleep(0)
            # The loop closes it in its own next turn.
            await asyncio.sleep(0)
            with pytest.raises(ConnectionError):
                await connection.send_command("PING")
            await client.connection_pool.release(connection)
            assert await client.ping()

    uvloop.run(ask_on_a_lost_connection())
