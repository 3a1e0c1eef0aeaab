"""Roles and refresh tokens, as values."""

import pytest

from auth.domain import Account, InvalidRefreshTokenError, RefreshToken, Role, role_name
from infra.clock import utc_now


def _account(*roles: str) -> Account:
    now = utc_now()
    return Account("u1", "anna", frozenset(roles), "hash", now, now)


def test_revoking_kitchen_takes_every_kitchen() -> None:
    account = _account("customer", "kitchen", "kitchen:main", "kitchen:bar")
    assert account.without_role(Role.KITCHEN) == {"customer"}


def test_only_the_role_kitchen_can_be_one_kitchens() -> None:
    assert role_name(Role.KITCHEN, "main") == "kitchen:main"
    with pytest.raises(ValueError, match="not one kitchen's"):
        role_name(Role.ADMIN, "main")


def test_kitchen_that_would_split_the_list_of_roles_is_refused() -> None:
    with pytest.raises(ValueError, match="letters"):
        role_name(Role.KITCHEN, "main admin")


def test_password_hash_is_in_no_log_of_an_account() -> None:
    assert "hash'" not in repr(_account())


def test_refresh_token_reads_back_what_it_wrote() -> None:
    token = RefreshToken.new()
    assert RefreshToken.parse(str(token)) == token


def test_successor_is_of_the_same_family_and_another_secret() -> None:
    first = RefreshToken.new()
    successor = RefreshToken.new(first.family)
    assert successor.family == first.family
    assert successor.digest != first.digest


def test_secret_is_not_shown() -> None:
    token = RefreshToken.new()
    assert token.secret not in repr(token)
    assert token.secret not in token.digest


@pytest.mark.parametrize("text", ["", ".", "family", "family.", ".secret", "f.é", "f." + "s" * 200])
def test_text_that_is_no_refresh_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidRefreshTokenError):
        RefreshToken.parse(text)
