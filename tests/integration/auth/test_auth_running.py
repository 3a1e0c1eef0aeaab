"""Auth as it runs: gRPC, REST, operations port, command line, and Redis that is away."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import httpx
import jwt
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from auth.app import Auth, Ports, running
from auth.settings import Settings
from infra.dev.local_redis import LocalRedis
from infra.errors import read_refusal
from infra.grpc_runtime import open_channel
from infra.identity import TokenVerifier, keys_from_auth
from shared_proto.restaurant.auth.v1 import auth_pb2, auth_pb2_grpc
from tests.conftest import free_port

PASSWORD = "chicken bowl"


@pytest.fixture
async def ports(settings: Settings, redis: Redis) -> AsyncIterator[Ports]:
    async with running(settings) as ports:
        yield ports


@pytest.fixture
async def channel(ports: Ports) -> AsyncIterator[grpc.aio.Channel]:
    async with open_channel(f"127.0.0.1:{ports.grpc}") as channel:
        yield channel


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> "auth_pb2_grpc.AuthServiceAsyncStub":
    return auth_pb2_grpc.AuthServiceStub(channel)


async def _login(stub: "auth_pb2_grpc.AuthServiceAsyncStub") -> auth_pb2.TokenPair:
    await stub.Register(auth_pb2.RegisterRequest(login="Anna", password=PASSWORD))
    return (await stub.Login(auth_pb2.LoginRequest(login="anna", password=PASSWORD))).tokens


async def test_session_lives_its_life_over_grpc(stub: "auth_pb2_grpc.AuthServiceAsyncStub") -> None:
    tokens = await _login(stub)
    assert (tokens.token_type, tokens.expires_in) == ("Bearer", 900)
    seen = await stub.VerifyToken(auth_pb2.VerifyTokenRequest(access_token=tokens.access_token))
    assert (seen.account.login, list(seen.account.roles)) == ("Anna", ["customer"])
    refreshed = await stub.RefreshToken(
        auth_pb2.RefreshTokenRequest(refresh_token=tokens.refresh_token)
    )
    shown = refreshed.tokens.refresh_token
    await stub.Logout(auth_pb2.LogoutRequest(refresh_token=shown))
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await stub.RefreshToken(auth_pb2.RefreshTokenRequest(refresh_token=shown))
    refusal = read_refusal(ended.value)
    assert refusal.code is grpc.StatusCode.UNAUTHENTICATED
    assert refusal.reason == "INVALID_REFRESH_TOKEN"


async def test_refusals_carry_reason_and_fields(stub: "auth_pb2_grpc.AuthServiceAsyncStub") -> None:
    with pytest.raises(grpc.aio.AioRpcError) as unfit:
        await stub.Register(auth_pb2.RegisterRequest(login="", password="short"))
    refusal = read_refusal(unfit.value)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert {violation.pointer for violation in refusal.violations} == {"/login", "/password"}
    await _login(stub)
    with pytest.raises(grpc.aio.AioRpcError) as taken:
        await stub.Register(auth_pb2.RegisterRequest(login="ANNA", password=PASSWORD))
    assert read_refusal(taken.value).reason == "LOGIN_TAKEN"


async def test_wrong_password_and_unknown_name_have_the_same_refusal(
    stub: "auth_pb2_grpc.AuthServiceAsyncStub",
) -> None:
    await _login(stub)
    refusals = []
    for name in ("anna", "nobody"):
        with pytest.raises(grpc.aio.AioRpcError) as wrong:
            await stub.Login(auth_pb2.LoginRequest(login=name, password="beef bowl"))
        refusals.append(read_refusal(wrong.value))
    assert refusals[0] == refusals[1]
    assert refusals[0].reason == "WRONG_CREDENTIALS"


async def test_other_services_verify_tokens_with_the_published_keys(
    stub: "auth_pb2_grpc.AuthServiceAsyncStub", channel: grpc.aio.Channel
) -> None:
    tokens = await _login(stub)
    caller = await TokenVerifier(keys_from_auth(channel)).verify(tokens.access_token)
    assert caller.login == "Anna"


async def test_rest_grpc_and_operations_are_of_one_service(
    ports: Ports, stub: "auth_pb2_grpc.AuthServiceAsyncStub"
) -> None:
    await _login(stub)
    async with httpx.AsyncClient(trust_env=False) as client:
        login = await client.post(
            f"http://127.0.0.1:{ports.rest}/api/v1/login",
            json={"login": "anna", "password": PASSWORD},
        )
        assert login.status_code == 200
        ready = await client.get(f"http://127.0.0.1:{ports.ops}/readyz")
        assert ready.json() == {"redis": {"ok": True}}


async def test_auth_starts_without_redis_and_goes_on_when_it_comes(
    settings: Settings, tmp_path: Path
) -> None:
    own_redis = LocalRedis(free_port(), tmp_path)
    away = settings.model_copy(update={"redis_url": SecretStr(own_redis.url)})
    anna = {"login": "anna", "password": PASSWORD}
    async with running(away) as ports, httpx.AsyncClient(timeout=30, trust_env=False) as client:
        register = f"http://127.0.0.1:{ports.rest}/api/v1/register"
        refused = await client.post(register, json=anna)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["type"] == "/problems/store-unavailable"
        assert (await client.get(f"http://127.0.0.1:{ports.ops}/readyz")).status_code == 503
        try:
            await asyncio.to_thread(own_redis.start)
            assert (await client.post(register, json=anna)).status_code == 201
            own_redis.kill()
            await asyncio.to_thread(own_redis.start)
            login = await client.post(f"http://127.0.0.1:{ports.rest}/api/v1/login", json=anna)
            assert login.status_code == 200
        finally:
            own_redis.kill()


async def _command(redis_url: str, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "auth", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"AUTH_REDIS_URL": redis_url},
    )
    out, err = await process.communicate(stdin.encode())
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_grant_and_revoke_change_what_somebody_is(
    auth: Auth, redis_server: LocalRedis
) -> None:
    await auth.service.register("Anna", PASSWORD)
    status, out, err = await _command(
        redis_server.url, "grant", "anna", "kitchen", "--kitchen", "main"
    )
    assert (status, "customer, kitchen:main" in out) == (0, True)
    assert "role_granted" in err
    token = (await auth.service.login("anna", PASSWORD)).access_token
    assert (await auth.service.account_of(token)).roles == {"customer", "kitchen:main"}
    status, out, _ = await _command(redis_server.url, "revoke", "anna", "kitchen")
    assert (status, "kitchen" in out) == (0, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("grant", "nobody", "admin"), "there is no such account"),
        (("grant", "anna", "admin", "--kitchen", "main"), "not one kitchen's"),
        (("reset", "anna"), "use 8 to 128 characters"),
    ],
)
async def test_command_that_cannot_be_done_says_why(
    auth: Auth, redis_server: LocalRedis, arguments: tuple[str, ...], said: str
) -> None:
    await auth.service.register("anna", PASSWORD)
    status, _, err = await _command(redis_server.url, *arguments)
    assert status == 1
    assert said in err
    assert "Traceback" not in err


async def test_reset_password_is_read_from_stdin_and_ends_sessions(
    auth: Auth, redis_server: LocalRedis
) -> None:
    await auth.service.register("anna", PASSWORD)
    status, out, err = await _command(redis_server.url, "reset", "anna", stdin="falafel wrap\n")
    assert status == 0
    assert "falafel" not in out + err
    assert await auth.service.login("anna", "falafel wrap")


async def test_rotated_key_signs_and_the_old_one_still_verifies(
    auth: Auth, redis_server: LocalRedis
) -> None:
    await auth.service.register("anna", PASSWORD)
    before = (await auth.service.login("anna", PASSWORD)).access_token
    status, out, _ = await _command(redis_server.url, "rotate-keys")
    assert status == 0
    await auth.key_ring.load()
    after = (await auth.service.login("anna", PASSWORD)).access_token
    old, new = [jwt.get_unverified_header(token)["kid"] for token in (before, after)]
    assert new != old
    assert new in out
    for token in (before, after):
        assert (await auth.service.verify(token)).login == "anna"
