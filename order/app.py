"""Puts the order service together: the only place that names concrete classes."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import timedelta

import grpc

from infra.addresses import join_host_port
from infra.grpc_runtime import Boundary, grpc_server, open_channel, service_metadata
from infra.identity import Guard, TokenVerifier, keys_from_auth
from infra.limits import Limit
from infra.logs import get_logger
from infra.ops import ops_app
from infra.process import http_server
from infra.redis_client import open_redis, ping
from infra.revocations import Revocations, follow_revocations
from order.dispatcher import Dispatcher
from order.feed import Feed
from order.kitchen_client import Kitchen
from order.metrics import BacklogGauges
from order.reconciler import Reconciler
from order.redis_store import (
    RedisHouseStore,
    RedisMenuStore,
    RedisOrderStore,
)
from order.service import OrderService
from order.servicer import ANSWERS, OrderServicer
from order.settings import Settings
from shared_proto.restaurant.auth.v1 import auth_pb2_grpc
from shared_proto.restaurant.order.v1 import order_pb2, order_pb2_grpc

log = get_logger()


async def serve(settings: Settings, stopping: asyncio.Event) -> None:
    """Serves until ``stopping`` is set; Redis, auth and the kitchen may come later and go away."""
    redis_url = settings.redis_url.get_secret_value()
    tls = settings.read_tls()
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(open_redis(redis_url))
        # What other replicas say comes on a connection of its own.
        listening = await stack.enter_async_context(open_redis(redis_url, blocking=True))
        auth_channel = await stack.enter_async_context(open_channel(settings.auth_target, tls))
        kitchen_channel = await stack.enter_async_context(
            open_channel(settings.kitchen_target, tls)
        )

        placing = Limit(settings.orders_per_minute, timedelta(minutes=1))
        orders = RedisOrderStore(
            redis,
            retention=timedelta(days=settings.retention_days),
            outbox_limit=settings.outbox_limit,
            feed_length=settings.feed_length,
            user_events_length=settings.user_events_length,
            placing=placing if placing.count else None,
        )
        service = OrderService(
            orders,
            RedisMenuStore(redis),
            RedisHouseStore(redis),
            kitchens=frozenset(kitchen.name for kitchen in settings.kitchens),
        )
        feed = Feed(redis, listening, orders, feed_length=settings.feed_length)

        kitchen = Kitchen(kitchen_channel, settings.credential.get_secret_value())
        reconciler = Reconciler(orders, kitchen, every_seconds=settings.reconcile_seconds)

        dispatcher = Dispatcher(
            redis,
            orders,
            send=kitchen.put_tickets,
            queue=service.queue_orders,
            reject=service.reject_order,
        )
        for listener in (feed, dispatcher):
            orders.add_listener(listener)
        revocations = Revocations()
        guard = Guard(
            TokenVerifier(keys_from_auth(auth_channel), revocations=revocations), settings.peers
        )
        servicer = OrderServicer(service, feed)

        def register(server: grpc.aio.Server) -> Iterable[str]:
            order_pb2_grpc.add_OrderServiceServicer_to_server(servicer, server)
            return [order_pb2.DESCRIPTOR.services_by_name["OrderService"].full_name]

        loops = await stack.enter_async_context(asyncio.TaskGroup())
        running = [
            loops.create_task(feed.run(), name="feed"),
            loops.create_task(dispatcher.run(), name="dispatcher"),
            loops.create_task(reconciler.run(), name="reconciler"),
            loops.create_task(
                follow_revocations(
                    revocations,
                    auth_pb2_grpc.AuthServiceStub(auth_channel),
                    lambda: service_metadata("order", settings.credential.get_secret_value()),
                ),
                name="revocations",
            ),
        ]
        async with (
            http_server(
                ops_app(
                    {"redis": lambda: ping(redis), "outbox": dispatcher.check},
                    BacklogGauges(redis).refresh,
                ),
                settings.host,
                settings.ops_port,
                drain_seconds=settings.drain_seconds,
            ),
            grpc_server(
                join_host_port(settings.host, settings.grpc_port),
                register,
                Boundary(guard, ANSWERS),
                drain_seconds=settings.drain_seconds,
                tls=tls,
            ) as port,
        ):
            log.info("service_started", grpc_port=port, ops_port=settings.ops_port)
            await stopping.wait()
            log.info("service_stopping")
        for task in running:
            task.cancel()
    log.info("service_stopped")
