"""Opening hours and the pause switch, over the network."""

from datetime import timedelta
from typing import Any

import grpc
import pytest

from infra.clock import utc_now
from infra.errors import read_refusal
from shared_proto.restaurant.order.v1 import order_pb2 as pb
from tests.integration.order.conftest import ADMIN, ANNA, COOK, as_user

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
