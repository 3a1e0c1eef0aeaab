"""Auth put together: the one place that names concrete classes."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import grpc
from redis.asyncio import Redis
from redis.exceptions import RedisError

from auth.attempts import RedisLoginAttempts
from auth.key_ring import KeyRing
from auth.passwords import Argon2Pool
from auth.redis_store import (
    RedisAccountStore,
    RedisKeyStore,
    RedisRevocationLog,
    RedisSessionStore,
)
from auth.rest import rest_app
from auth.revocations import RevocationWatch
from auth.service import AuthService
from auth.servicer import ANSWERS, SERVICE_NAME, AuthServicer
from auth.settings import Settings
from auth.tokens import TokenSigner
from infra.addresses import join_host_port
from infra.clock import utc_now
from infra.grpc_runtime import Boundary, grpc_server
from infra.identity import Guard, TokenVerifier
from infra.limits import Limit
from infra.logs import get_logger
from infra.ops import ops_app
from infra.outage import Outage
from infra.process import http_server
from infra.redis_client import has_answered, open_redis, ping
from shared_proto.restaurant.auth.v1 import auth_pb2_grpc

log = get_logger()

# How soon a replica goes on with a key that another made.
RELOAD_SECONDS = 60
RETRY_SECONDS = 1


@dataclass(frozen=True)
class Auth:
    """The service and what it stands on."""

    service: AuthService
    key_ring: KeyRing
    verifier: TokenVerifier
    revocations: RevocationWatch
    redis: Redis


@dataclass(frozen=True)
class Ports:
    """Where a running auth listens."""

    rest: int
    grpc: int
    ops: int


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Auth]:
    """The service over Redis, without its servers; opens no connection before it needs one."""
    async with AsyncExitStack() as stack:
        redis = open_redis(settings.redis_url.get_secret_value())
        stack.push_async_callback(redis.aclose)
        passwords = Argon2Pool(
            memory_kib=settings.argon2_memory_kib,
            time_cost=settings.argon2_time_cost,
            parallelism=settings.argon2_parallelism,
            workers=settings.hashing_workers,
            queue=settings.hashing_queue,
        )
        stack.callback(passwords.close)
        key_ring = KeyRing(
            RedisKeyStore(redis),
            utc_now,
            key_lifetime=settings.signing_key_lifetime,
            token_lifetime=settings.access_token_lifetime,
        )
        verifier = TokenVerifier(key_ring.jwks)
        revocations = RedisRevocationLog(redis)
        service = AuthService(
            accounts=RedisAccountStore(redis),
            sessions=RedisSessionStore(
                redis, lifetime=settings.refresh_token_lifetime, grace=settings.refresh_grace
            ),
            revocations=revocations,
            attempts=RedisLoginAttempts(
                redis,
                per_name=Limit(settings.login_failures_per_name, settings.login_failures_window),
                per_address=Limit(
                    settings.login_failures_per_address, settings.login_failures_window
                ),
            ),
            hasher=passwords,
            key_ring=key_ring,
            signer=TokenSigner(key_ring, settings.access_token_lifetime),
            verify_token=verifier.verify,
            clock=utc_now,
        )
        yield Auth(service, key_ring, verifier, RevocationWatch(revocations), redis)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Ports]:
    """Auth with its servers, until the block ends. It starts without Redis and waits for it."""
    tls = settings.read_tls()
    async with AsyncExitStack() as stack:
        auth = await stack.enter_async_context(build(settings))
        loops = await stack.enter_async_context(asyncio.TaskGroup())
        stack.callback(loops.create_task(_keep_keys(auth.key_ring)).cancel)

        def register(server: grpc.aio.Server) -> Iterable[str]:
            servicer = AuthServicer(auth.service, auth.revocations)
            auth_pb2_grpc.add_AuthServiceServicer_to_server(servicer, server)
            return [SERVICE_NAME]

        serve_http = partial(http_server, drain_seconds=settings.drain_seconds)
        ports = Ports(
            ops=await stack.enter_async_context(
                serve_http(
                    ops_app({"redis": partial(ping, auth.redis)}), settings.host, settings.ops_port
                )
            ),
            grpc=await stack.enter_async_context(
                grpc_server(
                    join_host_port(settings.host, settings.grpc_port),
                    register,
                    Boundary(Guard(auth.verifier, settings.peers), ANSWERS),
                    drain_seconds=settings.drain_seconds,
                    tls=tls,
                )
            ),
            rest=await stack.enter_async_context(
                serve_http(
                    rest_app(auth.service, settings.trusted_proxies, settings.forwarded_header),
                    settings.host,
                    settings.port,
                )
            ),
        )
        # First of all on the way out: the server waits for open streams.
        stack.callback(auth.revocations.close)
        log.info("service_started", rest=ports.rest, grpc=ports.grpc, ops=ports.ops)
        yield ports
        log.info("service_stopping")


async def serve(settings: Settings, stopping: asyncio.Event) -> None:
    """Runs auth until ``stopping`` is set."""
    async with running(settings):
        await stopping.wait()
    log.info("service_stopped")


async def _keep_keys(key_ring: KeyRing) -> None:
    outage = Outage()
    while True:
        try:
            await key_ring.load()
            outage.over()
            pause = RELOAD_SECONDS
        except RedisError as error:
            outage.tell(
                "signing_keys_not_loaded", has_answered=has_answered(error), error=str(error)
            )
            pause = RETRY_SECONDS
        await asyncio.sleep(pause)
