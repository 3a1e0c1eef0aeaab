"""Argon2id in its pool."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from auth.domain import HashingBusyError
from auth.passwords import Argon2Pool


def _pool(*, memory_kib: int = 64, workers: int = 1, queue: int = 8) -> Argon2Pool:
    return Argon2Pool(
        memory_kib=memory_kib, time_cost=1, parallelism=1, workers=workers, queue=queue
    )


@pytest.fixture
def pool() -> Iterator[Argon2Pool]:
    pool = _pool()
    yield pool
    pool.close()


async def test_hash_is_of_this_password_only(pool: Argon2Pool) -> None:
    stored = await pool.hash("chicken bowl")
    assert stored.startswith("$argon2id$")
    assert await pool.verify("chicken bowl", stored)
    assert not await pool.verify("chicken bowls", stored)


async def test_same_password_has_another_hash_each_time(pool: Argon2Pool) -> None:
    assert await pool.hash("chicken bowl") != await pool.hash("chicken bowl")


async def test_no_hash_is_nobodys(pool: Argon2Pool) -> None:
    assert not await pool.verify("chicken bowl", None)


async def test_no_hash_costs_one_verification_with_equal_parameters(
    pool: Argon2Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = await pool.hash("chicken bowl")
    seen: list[str] = []
    really = PasswordHasher.verify

    def counting(hasher: PasswordHasher, password_hash: str, password: str) -> bool:
        seen.append(password_hash)
        return really(hasher, password_hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    await pool.verify("wrong", stored)
    await pool.verify("wrong", None)
    of_wrong_password, of_unknown_user = (text.rsplit("$", 2)[0] for text in seen)
    assert of_wrong_password == of_unknown_user


async def test_hash_of_other_parameters_is_outdated(pool: Argon2Pool) -> None:
    stronger = _pool(memory_kib=128)
    stored = await pool.hash("chicken bowl")
    assert not pool.is_outdated(stored)
    assert stronger.is_outdated(stored)
    assert await stronger.verify("chicken bowl", stored)
    stronger.close()


async def test_password_past_the_bound_is_refused_at_once_and_others_go_on() -> None:
    pool = _pool(workers=1, queue=1)
    gate, begun = threading.Event(), threading.Event()

    def hold() -> str:
        begun.set()
        gate.wait()
        return "done"

    working = asyncio.create_task(pool._run(hold))
    await asyncio.to_thread(begun.wait)
    waiting = asyncio.create_task(pool._run(lambda: "done"))
    await asyncio.sleep(0)
    with pytest.raises(HashingBusyError):
        await pool.hash("one too many")
    gate.set()
    assert [await working, await waiting] == ["done", "done"]
    assert await pool.hash("there is room again")
    pool.close()


async def test_caller_that_left_keeps_its_place_until_the_work_ends() -> None:
    pool = _pool(workers=1, queue=0)
    gate, begun = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        gate.wait()

    leaving = asyncio.create_task(pool._run(hold))
    await asyncio.to_thread(begun.wait)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    with pytest.raises(HashingBusyError):
        await pool.hash("the thread is still at work")
    gate.set()
    pool.close()
