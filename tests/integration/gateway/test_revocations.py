"""Revoked tokens at the gateway."""

import asyncio

from tests.integration.gateway.house import WAIT_SECONDS, House


async def test_revoked_token_is_refused_and_its_streams_end() -> None:
    async with House().open() as house:
        async with house.stream() as annas, house.stream(user_id="bert") as berts:
            assert (await annas.next()) is not None
            assert (await berts.next()) is not None
            house.auth.revoke(user_id="anna")
            assert await annas.next() is None
            order_id = house.orders.place("bert", "goes-on")
            event = await berts.next("status")
            assert event is not None
            assert event.data["order_id"] == order_id
        refused = await house.call("GET", "/order", "anna")
        assert refused.status_code == 401
        assert (await house.call("GET", "/order", "bert")).status_code == 200


async def test_revocations_of_before_the_gateway_are_known_to_it() -> None:
    house = House()
    house.auth.revoke(session="some-session")
    async with house.open():
        async with asyncio.timeout(WAIT_SECONDS):
            while (await house.call("GET", "/order")).status_code != 401:
                pass


async def test_logout_everywhere_is_passed_on() -> None:
    async with House().open() as house:
        shown = {"refresh_token": "r1", "all": True}
        assert (await house.http.post("/logout", json=shown)).status_code == 204
        assert house.auth.logged_out == ["r1 and all others"]
