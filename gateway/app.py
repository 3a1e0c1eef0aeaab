"""The gateway put together: the one place that names concrete classes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import grpc
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from starlette.types import ASGIApp

from gateway.access import Access
from gateway.boards import Boards
from gateway.clients import SERVICE_NAME, Metadata, Peer, Peers
from gateway.cors import cors_app
from gateway.errors import EXCEPTION_HANDLERS
from gateway.long_answers import LongAnswersMiddleware
from gateway.openapi import API, API_PREFIX
from gateway.origins import are_https
from gateway.problems import ALL as PROBLEMS
from gateway.routes.accounts import AccountRoutes
from gateway.routes.board import BoardRoutes
from gateway.routes.house import HouseRoutes
from gateway.routes.kitchen import KitchenRoutes
from gateway.routes.lifecycle import LifecycleRoutes
from gateway.routes.menu import MenuRoutes
from gateway.routes.orders import OrderRoutes
from gateway.routes.pages import PageRoutes
from gateway.routes.sessions import SessionRoutes
from gateway.routes.streams import StreamRoutes
from gateway.settings import Settings
from gateway.streams import OpenStreams
from gateway.watch import Watch
from infra import web
from infra.forwarding import forwarded_app, https_app
from infra.grpc_runtime import open_channel, service_metadata
from infra.identity import TokenVerifier, keys_from_auth
from infra.lane import open_lanes
from infra.logs import get_logger
from infra.ops import ops_app
from infra.process import http_server
from infra.resources import PathRouter, resources
from infra.revocations import Revocations, follow_revocations
from infra.swagger import documentation_routes, problem_routes
from infra.trace_edges import traced_app, traced_channel
from shared_proto.restaurant.auth.v1.auth_pb2_grpc import AuthServiceStub
from shared_proto.restaurant.kitchen.v1.kitchen_pb2_grpc import KitchenServiceStub
from shared_proto.restaurant.order.v1.order_pb2_grpc import OrderServiceStub

log = get_logger()

Stub = TypeVar("Stub")

# A stream outlives its token by so much at most, which is less than tokens are forgiven anyway.
SWEEP_SECONDS = 0.5


@dataclass(frozen=True)
class Ports:
    """Where a running gateway listens."""

    http: int
    ops: int


def build_app(
    settings: Settings,
    *,
    access: Access,
    peers: Peers,
    streams: OpenStreams,
    watch: Watch,
    boards: Boards,
) -> ASGIApp:
    """All routes, at the root and under ``/api/v1``."""
    routes = [
        *AccountRoutes(peers.auth).routes(),
        *SessionRoutes(access, peers.auth, settings.session_lifetime).routes(),
        # Before the orders: ``stream`` is no order's id.
        *StreamRoutes(access, peers.order, streams, watch, boards).routes(),
        *OrderRoutes(access, peers.order).routes(),
        *HouseRoutes(access, peers.order).routes(),
        *LifecycleRoutes(peers.order).routes(),
        *MenuRoutes(access, peers.order).routes(),
        *KitchenRoutes(access, peers).routes(),
        *BoardRoutes(boards).routes(),
        *problem_routes(PROBLEMS),
    ]
    document = API.document(routes)
    api = [*routes, *documentation_routes(document)]
    pages = PageRoutes()
    paths = resources([*api, *pages.routes()])
    router = PathRouter([*paths, Mount(API_PREFIX, app=PathRouter(resources(api)))])
    # Not Starlette's application: its own catch-all would never see what the context answers.
    handlers = web.EXCEPTION_HANDLERS | EXCEPTION_HANDLERS | {HTTPException: pages.answer_error}
    app = web.ErrorsMiddleware(router, handlers)
    edge = cors_app(web.EdgeMiddleware(app), settings.cors_origins, document)
    inside = traced_app(edge)
    if are_https(settings.public_origin):
        inside = https_app(inside)
    return LongAnswersMiddleware(
        forwarded_app(inside, settings.trusted_proxies, settings.forwarded_header)
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Ports]:
    """The gateway with its servers until the block ends. It starts though others are away."""
    tls = settings.read_tls()
    async with AsyncExitStack() as stack:
        auth_channel, order_channel, kitchen_channel = [
            await stack.enter_async_context(open_channel(target, tls))
            for target in (settings.auth_target, settings.order_target, settings.kitchen_target)
        ]

        def peer(name: str, channel: grpc.aio.Channel, stub: Stub) -> Peer[Stub]:
            return Peer(
                name,
                channel,
                stub,
                credential=settings.credential.get_secret_value(),
                deadline_seconds=settings.deadline_seconds,
                connect_seconds=settings.connect_seconds,
            )

        def own_metadata() -> Metadata:
            return service_metadata(SERVICE_NAME, settings.credential.get_secret_value())

        order_lanes, kitchen_lanes = [
            await stack.enter_async_context(open_lanes(channel, own_metadata, lanes=settings.lanes))
            for channel in (order_channel, kitchen_channel)
        ]
        peers = Peers(
            auth=peer("auth", auth_channel, AuthServiceStub(traced_channel(auth_channel))),
            order=peer("order", order_channel, OrderServiceStub(traced_channel(order_lanes))),
            kitchen=peer(
                "kitchen", kitchen_channel, KitchenServiceStub(traced_channel(kitchen_lanes))
            ),
        )
        loops = await stack.enter_async_context(asyncio.TaskGroup())
        streams = OpenStreams(
            queue=settings.stream_queue,
            per_user=settings.streams_per_user,
            limit=settings.streams_limit,
            nameless_limit=settings.board_streams_limit,
            patience_seconds=settings.stream_patience_seconds,
        )
        watch = Watch(peers.order, streams.beat)
        boards = Boards(peers.kitchen, loops, connect_seconds=settings.connect_seconds)
        stack.callback(boards.close)
        revocations = Revocations(told=lambda: streams.end_revoked(revocations))
        for loop in (
            watch.run(),
            follow_revocations(revocations, peers.auth.stub, lambda: peers.auth.own_metadata),
            watch.reach.follow("kitchen", kitchen_channel),
            _beat(streams, watch, settings.heartbeat_seconds),
            _beat_boards(boards, settings.board_heartbeat_seconds),
            _sweep(streams),
        ):
            stack.callback(loops.create_task(loop).cancel)
        app = build_app(
            settings,
            access=Access(
                TokenVerifier(keys_from_auth(auth_channel), revocations=revocations),
                settings.public_origin,
            ),
            peers=peers,
            streams=streams,
            watch=watch,
            boards=boards,
        )
        checks = {p.name: p.check for p in (peers.auth, peers.order, peers.kitchen)}
        serve_http = partial(http_server, drain_seconds=settings.drain_seconds)
        ports = Ports(
            ops=await stack.enter_async_context(
                serve_http(ops_app(checks), settings.host, settings.ops_port)
            ),
            http=await stack.enter_async_context(serve_http(app, settings.host, settings.port)),
        )
        # First of all on the way out: the server waits for open streams.
        stack.callback(streams.close_all)
        log.info("service_started", port=ports.http, ops_port=ports.ops)
        yield ports
        log.info("service_stopping")
    log.info("service_stopped")


async def serve(settings: Settings, stopping: asyncio.Event) -> None:
    """Runs the gateway until ``stopping`` is set."""
    async with running(settings):
        await stopping.wait()


async def _beat(streams: OpenStreams, watch: Watch, seconds: float) -> None:
    """The one timer behind every stream's heartbeats."""
    while True:
        await asyncio.sleep(seconds)
        watch.forget_absent()
        streams.beat()


async def _beat_boards(boards: Boards, seconds: float) -> None:
    """The one timer behind the heartbeats of the cooks' and the pickup screens, which hang on walls
    where nobody would notice that they stand still."""
    while True:
        await asyncio.sleep(seconds)
        boards.beat()


async def _sweep(streams: OpenStreams) -> None:
    """The one timer behind every stream's end."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        streams.sweep()
