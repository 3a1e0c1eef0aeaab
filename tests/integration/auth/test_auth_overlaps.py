"""A session that begins at the very moment all sessions of its account end."""

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from auth.app import Auth, build
from auth.domain import InvalidRefreshTokenError, Role, TokenPair, WrongCredentialsError
from auth.settings import Settings
from infra.identity import InvalidTokenError
from infra.revocations import Revocations
from tests.integration.auth.test_auth_revocations import told

PASSWORD, OTHER = "chicken bowl", "falafel wrap"

End = Callable[[Auth, TokenPair], Awaitable[None]]


async def change_password(auth: Auth, earlier: TokenPair) -> None:
    await auth.service.change_password(earlier.access_token, PASSWORD, OTHER)


async def reset_password(auth: Auth, _: TokenPair) -> None:
    await auth.service.reset_password("anna", OTHER)


async def log_out_everywhere(auth: Auth, earlier: TokenPair) -> None:
    await auth.service.logout(earlier.refresh_token, everywhere=True)


async def delete_account(auth: Auth, earlier: TokenPair) -> None:
    await auth.service.delete_account(earlier.access_token)


ENDINGS = [change_password, reset_password, log_out_everywhere, delete_account]


def between(
    monkeypatch: pytest.MonkeyPatch,
    place: object,
    method: str,
    end: Callable[[], Awaitable[None]],
    *,
    call: int = 1,
) -> None:
    """Lets ``end`` happen right before that ``call`` of a ``method`` of ``place`` does its work."""
    original: Any = getattr(place, method)
    calls = itertools.count(1)

    async def first_end(*arguments: Any, **named: Any) -> Any:
        if next(calls) == call:
            await end()
        return await original(*arguments, **named)

    monkeypatch.setattr(place, method, first_end)


async def is_known_to_be_over(auth: Auth, tokens: TokenPair) -> bool:
    """Whether a service that hears of revocations alone refuses the access token."""
    elsewhere = Revocations()
    elsewhere.take(await told(auth))
    return elsewhere.cover(await auth.verifier.verify(tokens.access_token))


@pytest.mark.parametrize("end", ENDINGS)
@pytest.mark.parametrize(
    ("port", "method", "call"),
    # The first time the account is read is before the password is looked at.
    [("_sessions", "open", 1), ("_accounts", "get", 2), ("_signer", "sign", 1)],
)
async def test_login_that_all_sessions_ending_overlaps_yields_nothing_of_use(
    auth: Auth,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    end: End,
    port: str,
    method: str,
    call: int,
) -> None:
    await auth.service.register("anna", PASSWORD)
    earlier = await auth.service.login("anna", PASSWORD)
    async with build(settings) as replica:
        between(
            monkeypatch,
            getattr(auth.service, port),
            method,
            lambda: end(replica, earlier),
            call=call,
        )
        try:
            tokens = await auth.service.login("anna", PASSWORD)
        except WrongCredentialsError:
            return
        assert await is_known_to_be_over(replica, tokens)
        with pytest.raises(InvalidRefreshTokenError):
            await replica.service.refresh(tokens.refresh_token)


@pytest.mark.parametrize("end", ENDINGS)
@pytest.mark.parametrize(
    ("port", "method"), [("_sessions", "rotate"), ("_accounts", "get"), ("_signer", "sign")]
)
async def test_refresh_that_all_sessions_ending_overlaps_yields_nothing_of_use(
    auth: Auth,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    end: End,
    port: str,
    method: str,
) -> None:
    await auth.service.register("anna", PASSWORD)
    earlier, refreshed = [await auth.service.login("anna", PASSWORD) for _ in range(2)]
    async with build(settings) as replica:
        between(monkeypatch, getattr(auth.service, port), method, lambda: end(replica, earlier))
        try:
            tokens = await auth.service.refresh(refreshed.refresh_token)
        except InvalidRefreshTokenError:
            return
        assert await is_known_to_be_over(replica, tokens)
        with pytest.raises(InvalidRefreshTokenError):
            await replica.service.refresh(tokens.refresh_token)


async def test_role_that_is_taken_during_a_login_is_not_in_its_token_for_long(
    auth: Auth, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await auth.service.register("anna", PASSWORD)
    await auth.service.grant_role("anna", Role.ADMIN)
    async with build(settings) as replica:

        async def revoke() -> None:
            await replica.service.revoke_role("anna", Role.ADMIN)

        between(monkeypatch, auth.service._sessions, "open", revoke)
        tokens = await auth.service.login("anna", PASSWORD)
        assert (await auth.verifier.verify(tokens.access_token)).roles == {"customer"}


async def test_session_of_the_new_password_is_good_within_the_same_millisecond(
    auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    await auth.service.register("anna", PASSWORD)
    earlier = await auth.service.login("anna", PASSWORD)
    # Time stands still from now on.
    now = auth.service._clock()
    monkeypatch.setattr(auth.service, "_clock", lambda: now)
    late = await auth.service.login("anna", PASSWORD)
    fresh = await auth.service.change_password(earlier.access_token, PASSWORD, OTHER)
    assert await is_known_to_be_over(auth, late)
    assert not await is_known_to_be_over(auth, fresh)
    with pytest.raises(InvalidTokenError):
        await auth.service.verify(late.access_token)
    assert (await auth.service.verify(fresh.access_token)).login == "anna"
