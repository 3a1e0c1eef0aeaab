"""The real processes with certificates: everything works as without, and nobody else is heard."""

import json
from collections.abc import AsyncIterator

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from infra.dev.certificates import make_certificates, tls_settings
from infra.dev.opening import SAMPLE_MENU
from infra.dev.services import SERVICES
from infra.grpc_runtime import open_channel
from tests.e2e.conftest import SETTINGS
from tests.stack import Stack, new_guest


@pytest.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The whole system with certificates, its staff and menu."""
    certificates = tmp_path_factory.mktemp("certs")
    make_certificates(certificates)
    settings = dict(SETTINGS)
    for service in SERVICES:
        settings |= tls_settings(service, certificates)
    house = Stack(tmp_path_factory.mktemp("tls"), settings)
    house.start()
    try:
        # Ready is the gateway when it reaches all the others.
        await house.wait_ready()
        async with house.http() as http:
            await house.open_house(http, SAMPLE_MENU)
        yield house
    finally:
        house.stop()


async def test_order_is_placed_cooked_and_followed_over_mutual_tls(house: Stack) -> None:
    async with house.http() as http:
        guest = await new_guest(http)
        answer = await guest.call(
            "POST", "/order", json={"items": [{"sku": "fries", "quantity": 1}]}
        )
        assert answer.status_code == httpx.codes.CREATED, answer.text
        statuses = []
        async for event in guest.follow(f"/order/{answer.json()['id']}/stream"):
            data = json.loads(event.data)
            if event.event == "status":
                statuses.append(data["status"])
        assert statuses[-1] == "completed"


@pytest.mark.parametrize("service", ["auth", "order", "kitchen"])
async def test_caller_in_the_clear_is_not_heard(house: Stack, service: str) -> None:
    async with open_channel(house.layout.grpc_target(service)) as channel:
        health: health_pb2_grpc.HealthAsyncStub = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await health.Check(health_pb2.HealthCheckRequest(), timeout=30)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
