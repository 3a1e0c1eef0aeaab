"""Proxies that the environment names are for what leaves the installation: the services reach each
other, and a collector beside them, without."""

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from infra.dev.opening import SAMPLE_MENU
from infra.dev.services import SERVICES, Service
from infra.dev.settings import REPOSITORY
from tests.conftest import free_port
from tests.e2e.conftest import SETTINGS
from tests.follower import Follower
from tests.otlp_receiver import OtlpReceiver
from tests.stack import Stack, new_guest

NAMES = ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy")


def dead_proxies() -> dict[str, str]:
    """Every name by which programs know a proxy, with an address where nothing listens."""
    address = f"http://127.0.0.1:{free_port()}"
    return {name: address for each in NAMES for name in (each, each.upper())}


@pytest.fixture(scope="module")
def collector() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
async def house(
    tmp_path_factory: pytest.TempPathFactory, collector: OtlpReceiver
) -> AsyncIterator[Stack]:
    """The whole system where the environment names proxies that are away."""
    house = Stack(
        tmp_path_factory.mktemp("proxies"),
        {**SETTINGS, **dead_proxies(), "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint},
    )
    house.start()
    try:
        await house.wait_ready()
        async with house.http() as http:
            await house.open_house(http, SAMPLE_MENU)
        yield house
    finally:
        house.stop()


async def test_order_is_placed_cooked_and_followed(house: Stack) -> None:
    async with house.http() as http:
        guest = await new_guest(http)
        async with Follower(guest) as follower:
            answer = await guest.call(
                "POST",
                "/order",
                json={"items": [{"sku": "fries", "quantity": 1}]},
                headers={"Idempotency-Key": uuid.uuid4().hex},
            )
            assert answer.status_code == httpx.codes.CREATED, answer.text
            await follower.until_status(answer.json()["id"], "completed")


async def test_collector_beside_the_services_is_sent_their_spans(
    house: Stack, collector: OtlpReceiver
) -> None:
    async with house.http() as http:
        await (await new_guest(http)).call("GET", "/order")
    await asyncio.to_thread(
        collector.until, lambda: {"gateway", "order"} <= {span.service for span in collector.spans}
    )


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
async def test_health_check_asks_the_server_itself(house: Stack, service: Service) -> None:
    urls = [f"{house.layout.ops_url(service.name)}/readyz"]
    if service.keeps_state:
        urls.append(f"grpc://{house.layout.grpc_target(service.name)}")
    for url in urls:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "infra.healthcheck", url),
            env={"PATH": os.environ["PATH"], **dead_proxies()},
            cwd=REPOSITORY,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
        assert process.returncode == 0, said.decode()
