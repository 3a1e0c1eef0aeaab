"""How often passwords may be guessed."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_network

import grpc
import httpx
import pytest
from redis.asyncio import Redis

from auth.app import Auth, build, running
from auth.domain import TooManyAttemptsError, WrongCredentialsError
from auth.rest import rest_app
from auth.settings import Settings
from infra.errors import read_refusal
from infra.forwarding import FORWARDED, X_FORWARDED_FOR, ForwardedHeader
from infra.grpc_runtime import open_channel, service_metadata
from infra.identity import CLIENT_KEY
from shared_proto.restaurant.auth.v1 import auth_pb2, auth_pb2_grpc

PASSWORD = "chicken bowl"
HOME, CAFE, STRANGER = "192.0.2.1", "192.0.2.2", "203.0.113.9"
ANNA = {"login": "anna", "password": PASSWORD}


@pytest.fixture
def strict(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "login_failures_per_name": 3,
            "login_failures_per_address": 5,
            "login_failures_window": timedelta(minutes=5),
        }
    )


@pytest.fixture
async def auth(strict: Settings, redis: Redis) -> AsyncIterator[Auth]:
    async with build(strict) as auth:
        await auth.service.register("anna", PASSWORD)
        yield auth


async def guess(auth: Auth, times: int, *, login: str = "anna", address: str = STRANGER) -> None:
    for _ in range(times):
        with pytest.raises(WrongCredentialsError):
            await auth.service.login(login, "beef bowl", address=address)


async def test_guesses_at_a_name_are_limited_wherever_they_come_from(auth: Auth) -> None:
    for number in range(3):
        await guess(auth, 1, address=f"203.0.113.{number}")
    with pytest.raises(TooManyAttemptsError) as refused:
        await auth.service.login("ANNA", "beef bowl", address="203.0.113.99")
    assert refused.value.facts["limit"] == 3
    assert 1 <= refused.value.facts["retry_after"] <= 300


async def test_unknown_name_is_limited_as_a_known_one_is(auth: Auth) -> None:
    await guess(auth, 3, login="nobody")
    with pytest.raises(TooManyAttemptsError):
        await auth.service.login("nobody", "beef bowl", address=STRANGER)


async def test_guesses_from_an_address_are_limited_whatever_name_they_are_at(auth: Auth) -> None:
    for number in range(5):
        await guess(auth, 1, login=f"name-{number}")
    with pytest.raises(TooManyAttemptsError):
        await auth.service.login("anna", PASSWORD, address=STRANGER)
    assert await auth.service.login("anna", PASSWORD, address=CAFE)


async def test_ipv6_addresses_of_one_customer_count_as_one(auth: Auth) -> None:
    for number in range(5):
        await guess(auth, 1, login=f"name-{number}", address=f"2001:db8::{number}")
    with pytest.raises(TooManyAttemptsError):
        await auth.service.login("anna", PASSWORD, address="2001:db8::ffff")
    assert await auth.service.login("anna", PASSWORD, address="2001:db8:0:1::1")


async def test_strangers_do_not_lock_the_owner_out(auth: Auth) -> None:
    assert await auth.service.login("anna", PASSWORD, address=HOME)
    await guess(auth, 3)
    with pytest.raises(TooManyAttemptsError):
        await auth.service.login("anna", PASSWORD, address=STRANGER)
    assert await auth.service.login("anna", PASSWORD, address=HOME)


async def test_right_passwords_count_for_nothing(auth: Auth) -> None:
    for _ in range(7):
        assert await auth.service.login("anna", PASSWORD, address=HOME)


async def test_guesses_made_all_at_once_are_limited_too(auth: Auth) -> None:
    results = await asyncio.gather(
        *(auth.service.login("anna", "beef bowl", address=STRANGER) for _ in range(20)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, WrongCredentialsError) for result in results) == 3
    assert sum(isinstance(result, TooManyAttemptsError) for result in results) == 17


async def test_failed_login_is_forgotten_with_its_window(auth: Auth, redis: Redis) -> None:
    await guess(auth, 1)
    lifetimes = [await redis.pttl(key) for key in await redis.keys("auth:attempts:*")]
    assert len(lifetimes) == 2
    assert all(0 < lifetime <= 300_000 for lifetime in lifetimes)


async def test_rest_tells_when_to_come_again_and_believes_trusted_proxies_alone(
    auth: Auth,
) -> None:
    wrong = ANNA | {"password": "beef bowl"}
    app = rest_app(auth.service, [ip_network("10.0.0.0/8")])
    for peer, answers in (("10.0.0.1", [401] * 6), (STRANGER, [401] * 5 + [429])):
        transport = httpx.ASGITransport(app, client=(peer, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            for number, status in enumerate(answers):
                answer = await client.post(
                    "/api/v1/login",
                    json=wrong | {"login": f"{peer}-{number}"},
                    headers={"X-Forwarded-For": f"198.51.100.{number}"},
                )
                assert answer.status_code == status
    assert answer.json()["type"] == "/problems/too-many-attempts"
    seconds = int(answer.headers["retry-after"])
    assert 1 <= seconds <= 300
    assert answer.headers["ratelimit-policy"] == '"login";q=5;w=300'
    assert answer.headers["ratelimit"] == f'"login";r=0;t={seconds}'


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (X_FORWARDED_FOR, "198.51.100.{}:51234"),
        (X_FORWARDED_FOR, "[2001:db8:0:{}::1]:443"),
        (FORWARDED, 'for="198.51.100.{}:51234";proto=https'),
        (FORWARDED, 'for="[2001:db8:0:{}::1]"'),
    ],
)
async def test_guests_behind_a_proxy_have_an_allowance_each_whatever_port_they_come_from(
    auth: Auth, header: ForwardedHeader, names: str
) -> None:
    app = rest_app(auth.service, [ip_network("10.0.0.0/8")], header)
    transport = httpx.ASGITransport(app, client=("10.0.0.1", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:

        async def guess_from(guest: int, times: int) -> list[int]:
            return [
                (
                    await client.post(
                        "/api/v1/login",
                        json={"login": f"name-{guest}-{number}", "password": "beef bowl"},
                        headers={header: names.format(guest)},
                    )
                ).status_code
                for number in range(times)
            ]

        assert await guess_from(1, 6) == [401] * 5 + [429]
        assert await guess_from(2, 1) == [401]


async def test_address_of_a_guest_is_believed_from_a_service_that_shows_its_credential(
    strict: Settings, auth: Auth
) -> None:
    credential = "the gateway's own"
    peers = {"gateway": hashlib.sha256(credential.encode()).hexdigest()}
    async with (
        running(strict.model_copy(update={"peers": peers})) as ports,
        open_channel(f"127.0.0.1:{ports.grpc}") as channel,
    ):
        stub: auth_pb2_grpc.AuthServiceAsyncStub = auth_pb2_grpc.AuthServiceStub(channel)

        async def reason(number: int, shown: str) -> str:
            metadata = (
                *service_metadata("gateway", shown),
                (CLIENT_KEY, f"198.51.100.{number}"),
            )
            request = auth_pb2.LoginRequest(login=f"{shown}-{number}", password="beef bowl")
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.Login(request, metadata=metadata)
            return read_refusal(refused.value).reason

        assert {await reason(n, credential) for n in range(6)} == {"WRONG_CREDENTIALS"}
        reasons = [await reason(number, "made up") for number in range(6)]
        assert reasons == ["WRONG_CREDENTIALS"] * 5 + ["TOO_MANY_ATTEMPTS"]
