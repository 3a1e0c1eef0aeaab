"""With certificates configured only services of ours are heard, each in its own name."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import grpc
import pytest

from infra.dev.certificates import make_certificates, tls_settings
from infra.dev.services import SERVICES
from infra.errors import read_refusal
from infra.grpc_runtime import (
    CHANNEL_OPTIONS,
    Boundary,
    grpc_server,
    open_channel,
    service_metadata,
)
from infra.healthcheck import ask
from infra.identity import Guard
from infra.lane import Lane
from infra.tls import Tls
from shared_proto.restaurant.kitchen.v1 import kitchen_pb2 as pb
from shared_proto.restaurant.kitchen.v1 import kitchen_pb2_grpc

CREDENTIALS = {name: f"the {name}'s own" for name in ("gateway", "order")}
PEERS = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in CREDENTIALS.items()}
AS_ORDER = service_metadata("order", CREDENTIALS["order"])
AS_GATEWAY = service_metadata("gateway", CREDENTIALS["gateway"])


class Servicer(kitchen_pb2_grpc.KitchenServiceServicer):
    async def FindTickets(
        self, request: pb.FindTicketsRequest, context: Any
    ) -> pb.FindTicketsResponse:
        return pb.FindTicketsResponse()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ours")
    make_certificates(folder)
    return folder


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates with the same names, of another authority."""
    folder = tmp_path_factory.mktemp("strangers")
    make_certificates(folder)
    return folder


def of(folder: Path, service: str) -> Tls:
    own = folder / service
    return Tls.read(own / "cert.pem", own / "key.pem", own / "ca.pem")


@pytest.fixture
async def target(ours: Path) -> AsyncIterator[str]:
    """A kitchen that speaks mutual TLS."""

    def register(server: grpc.aio.Server) -> Iterable[str]:
        kitchen_pb2_grpc.add_KitchenServiceServicer_to_server(Servicer(), server)
        return ["restaurant.kitchen.v1.KitchenService"]

    boundary = Boundary(Guard(None, PEERS), {})
    async with grpc_server(
        "127.0.0.1:0", register, boundary, drain_seconds=0.1, tls=of(ours, "kitchen")
    ) as port:
        yield f"127.0.0.1:{port}"


async def find(channel: grpc.aio.Channel, metadata: Any = AS_ORDER) -> Any:
    stub: Any = kitchen_pb2_grpc.KitchenServiceStub(channel)
    return await stub.FindTickets(pb.FindTicketsRequest(), metadata=metadata, timeout=30)


async def refusal_of(channel: grpc.aio.Channel, metadata: Any = AS_ORDER) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await find(channel, metadata)
    return read_refusal(refused.value).code


async def test_service_is_heard_with_its_certificate(target: str, ours: Path) -> None:
    async with open_channel(target, of(ours, "order")) as channel:
        assert await find(channel) == pb.FindTicketsResponse()


async def test_without_tls_nothing_is_heard(target: str) -> None:
    async with open_channel(target) as channel:
        assert await refusal_of(channel) is grpc.StatusCode.UNAVAILABLE


async def test_caller_without_a_certificate_is_not_heard(target: str, ours: Path) -> None:
    authority_alone = grpc.ssl_channel_credentials((ours / "order" / "ca.pem").read_bytes())
    async with grpc.aio.secure_channel(target, authority_alone, CHANNEL_OPTIONS) as channel:
        assert await refusal_of(channel) is grpc.StatusCode.UNAVAILABLE


async def test_certificate_of_another_authority_is_not_heard(
    target: str, ours: Path, strangers: Path
) -> None:
    stranger = of(strangers, "order")
    trusting = Tls(stranger.certificate, stranger.key, of(ours, "order").authority)
    async with open_channel(target, trusting) as channel:
        assert await refusal_of(channel) is grpc.StatusCode.UNAVAILABLE


async def test_server_of_another_authority_is_told_nothing(target: str, strangers: Path) -> None:
    async with open_channel(target, of(strangers, "order")) as channel:
        assert await refusal_of(channel) is grpc.StatusCode.UNAVAILABLE


async def test_server_is_told_nothing_under_a_name_it_has_no_certificate_for(
    target: str, ours: Path
) -> None:
    other_name = [*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", "order")]
    credentials = of(ours, "order").of_channel()
    async with grpc.aio.secure_channel(target, credentials, options=other_name) as channel:
        assert await refusal_of(channel) is grpc.StatusCode.UNAVAILABLE


async def test_credential_without_its_services_certificate_is_worth_nothing(
    target: str, ours: Path
) -> None:
    async with open_channel(target, of(ours, "gateway")) as channel:
        with pytest.raises(grpc.aio.AioRpcError, match="certificate") as refused:
            await find(channel)
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_nor_is_it_by_lane(target: str, ours: Path) -> None:
    async with open_channel(target, of(ours, "gateway")) as channel:
        lane = Lane(channel, lambda: AS_GATEWAY)
        running = asyncio.create_task(lane.run())
        metadata = "\n".join(part for entry in AS_ORDER for part in entry)
        method = "/restaurant.kitchen.v1.KitchenService/FindTickets"
        with pytest.raises(grpc.aio.AioRpcError, match="certificate") as refused:
            await lane.call(method, b"", 30, metadata)
        running.cancel()
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_health_check_shows_the_certificate_its_container_has(
    target: str, ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"grpc://{target}"
    assert await asyncio.to_thread(ask, url)
    kitchen = next(service for service in SERVICES if service.name == "kitchen")
    for name, value in tls_settings(kitchen, ours).items():
        monkeypatch.setenv(name, value)
    assert await asyncio.to_thread(ask, url) is None
