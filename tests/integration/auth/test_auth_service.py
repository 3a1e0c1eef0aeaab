"""Accounts and sessions over a real Redis."""

import asyncio
import json
from datetime import timedelta

import jwt
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from auth import keys
from auth.app import Auth, build
from auth.domain import (
    Account,
    AccountChangedError,
    AccountNotFoundError,
    InvalidRefreshTokenError,
    LoginTakenError,
    RefreshToken,
    Role,
    UnfitCredentialsError,
    WrongCredentialsError,
)
from auth.redis_store import RedisAccountStore, RedisSessionStore
from auth.settings import Settings
from infra.clock import utc_now

PASSWORD = "chicken bowl"


async def test_account_is_found_however_its_name_is_spelled(auth: Auth) -> None:
    account = await auth.service.register("Änna", PASSWORD)
    assert account.login == "Änna"
    assert account.roles == {"customer"}
    assert (await auth.service.login("A\u0308NNA", PASSWORD)).token_type == "Bearer"


async def test_account_is_readable_in_redis_and_holds_no_password(auth: Auth, redis: Redis) -> None:
    account = await auth.service.register("Anna", PASSWORD)
    assert await redis.get("auth:login:anna") == account.user_id
    fields = await redis.hgetall(f"auth:user:{account.user_id}")
    assert (fields["login"], fields["roles"]) == ("Anna", "customer")
    assert fields["password_hash"].startswith("$argon2id$")
    assert PASSWORD not in json.dumps(fields)


async def test_name_is_given_once_whoever_asks_at_once(auth: Auth, redis: Redis) -> None:
    names = ["anna", "Anna", "ANNA", "\uff41nna"] * 5
    results = await asyncio.gather(
        *(auth.service.register(name, PASSWORD) for name in names), return_exceptions=True
    )
    accounts = [result for result in results if isinstance(result, Account)]
    refused = [result for result in results if isinstance(result, LoginTakenError)]
    assert (len(accounts), len(refused)) == (1, 19)
    assert await redis.get(keys.login("anna")) == accounts[0].user_id
    assert await redis.keys("auth:user:*") == [keys.user(accounts[0].user_id)]


async def test_account_that_is_added_again_is_the_same(auth: Auth, redis: Redis) -> None:
    account = await auth.service.register("anna", PASSWORD)
    store = RedisAccountStore(redis)
    await store.add(account)
    assert await store.find("anna") == account


async def test_unfit_registration_leaves_nothing(auth: Auth, redis: Redis) -> None:
    with pytest.raises(UnfitCredentialsError) as refused:
        await auth.service.register("an\u202ena", "password")
    assert {violation.pointer for violation in refused.value.violations} == {"/login", "/password"}
    assert await redis.keys("auth:user:*") == []


async def test_wrong_password_and_unknown_name_read_the_same(auth: Auth) -> None:
    await auth.service.register("anna", PASSWORD)
    with pytest.raises(WrongCredentialsError) as wrong:
        await auth.service.login("anna", "beef bowl")
    with pytest.raises(WrongCredentialsError) as unknown:
        await auth.service.login("nobody", "beef bowl")
    assert str(wrong.value) == str(unknown.value)
    assert wrong.value.facts == unknown.value.facts


async def test_failed_login_is_logged_without_the_password(auth: Auth) -> None:
    with capture_logs() as logs, pytest.raises(WrongCredentialsError):
        await auth.service.login("anna" * 100, "my secret")
    assert [line["event"] for line in logs] == ["login_failed"]
    assert logs[0]["login"] == "anna" * 16
    assert "my secret" not in str(logs)


async def test_login_yields_tokens_that_verify(auth: Auth) -> None:
    account = await auth.service.register("Anna", PASSWORD)
    tokens = await auth.service.login("anna", PASSWORD)
    caller = await auth.service.verify(tokens.access_token)
    assert (caller.user_id, caller.login) == (account.user_id, "Anna")
    assert tokens.expires_in == 900
    claims = jwt.decode(tokens.access_token, options={"verify_signature": False})
    assert claims["sid"] == RefreshToken.parse(tokens.refresh_token).family
    assert tokens.refresh_token not in repr(tokens)


async def test_hash_is_renewed_at_login_when_parameters_change(
    auth: Auth, settings: Settings, redis: Redis
) -> None:
    account = await auth.service.register("anna", PASSWORD)
    before = await auth.service.login("anna", PASSWORD)
    async with build(settings.model_copy(update={"argon2_memory_kib": 128})) as stronger:
        await stronger.service.login("anna", PASSWORD)
        stored = await redis.hget(keys.user(account.user_id), "password_hash")
        assert "m=128," in str(stored)
        assert await stronger.service.login("anna", PASSWORD)
    # The password is the same, so its sessions go on.
    assert await auth.service.refresh(before.refresh_token)


