"""What orders are placed by is remembered for a moment, and a change of it holds at once."""

from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from order import keys, terms
from order.domain import (
    HouseClosedError,
    LineRequest,
    Menu,
    MenuItem,
    Order,
    OrdersPausedError,
    SoldOutError,
)
from order.house import read_hours
from order.redis_store import RedisHouseStore, RedisMenuStore, RedisOrderStore
from order.service import OrderService
from tests.integration.order.conftest import ADMIN, ANNA, COOK, TEA


def replica(redis: Redis, menu: RedisMenuStore | None = None) -> OrderService:
    store = RedisOrderStore(redis, retention=timedelta(days=1))
    return OrderService(store, menu or RedisMenuStore(redis), RedisHouseStore(redis))


async def place(service: OrderService, sku: str = "tea") -> Order:
    placed = await service.place_order(
        ANNA, [LineRequest(sku, 1)], note="", kitchen="main", idempotency=None
    )
    return placed.order


@pytest.fixture
def long_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change is noticed by nobody but the commit."""
    monkeypatch.setattr(terms, "FRESH_SECONDS", 3_600)


@pytest.mark.usefixtures("long_memory")
async def test_what_another_replica_sells_out_or_has_back_holds_from_the_next_order_on(
    redis: Redis, service: OrderService
) -> None:
    elsewhere = replica(redis)
    await place(service)
    await elsewhere.set_availability(COOK, "tea", False)
    with pytest.raises(SoldOutError):
        await place(service)
    # Now that is what it remembers.
    with pytest.raises(SoldOutError):
        await place(service)
    await elsewhere.set_availability(COOK, "tea", True)
    await place(service)


@pytest.mark.usefixtures("long_memory")
async def test_an_order_has_the_price_of_the_menu_as_it_is(
    redis: Redis, service: OrderService
) -> None:
    assert (await place(service)).total == TEA.price
    await replica(redis).import_menu(
        ADMIN, "EUR", [MenuItem("tea", "Tea", "Drinks", "bar", 300, 60)]
    )
    assert (await place(service)).total == 300


@pytest.mark.usefixtures("long_memory")
async def test_a_house_that_is_closed_or_paused_elsewhere_takes_no_order(
    redis: Redis, service: OrderService
) -> None:
    elsewhere = replica(redis)
    await place(service)
    await elsewhere.set_pause(COOK, True, "no gas")
    with pytest.raises(OrdersPausedError):
        await place(service)
    await elsewhere.set_pause(COOK, False, "")
    await place(service)
    yesterday = (service._clock() - timedelta(days=1)).isoweekday()
    await elsewhere.set_hours(ADMIN, read_hours([(yesterday, "00:01", "00:02")], "UTC"), "UTC")
    with pytest.raises(HouseClosedError):
        await place(service)


class MenuThatChangesBehindTheReader(RedisMenuStore):
    """Somebody sells out a dish right after the menu was read, once."""

    def __init__(self, redis: Redis, rival: OrderService) -> None:
        super().__init__(redis)
        self._rival: OrderService | None = rival

    async def read(self) -> Menu:
        menu = await super().read()
        rival, self._rival = self._rival, None
        if rival is not None:
            await rival.set_availability(COOK, "tea", False)
        return menu


@pytest.mark.usefixtures("service")
async def test_a_dish_that_is_sold_out_while_the_menu_is_read_is_refused(redis: Redis) -> None:
    menu = MenuThatChangesBehindTheReader(redis, replica(redis))
    with pytest.raises(SoldOutError):
        await place(replica(redis, menu))


@pytest.mark.usefixtures("service")
async def test_a_dish_that_is_sold_out_while_an_edit_reads_the_menu_is_not_added(
    redis: Redis,
) -> None:
    order = await place(replica(redis))
    menu = MenuThatChangesBehindTheReader(redis, replica(redis))
    more = [LineRequest("tea", 2)]
    with pytest.raises(SoldOutError):
        await replica(redis, menu).update_order(ANNA, order.id, more, note=None, if_version=None)


async def test_what_nobody_told_of_is_noticed_in_time(
    redis: Any, service: OrderService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a crash between a change and telling of it."""
    await place(service)
    await RedisMenuStore(redis).set_availability("tea", False, op="untold")
    await place(service)
    monkeypatch.setattr(terms, "FRESH_SECONDS", 0)
    with pytest.raises(SoldOutError):
        await place(service)


@pytest.mark.usefixtures("long_memory")
async def test_orders_are_placed_though_the_count_of_changes_was_lost(
    redis: Redis, service: OrderService
) -> None:
    await service.set_availability(COOK, "tea", True)
    await redis.delete(keys.TERMS)
    await place(replica(redis))


@pytest.mark.usefixtures("long_memory")
async def test_terms_are_read_once_for_many_orders(redis: Redis, service: OrderService) -> None:
    await place(service)
    await redis.config_resetstat()
    for _ in range(3):
        await place(service)
    stats = await redis.info("commandstats")
    assert "cmdstat_hgetall" not in stats
    assert stats["cmdstat_evalsha"]["calls"] == 3
