"""How often one guest may order."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from infra.identity import Caller
from infra.limits import Limit
from order.domain import InvalidOrderError, LineRequest, TooManyOrdersError
from order.ports import Idempotency
from order.redis_store import RedisHouseStore, RedisMenuStore, RedisOrderStore
from order.service import OrderService, Placed
from tests.integration.order.conftest import ADMIN, ANNA, BORIS, TEA

LIMIT = Limit(3, timedelta(minutes=1))


@pytest.fixture
async def limited(redis: Redis) -> OrderService:
    store = RedisOrderStore(redis, retention=timedelta(days=1), placing=LIMIT)
    service = OrderService(store, RedisMenuStore(redis), RedisHouseStore(redis))
    await service.import_menu(ADMIN, "EUR", [TEA])
    return service


async def place(service: OrderService, caller: Caller, key: str = "") -> Placed:
    return await service.place_order(
        caller,
        [LineRequest("tea", 1)],
        note="",
        kitchen="main",
        idempotency=Idempotency(key, "ab" * 32) if key else None,
    )


async def test_guest_may_order_so_often_and_no_more(limited: OrderService) -> None:
    results = await asyncio.gather(
        *(place(limited, ANNA) for _ in range(10)), return_exceptions=True
    )
    placed = [result for result in results if isinstance(result, Placed)]
    refused = [result for result in results if isinstance(result, TooManyOrdersError)]
    assert (len(placed), len(refused)) == (3, 7)
    assert sorted(each.usage.remaining for each in placed if each.usage) == [0, 1, 2]
    facts = refused[0].facts
    assert (facts["policy"], facts["limit"], facts["window_seconds"]) == ("orders", 3, 60)
    assert 1 <= facts["retry_after"] <= 60


async def test_one_guests_haste_is_nobody_elses_loss(limited: OrderService) -> None:
    for _ in range(3):
        await place(limited, ANNA)
    assert (await place(limited, BORIS)).usage


async def test_repeated_key_is_answered_though_the_allowance_is_used_up(
    limited: OrderService,
) -> None:
    first = await place(limited, ANNA, "k1")
    for _ in range(2):
        await place(limited, ANNA)
    again = await place(limited, ANNA, "k1")
    assert again.replayed
    assert again.order.id == first.order.id


async def test_refused_order_leaves_nothing_behind(limited: OrderService, redis: Redis) -> None:
    for _ in range(3):
        await place(limited, ANNA)
    keys = sorted(await redis.keys("order:*"))
    with pytest.raises(TooManyOrdersError):
        await place(limited, ANNA, "k1")
    assert sorted(await redis.keys("order:*")) == keys


async def test_what_can_not_be_ordered_takes_no_place(limited: OrderService) -> None:
    for _ in range(5):
        with pytest.raises(InvalidOrderError):
            await limited.place_order(ANNA, [], note="", kitchen="main", idempotency=None)
    placed = await place(limited, ANNA)
    assert placed.usage
    assert placed.usage.remaining == 2


async def test_repeated_key_takes_no_place(limited: OrderService) -> None:
    for _ in range(5):
        await place(limited, ANNA, "k1")
    placed = await place(limited, ANNA)
    assert placed.usage
    assert placed.usage.remaining == 1


async def test_order_counts_for_a_minute_and_no_longer(redis: Redis) -> None:
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    store = RedisOrderStore(redis, retention=timedelta(days=1), placing=LIMIT)
    service = OrderService(store, RedisMenuStore(redis), RedisHouseStore(redis), clock=lambda: now)
    await service.import_menu(ADMIN, "EUR", [TEA])
    for second in range(3):
        now = datetime(2026, 11, 25, 12, 0, second, tzinfo=UTC)
        await place(service, ANNA)
    now = datetime(2026, 11, 25, 12, 0, 59, tzinfo=UTC)
    with pytest.raises(TooManyOrdersError) as refusal:
        await place(service, ANNA)
    assert refusal.value.facts["retry_after"] == 1
    # The first, of a minute ago, counts no more; the second still does.
    now = datetime(2026, 11, 25, 12, 1, 0, tzinfo=UTC)
    await place(service, ANNA)
    with pytest.raises(TooManyOrdersError):
        await place(service, ANNA)