async def _session(auth: Auth) -> str:
    await auth.service.register("anna", PASSWORD)
    return (await auth.service.login("anna", PASSWORD)).refresh_token


async def test_refresh_token_is_kept_only_as_a_digest_and_expires(auth: Auth, redis: Redis) -> None:
    token = RefreshToken.parse(await _session(auth))
    key = keys.refresh(token.family)
    assert token.secret not in json.dumps(await redis.hgetall(key))
    thirty_days = timedelta(days=30).total_seconds()
    assert thirty_days - 60 < await redis.ttl(key) <= thirty_days


async def test_refresh_yields_a_new_pair_of_the_same_session(auth: Auth) -> None:
    first = await _session(auth)
    tokens = await auth.service.refresh(first)
    assert tokens.refresh_token != first
    assert RefreshToken.parse(tokens.refresh_token).family == RefreshToken.parse(first).family
    assert (await auth.service.verify(tokens.access_token)).login == "anna"
    assert await auth.service.refresh(tokens.refresh_token)


async def test_refresh_within_the_grace_yields_successors_that_are_all_good(auth: Auth) -> None:
    first = await _session(auth)
    answers = await asyncio.gather(*(auth.service.refresh(first) for _ in range(5)))
    # The browser keeps whichever answer came last; any of them must be able to go on.
    for answer in answers:
        assert await auth.service.refresh(answer.refresh_token)


async def test_token_older_than_the_previous_one_ends_the_session(auth: Auth) -> None:
    first = await _session(auth)
    second = (await auth.service.refresh(first)).refresh_token
    third = (await auth.service.refresh(second)).refresh_token
    with capture_logs() as logs, pytest.raises(InvalidRefreshTokenError):
        await auth.service.refresh(first)
    assert ("refresh_reused", "warning") in [(line["event"], line["log_level"]) for line in logs]
    with pytest.raises(InvalidRefreshTokenError):
        await auth.service.refresh(third)


async def test_token_that_is_shown_again_after_the_grace_ends_the_session(
    settings: Settings, redis: Redis
) -> None:
    async with build(settings.model_copy(update={"refresh_grace": timedelta(0)})) as auth:
        first = await _session(auth)
        second = (await auth.service.refresh(first)).refresh_token
        family = keys.refresh(RefreshToken.parse(first).family)
        # As if the rotation had been a minute ago.
        await redis.hincrby(family, "rotated_at", -60_000)
        with pytest.raises(InvalidRefreshTokenError):
            await auth.service.refresh(first)
        with pytest.raises(InvalidRefreshTokenError):
            await auth.service.refresh(second)
        assert not await redis.exists(family)


async def test_sibling_that_was_not_used_is_no_way_back_in(auth: Auth, redis: Redis) -> None:
    first = await _session(auth)
    one = (await auth.service.refresh(first)).refresh_token
    other = (await auth.service.refresh(first)).refresh_token
    await auth.service.refresh(one)
    await redis.hincrby(keys.refresh(RefreshToken.parse(first).family), "rotated_at", -60_000)
    with pytest.raises(InvalidRefreshTokenError):
        await auth.service.refresh(other)


async def test_flood_within_the_grace_does_not_grow_the_session(auth: Auth, redis: Redis) -> None:
    first = await _session(auth)
    for _ in range(50):
        latest = (await auth.service.refresh(first)).refresh_token
    current = await redis.hget(keys.refresh(RefreshToken.parse(first).family), "current")
    assert len(str(current)) <= 8 * 65
    assert await auth.service.refresh(latest)


async def test_rotation_that_is_asked_for_again_answers_the_same(auth: Auth, redis: Redis) -> None:
    sessions = RedisSessionStore(redis, lifetime=timedelta(days=30), grace=timedelta(0))
    shown = RefreshToken.parse(await _session(auth))
    successor = RefreshToken.new(shown.family)
    first = await sessions.rotate(shown, successor)
    assert await sessions.rotate(shown, successor) == first
    assert await auth.service.refresh(str(successor))


async def test_logout_ends_the_session_and_may_be_repeated(auth: Auth) -> None:
    token = await _session(auth)
    await auth.service.logout(token)
    await auth.service.logout(token)
    with pytest.raises(InvalidRefreshTokenError):
        await auth.service.refresh(token)


async def test_logout_of_one_session_leaves_the_others(auth: Auth) -> None:
    phone = await _session(auth)
    laptop = (await auth.service.login("anna", PASSWORD)).refresh_token
    await auth.service.logout(phone)
    assert await auth.service.refresh(laptop)


