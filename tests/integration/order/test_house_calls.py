"""Opening hours and the pause switch, over the network."""

from datetime import timedelta
from typing import Any

import grpc
import pytest
from redis.asyncio import Redis

from infra.clock import to_text, utc_now
from infra.errors import read_refusal
from order import keys
from order.domain import InvalidHouseError, LineRequest, Menu, OrdersPausedError
from order.redis_store import RedisHouseStore, RedisMenuStore, RedisOrderStore
from order.service import OrderService
from shared_proto.restaurant.order.v1 import order_pb2 as pb
from tests.integration.order.conftest import ADMIN, ANNA, COOK, as_user
from tests.integration.order.conftest import TEA as MENU_TEA

TEA = pb.PlaceOrderRequest(items=[pb.LineRequest(sku="tea", quantity=1)])


async def reason_of(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return read_refusal(refused.value).reason


async def test_paused_orders_are_refused_until_they_are_taken_again(stub: Any) -> None:
    pause = pb.SetPauseRequest(paused=True, reason="the fryer is broken")
    paused = await stub.SetPause(pause, metadata=as_user(COOK))
    assert (paused.house.paused, paused.house.serving) == (True, False)
    assert await reason_of(stub.PlaceOrder(TEA, metadata=as_user(ANNA))) == "ORDERS_PAUSED"
    again = await stub.SetPause(pb.SetPauseRequest(), metadata=as_user(COOK))
    assert again.house.serving
    assert (await stub.PlaceOrder(TEA, metadata=as_user(ANNA))).order.id


async def test_hours_are_kept_and_unfit_ones_refused(stub: Any) -> None:
    hours = [pb.OpeningHours(day=day, opens="00:00", closes="00:00") for day in range(1, 8)]
    always = pb.SetHoursRequest(hours=hours, time_zone="Europe/Berlin")
    answer = await stub.SetHours(always, metadata=as_user(ADMIN))
    assert answer.house == (await stub.GetHouse(pb.GetHouseRequest())).house
    assert answer.house.serving
    unfit = pb.SetHoursRequest(hours=[pb.OpeningHours(day=1)], time_zone="UTC")
    assert await reason_of(stub.SetHours(unfit, metadata=as_user(ADMIN))) == "INVALID_HOUSE"


async def test_closed_house_takes_no_orders(stub: Any) -> None:
    the_day_before_yesterday = (utc_now() - timedelta(days=2)).isoweekday()
    hours = pb.OpeningHours(day=the_day_before_yesterday, opens="10:00", closes="11:00")
    closed = pb.SetHoursRequest(hours=[hours], time_zone="UTC")
    assert not (await stub.SetHours(closed, metadata=as_user(ADMIN))).house.serving
    assert await reason_of(stub.PlaceOrder(TEA, metadata=as_user(ANNA))) == "HOUSE_CLOSED"


async def test_guests_run_no_house_and_cooks_set_no_hours(stub: Any) -> None:
    pause = pb.SetPauseRequest(paused=True)
    assert await reason_of(stub.SetPause(pause, metadata=as_user(ANNA))) == "NOT_ALLOWED"
    hours = pb.SetHoursRequest(time_zone="UTC")
    assert await reason_of(stub.SetHours(hours, metadata=as_user(COOK))) == "NOT_ALLOWED"
    assert (await stub.GetHouse(pb.GetHouseRequest())).house.serving


async def test_pause_ends_by_itself(redis: Redis, store: RedisOrderStore) -> None:
    now = utc_now()
    service = OrderService(store, RedisMenuStore(redis), RedisHouseStore(redis), clock=lambda: now)
    await service.import_menu(ADMIN, "EUR", [MENU_TEA])
    with pytest.raises(InvalidHouseError) as refused:
        await service.set_pause(COOK, True, "", until=now)
    assert [violation.pointer for violation in refused.value.violations] == ["/until"]
    end = now + timedelta(minutes=20)
    await service.set_pause(COOK, True, "the fryer is broken", until=end)
    house, serving = await service.read_house()
    assert (house.paused, house.paused_until, serving) == (True, end, False)
    with pytest.raises(OrdersPausedError) as paused:
        await place_tea(service)
    assert paused.value.facts == {"reason": "the fryer is broken", "until": to_text(end)}
    now = end
    house, serving = await service.read_house()
    assert (house.paused, serving) == (False, True)
    await place_tea(service)


async def place_tea(service: OrderService) -> None:
    await service.place_order(
        ANNA, [LineRequest("tea", 1)], note="", kitchen="main", idempotency=None
    )


async def test_version_is_looked_at_where_one_is_named(stub: Any) -> None:
    house = (await stub.GetHouse(pb.GetHouseRequest())).house
    hours = pb.SetHoursRequest(time_zone="UTC", if_version=house.version)
    pause = pb.SetPauseRequest(paused=True, if_version=house.version)
    after = (await stub.SetHours(hours, metadata=as_user(ADMIN))).house
    assert after.version == house.version + 1
    for call in (
        stub.SetHours(hours, metadata=as_user(ADMIN)),
        stub.SetPause(pause, metadata=as_user(COOK)),
    ):
        assert await reason_of(call) == "VERSION_MISMATCH"
    assert (await stub.GetHouse(pb.GetHouseRequest())).house == after


async def test_import_does_not_put_back_on_sale_what_was_sold_out_meanwhile(stub: Any) -> None:
    menu = (await stub.GetMenu(pb.GetMenuRequest())).menu
    sold_out = pb.SetAvailabilityRequest(sku="tea", if_version=menu.version)
    done = await stub.SetAvailability(sold_out, metadata=as_user(COOK))
    assert done.menu_version == menu.version + 1
    stale = pb.ImportMenuRequest(currency=menu.currency, items=menu.items, if_version=menu.version)
    assert await reason_of(stub.ImportMenu(stale, metadata=as_user(ADMIN))) == "VERSION_MISMATCH"
    again = stub.SetAvailability(sold_out, metadata=as_user(COOK))
    assert await reason_of(again) == "VERSION_MISMATCH"
    now = (await stub.GetMenu(pb.GetMenuRequest())).menu
    assert now.version == done.menu_version
    assert [item.available for item in now.items if item.sku == "tea"] == [False]


async def test_a_lost_answer_asked_for_again_changes_nothing_more(redis: Redis) -> None:
    store = RedisHouseStore(redis)
    for _ in range(2):
        await store.set_pause(True, "", None, op="once", if_version=1)
    assert (await store.read()).version == 2
    menu = RedisMenuStore(redis)
    for _ in range(2):
        await menu.replace(Menu(0, "EUR", {"tea": MENU_TEA}), op="import", if_version=0)
    for _ in range(2):
        sold = await menu.set_availability("tea", False, op="sold out", if_version=None)
        assert sold.version == 2


@pytest.mark.parametrize("no_version", [-1, 77])
async def test_version_that_is_none_matches_nothing(stub: Any, no_version: int) -> None:
    """-1 is what the gateway makes of a weak tag, or of one that is none of ours."""
    menu = (await stub.GetMenu(pb.GetMenuRequest())).menu
    house = (await stub.GetHouse(pb.GetHouseRequest())).house
    wanted = {"if_version": no_version}
    for call in (
        stub.SetHours(pb.SetHoursRequest(time_zone="UTC", **wanted), metadata=as_user(ADMIN)),
        stub.SetPause(pb.SetPauseRequest(paused=True, **wanted), metadata=as_user(COOK)),
        stub.SetAvailability(
            pb.SetAvailabilityRequest(sku="tea", **wanted), metadata=as_user(COOK)
        ),
        stub.ImportMenu(
            pb.ImportMenuRequest(currency="EUR", items=menu.items, **wanted),
            metadata=as_user(ADMIN),
        ),
    ):
        assert await reason_of(call) == "VERSION_MISMATCH"
    assert (await stub.GetMenu(pb.GetMenuRequest())).menu == menu
    assert (await stub.GetHouse(pb.GetHouseRequest())).house == house


async def test_pause_of_the_last_release_counts_after_one_that_ended_by_itself(
    redis: Redis, store: RedisOrderStore
) -> None:
    now = utc_now()
    service = OrderService(store, RedisMenuStore(redis), RedisHouseStore(redis), clock=lambda: now)
    await service.set_pause(COOK, True, "rush", until=now + timedelta(minutes=20))
    now += timedelta(minutes=20)
    assert not (await service.read_house())[0].paused
    # That one knows no end of a pause.
    await redis.hset(keys.HOUSE, mapping={"paused": 1, "reason": "fire"})
    house, serving = await service.read_house()
    assert (house.paused, house.reason, house.paused_until, serving) == (True, "fire", None, False)


async def test_a_lost_answer_asked_for_again_undoes_nothing_that_came_after(redis: Redis) -> None:
    houses, menus = RedisHouseStore(redis), RedisMenuStore(redis)
    menu = Menu(0, "EUR", {"tea": MENU_TEA})
    for number in range(3):
        await menus.replace(menu, op=f"import {number}")
        await houses.set_pause(bool(number % 2), "", None, op=f"pause {number}")
    await menus.set_availability("tea", False, op="sold out")
    menu_before, house_before = await menus.read(), await houses.read()
    for number in range(3):
        await menus.replace(menu, op=f"import {number}")
        await houses.set_pause(bool(number % 2), "", None, op=f"pause {number}")
    assert (await menus.read(), await houses.read()) == (menu_before, house_before)


async def test_reason_goes_with_its_pause(stub: Any) -> None:
    for pause in (
        pb.SetPauseRequest(paused=True, reason="the\u00a0fryer "),
        pb.SetPauseRequest(paused=False, reason="the fryer"),
    ):
        house = (await stub.SetPause(pause, metadata=as_user(COOK))).house
        assert house.reason == ("the fryer" if pause.paused else "")
