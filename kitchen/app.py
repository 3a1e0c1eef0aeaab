"""The composition root: what the kitchen service is made of, and in which order it stops."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import timedelta

import grpc
from redis.asyncio import Redis
from redis.asyncio.lock import Lock

from infra.addresses import join_host_port
from infra.clock import utc_now
from infra.grpc_runtime import Boundary, grpc_server, open_channel, service_metadata
from infra.identity import Guard, TokenVerifier, keys_from_auth
from infra.logs import get_logger
from infra.ops import Check, ops_app
from infra.process import http_server
from infra.redis_client import open_redis, ping
from infra.revocations import Revocations, follow_revocations
from kitchen import keys
from kitchen.board import Board
from kitchen.domain import Kitchen
from kitchen.metrics import ShelfGauges
from kitchen.ports import Clock, TicketStore
from kitchen.pump import LEASE_SECONDS, Pump
from kitchen.redis_store import RedisFeeds, RedisTicketStore
from kitchen.service import KitchenService
from kitchen.servicer import ANSWERS, KitchenServicer
from kitchen.settings import Settings
from kitchen.tick import Tick, TickJob, ticking
from shared_proto.restaurant.auth.v1 import auth_pb2_grpc
from shared_proto.restaurant.kitchen.v1 import kitchen_pb2, kitchen_pb2_grpc
from shared_proto.restaurant.order.v1 import order_pb2_grpc

log = get_logger()

SERVICE_NAME = kitchen_pb2.DESCRIPTOR.services_by_name["KitchenService"].full_name


def kitchens_of(settings: Settings) -> dict[str, Kitchen]:
    """The kitchens the settings describe, by name."""
    return {
        entry.name: Kitchen(
            name=entry.name,
            capacity=entry.capacity or settings.capacity,
            mode=entry.mode,
            stations=entry.stations,
            speed=settings.speed,
            pickup_after=timedelta(seconds=settings.pickup_after_seconds),
            tick=timedelta(seconds=settings.tick_seconds),
        )
        for entry in settings.kitchens
    }


def warn_of_ignored(settings: Settings) -> None:
    """Log what the settings say and nothing reads: the next release refuses it."""
    if any(entry.timezone for entry in settings.kitchens):
        log.warning("setting_ignored", setting="KITCHENS[].timezone", use="PUT /house/hours")


async def serve(settings: Settings, stopping: asyncio.Event, clock: Clock = utc_now) -> None:
    """Runs the service until ``stopping`` is set.

    Raises:
        PortInUseError: one of its ports is taken; in a group.
        UnfitCertificateError: the files it should speak TLS with can't serve for that.
    """
    kitchens = kitchens_of(settings)
    warn_of_ignored(settings)
    tls = settings.read_tls()
    async with AsyncExitStack() as clients:
        redis = _open_redis(clients, settings)
        auth = await clients.enter_async_context(open_channel(settings.auth_target, tls))
        order = await clients.enter_async_context(open_channel(settings.order_target, tls))
        store = RedisTicketStore(redis)
        service = KitchenService(kitchens, store, clock)
        pumps = {
            name: _build_pump(clients, settings, name, service, store, redis, order)
            for name in kitchens
        }
        boards = {
            name: Board(
                name, store, RedisFeeds(_open_redis(clients, settings, blocking=True)), clock
            )
            for name in kitchens
        }
        job = TickJob(
            Tick(store, clock).run,
            list(kitchens.values()),
            # Over before the next one is due.
            at_most_seconds=settings.tick_seconds * 0.8,
            told=lambda name: pumps[name].tell_tick(),
        )
        revocations = Revocations()
        guard = Guard(TokenVerifier(keys_from_auth(auth), revocations=revocations), settings.peers)
        async with asyncio.TaskGroup() as tasks:
            loops = [
                *(tasks.create_task(pump.run()) for pump in pumps.values()),
                *(tasks.create_task(board.run()) for board in boards.values()),
                tasks.create_task(
                    follow_revocations(
                        revocations,
                        auth_pb2_grpc.AuthServiceStub(auth),
                        lambda: service_metadata("kitchen", settings.credential.get_secret_value()),
                    )
                ),
            ]
            try:
                async with AsyncExitStack() as servers:
                    await servers.enter_async_context(
                        ticking(job, every_seconds=settings.tick_seconds)
                    )
                    ops_port = await servers.enter_async_context(
                        http_server(
                            ops_app(
                                _checks(redis, store, kitchens),
                                ShelfGauges(redis, list(kitchens)).refresh,
                            ),
                            settings.host,
                            settings.ops_port,
                            drain_seconds=settings.drain_seconds,
                        )
                    )
                    grpc_port = await servers.enter_async_context(
                        grpc_server(
                            join_host_port(settings.host, settings.grpc_port),
                            lambda server: _register(server, KitchenServicer(service, boards)),
                            Boundary(guard, ANSWERS),
                            drain_seconds=settings.drain_seconds,
                            tls=tls,
                        )
                    )
                    log.info(
                        "service_started",
                        grpc_port=grpc_port,
                        ops_port=ops_port,
                        kitchens={name: str(kitchen.mode) for name, kitchen in kitchens.items()},
                    )
                    await stopping.wait()
                    log.info("service_stopping")
                    for board in boards.values():
                        board.close()
            finally:
                for loop in loops:
                    loop.cancel()
        log.info("service_stopped")


def _open_redis(clients: AsyncExitStack, settings: Settings, *, blocking: bool = False) -> Redis:
    redis = open_redis(settings.redis_url.get_secret_value(), blocking=blocking)
    clients.push_async_callback(redis.aclose)
    return redis


def _build_pump(
    clients: AsyncExitStack,
    settings: Settings,
    kitchen: str,
    service: KitchenService,
    store: TicketStore,
    redis: Redis,
    order: grpc.aio.Channel,
) -> Pump:
    return Pump(
        kitchen,
        service=service,
        store=store,
        changes=RedisFeeds(_open_redis(clients, settings, blocking=True)),
        stub=order_pb2_grpc.OrderServiceStub(order),
        metadata=lambda: service_metadata("kitchen", settings.credential.get_secret_value()),
        lease=Lock(redis, keys.sender(kitchen), timeout=LEASE_SECONDS, sleep=1, thread_local=False),
    )


def _register(server: grpc.aio.Server, servicer: KitchenServicer) -> tuple[str]:
    kitchen_pb2_grpc.add_KitchenServiceServicer_to_server(servicer, server)
    return (SERVICE_NAME,)


def _checks(redis: Redis, store: TicketStore, kitchens: Iterable[str]) -> dict[str, Check]:
    async def parked() -> str | None:
        counts = {name: await store.count_parked(name) for name in kitchens}
        notes = [f"{count} in {name}" for name, count in counts.items() if count]
        return ", ".join(notes) or None

    return {"redis": lambda: ping(redis), "parked_tickets": parked}