async def test_changed_password_ends_every_session_but_the_new_one(auth: Auth) -> None:
    await auth.service.register("anna", PASSWORD)
    before = await auth.service.login("anna", PASSWORD)
    fresh = await auth.service.change_password(before.access_token, PASSWORD, "falafel wrap")
    with pytest.raises(InvalidRefreshTokenError):
        await auth.service.refresh(before.refresh_token)
    assert await auth.service.refresh(fresh.refresh_token)
    with pytest.raises(WrongCredentialsError):
        await auth.service.login("anna", PASSWORD)
    assert await auth.service.login("anna", "falafel wrap")


async def test_password_changes_only_by_who_knows_it(auth: Auth) -> None:
    await auth.service.register("anna", PASSWORD)
    token = (await auth.service.login("anna", PASSWORD)).access_token
    with pytest.raises(WrongCredentialsError):
        await auth.service.change_password(token, "a guess it is", "falafel wrap")
    with pytest.raises(UnfitCredentialsError) as refused:
        await auth.service.change_password(token, PASSWORD, "short")
    assert refused.value.violations[0].pointer == "/new_password"
    assert await auth.service.login("anna", PASSWORD)


async def test_granted_role_stands_in_the_next_token(auth: Auth) -> None:
    token = await _session(auth)
    account = await auth.service.grant_role("ANNA", Role.KITCHEN, "main")
    assert account.roles == {"customer", "kitchen:main"}
    caller = await auth.service.verify((await auth.service.refresh(token)).access_token)
    assert caller.roles == {"customer", "kitchen:main"}
    revoked = await auth.service.revoke_role("anna", Role.KITCHEN)
    assert revoked.roles == {"customer"}


async def test_role_of_nobody_is_refused(auth: Auth) -> None:
    with pytest.raises(AccountNotFoundError):
        await auth.service.grant_role("nobody", Role.ADMIN)


async def test_of_two_writers_of_an_account_the_later_is_told(auth: Auth, redis: Redis) -> None:
    read_by_both = await auth.service.register("anna", PASSWORD)
    store = RedisAccountStore(redis)
    await store.replace_roles(read_by_both, frozenset({"customer", "admin"}))
    # Asked for again after a lost reply: done already.
    await store.replace_roles(read_by_both, frozenset({"customer", "admin"}))
    with pytest.raises(AccountChangedError):
        await store.replace_roles(read_by_both, frozenset({"customer", "kitchen"}))
    await store.replace_password(read_by_both, "another hash", utc_now())
    with pytest.raises(AccountChangedError):
        await store.replace_password(read_by_both, "a third hash", utc_now())


async def test_replicas_share_keys_and_sessions(auth: Auth, settings: Settings) -> None:
    async with build(settings) as other:
        await asyncio.gather(auth.key_ring.load(), other.key_ring.load())
        token = await _session(auth)
        tokens = await other.service.refresh(token)
        assert (await auth.service.verify(tokens.access_token)).login == "anna"


async def test_signing_key_outlives_the_process_and_expires(
    auth: Auth, settings: Settings, redis: Redis
) -> None:
    key = await auth.key_ring.newest()
    async with build(settings) as restarted:
        assert (await restarted.key_ring.newest()).kid == key.kid
    assert await redis.ttl(keys.signing_key(key.kid)) > timedelta(days=90).total_seconds()


async def test_expired_key_leaves_the_index(auth: Auth, redis: Redis) -> None:
    gone = await auth.key_ring.newest()
    await redis.delete(keys.signing_key(gone.kid))
    published = json.loads(await auth.service.public_keys())["keys"]
    assert gone.kid not in {key["kid"] for key in published}
    assert len(published) == 1
    assert await redis.zrange(keys.SIGNING_KEYS, 0, -1) == [published[0]["kid"]]


async def test_name_with_a_joiner_in_it_is_the_name_without(auth: Auth) -> None:
    account = await auth.service.register("anna", PASSWORD)
    with pytest.raises(LoginTakenError):
        await auth.service.register("an\u200dna", PASSWORD)
    tokens = await auth.service.login("an\u200dna", PASSWORD)
    assert (
        jwt.decode(tokens.access_token, options={"verify_signature": False})["sub"]
        == account.user_id
    )


async def test_account_of_the_last_release_keeps_its_name(auth: Auth, redis: Redis) -> None:
    """The last release kept ❤ with a variation selector under another key."""
    store = RedisAccountStore(redis)
    account = await auth.service.register("\u2764", PASSWORD)
    await redis.set(keys.login("\u2764\ufe0f"), account.user_id)
    await redis.delete(keys.login("\u2764"))
    await redis.hset(keys.user(account.user_id), "login", "\u2764\ufe0f")
    assert (await auth.service.login("\u2764\ufe0f", PASSWORD)).token_type == "Bearer"
    with pytest.raises(LoginTakenError):
        await auth.service.register("\u2764\ufe0f", PASSWORD)
    kept = await store.find("\u2764\ufe0f")
    assert kept is not None
    await store.remove(kept)
    assert await store.find("\u2764\ufe0f") is None
