"""What ends a session or an account ends its access tokens, and verifiers are told."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import pytest
from redis.asyncio import Redis

from auth import keys
from auth.app import Auth, running
from auth.domain import InvalidRefreshTokenError, LoginTakenError, Role, TokenPair
from auth.settings import Settings
from infra.errors import read_refusal
from infra.grpc_runtime import open_channel, service_metadata
from infra.identity import InvalidTokenError, TokenVerifier, keys_from_auth
from infra.revocations import Revocations, follow_revocations
from shared_proto.restaurant.auth.v1 import auth_pb2, auth_pb2_grpc

PASSWORD = "chicken bowl"
CREDENTIAL = "the order service's own"
PEERS = {"order": hashlib.sha256(CREDENTIAL.encode()).hexdigest()}


async def sign_in(auth: Auth, name: str = "anna") -> TokenPair:
    with contextlib.suppress(LoginTakenError):
        await auth.service.register(name, PASSWORD)
    return await auth.service.login(name, PASSWORD)


async def is_good(auth: Auth, tokens: TokenPair) -> bool:
    try:
        await auth.service.verify(tokens.access_token)
    except InvalidTokenError:
        return False
    return True


async def log_out(auth: Auth, tokens: TokenPair) -> None:
    await auth.service.logout(tokens.refresh_token)


async def log_out_everywhere(auth: Auth, tokens: TokenPair) -> None:
    await auth.service.logout(tokens.refresh_token, everywhere=True)


async def change_password(auth: Auth, tokens: TokenPair) -> None:
    await auth.service.change_password(tokens.access_token, PASSWORD, "falafel wrap")


async def reset_password(auth: Auth, _: TokenPair) -> None:
    await auth.service.reset_password("anna", "falafel wrap")


async def show_used_refresh_token(auth: Auth, tokens: TokenPair) -> None:
    used = tokens.refresh_token
    for _ in range(2):
        tokens = await auth.service.refresh(tokens.refresh_token)
    with pytest.raises(InvalidRefreshTokenError):
        await auth.service.refresh(used)


async def delete_account(auth: Auth, tokens: TokenPair) -> None:
    await auth.service.delete_account(tokens.access_token)


ENDINGS: list[Callable[[Auth, TokenPair], Awaitable[None]]] = [
    log_out,
    log_out_everywhere,
    change_password,
    reset_password,
    show_used_refresh_token,
    delete_account,
]


@pytest.mark.parametrize("end", ENDINGS)
async def test_what_ends_a_session_ends_its_access_tokens_here_and_elsewhere(
    auth: Auth, end: Callable[[Auth, TokenPair], Awaitable[None]]
) -> None:
    tokens = await sign_in(auth)
    caller = await auth.verifier.verify(tokens.access_token)
    await end(auth, tokens)
    assert not await is_good(auth, tokens)
    elsewhere = Revocations()
    elsewhere.take(await told(auth))
    assert elsewhere.cover(caller)


async def told(auth: Auth) -> list[auth_pb2.Revocation]:
    news = await anext(auth.revocations.follow())
    return [
        auth_pb2.Revocation(
            session_id=each.session,
            user_id=each.user_id,
            revoked_at_ms=round(each.at.timestamp() * 1000),
            expires_at_ms=round(each.expires_at.timestamp() * 1000),
        )
        for each in news
    ]


async def test_logout_ends_one_session_and_logout_everywhere_all(auth: Auth) -> None:
    phone, laptop, tablet = [await sign_in(auth) for _ in range(3)]
    await log_out(auth, phone)
    assert [await is_good(auth, t) for t in (phone, laptop, tablet)] == [False, True, True]
    await log_out_everywhere(auth, laptop)
    assert not await is_good(auth, tablet)
    with pytest.raises(InvalidRefreshTokenError):
        await auth.service.refresh(tablet.refresh_token)
    assert await is_good(auth, await sign_in(auth))


async def test_logout_everywhere_takes_a_session_that_is_not_over(auth: Auth) -> None:
    tokens = await sign_in(auth)
    await log_out(auth, tokens)
    await log_out(auth, tokens)
    with pytest.raises(InvalidRefreshTokenError):
        await log_out_everywhere(auth, tokens)


async def test_entry_nobody_can_read_hides_no_other(auth: Auth, redis: Redis) -> None:
    tokens = await sign_in(auth)
    await redis.xadd(keys.REVOCATIONS, {"foo": "bar"})
    await log_out(auth, tokens)
    assert not await is_good(auth, tokens)
    assert len(await told(auth)) == 1


async def test_key_nobody_can_read_signs_nothing_and_hides_no_other(
    auth: Auth, redis: Redis
) -> None:
    tokens = await sign_in(auth)
    await redis.zadd(keys.SIGNING_KEYS, {"torn": 2})
    await redis.hset(keys.signing_key("torn"), mapping={"private_pem": "x", "created_at": "z"})
    await auth.key_ring.load()
    assert await is_good(auth, tokens)
    assert await is_good(auth, await sign_in(auth))


async def test_made_up_refresh_tokens_fill_no_log(auth: Auth, redis: Redis) -> None:
    await auth.service.logout("made.up")
    assert not await redis.exists(keys.REVOCATIONS)


async def test_session_of_the_new_password_is_good_at_once(auth: Auth) -> None:
    tokens = await sign_in(auth)
    fresh = await auth.service.change_password(tokens.access_token, PASSWORD, "falafel wrap")
    caller = await auth.verifier.verify(fresh.access_token)
    elsewhere = Revocations()
    elsewhere.take(await told(auth))
    assert not elsewhere.cover(caller)
    assert await is_good(auth, fresh)


async def test_role_that_is_revoked_counts_no_longer_and_the_session_goes_on(auth: Auth) -> None:
    await sign_in(auth)
    await auth.service.grant_role("anna", Role.KITCHEN)
    tokens = await sign_in(auth)
    await auth.service.revoke_role("anna", Role.KITCHEN)
    assert not await is_good(auth, tokens)
    fresh = await auth.service.refresh(tokens.refresh_token)
    assert (await auth.service.verify(fresh.access_token)).roles == {"customer"}


async def test_deleted_account_leaves_its_name_and_nothing_else(auth: Auth, redis: Redis) -> None:
    tokens = await sign_in(auth)
    await delete_account(auth, tokens)
    assert await redis.keys("auth:user:*") == []
    with pytest.raises(InvalidRefreshTokenError):
        await auth.service.refresh(tokens.refresh_token)
    assert await is_good(auth, await sign_in(auth))


async def test_log_of_revocations_goes_when_all_tokens_have_expired(
    auth: Auth, redis: Redis
) -> None:
    await log_out(auth, await sign_in(auth))
    lifetime = await redis.pttl(keys.REVOCATIONS)
    assert 900_000 < lifetime <= 930_000


@pytest.fixture
async def stub(
    settings: Settings, redis: Redis
) -> AsyncIterator["auth_pb2_grpc.AuthServiceAsyncStub"]:
    async with (
        running(settings.model_copy(update={"peers": PEERS})) as ports,
        open_channel(f"127.0.0.1:{ports.grpc}") as channel,
    ):
        yield auth_pb2_grpc.AuthServiceStub(channel)


async def test_only_services_are_told_of_revocations(
    stub: "auth_pb2_grpc.AuthServiceAsyncStub",
) -> None:
    call = stub.WatchRevocations(auth_pb2.WatchRevocationsRequest())
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call.read()
    assert read_refusal(refused.value).code is grpc.StatusCode.UNAUTHENTICATED


async def test_verifier_elsewhere_is_told_of_what_was_and_of_what_comes(
    settings: Settings, auth: Auth
) -> None:
    before, after = await sign_in(auth), await sign_in(auth)
    await log_out(auth, before)
    news = asyncio.Event()
    revocations = Revocations(told=news.set)
    async with (
        running(settings.model_copy(update={"peers": PEERS})) as ports,
        open_channel(f"127.0.0.1:{ports.grpc}") as channel,
        asyncio.TaskGroup() as tasks,
    ):
        verifier = TokenVerifier(keys_from_auth(channel), revocations=revocations)
        following = tasks.create_task(
            follow_revocations(
                revocations,
                auth_pb2_grpc.AuthServiceStub(channel),
                lambda: service_metadata("order", CREDENTIAL),
            )
        )
        await news.wait()
        with pytest.raises(InvalidTokenError, match="revoked"):
            await verifier.verify(before.access_token)
        # Verified, and so remembered.
        assert await verifier.verify(after.access_token)
        news.clear()
        await log_out(auth, after)
        await news.wait()
        with pytest.raises(InvalidTokenError, match="revoked"):
            await verifier.verify(after.access_token)
        following.cancel()
