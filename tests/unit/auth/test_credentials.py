"""The rules for login names and passwords."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.credentials import (
    check_login,
    check_password,
    login_key,
    prepare_password,
    require_fit,
)
from auth.domain import UnfitCredentialsError


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna", "anna"),
        ("Straße", "STRASSE"),
        ("ﬁsh", "FISH"),
        ("Zoe\u0308", "zo\u00eb"),
        ("\uff21nna", "anna"),
        ("ΌΣΟΣ", "όσος"),
        ("an\u200dna", "anna"),
        ("\u2764\ufe0f", "\u2764"),
        (" anna\u00a0maria", "Anna  Maria"),
    ],
)
def test_names_that_read_alike_are_the_same(one: str, other: str) -> None:
    assert login_key(one) == login_key(other)


def test_different_names_stay_different() -> None:
    assert login_key("anna") != login_key("hanna")


@given(st.text())
def test_key_of_a_key_is_itself(login: str) -> None:
    assert login_key(login_key(login)) == login_key(login)


@pytest.mark.parametrize(
    "login",
    ["a", "x" * 64, "Anna Maria", "анна", "李", "o'neil@example.org", "نیم\u200cبها", "\U0001fae9"],
)
def test_fit_login_is_accepted(login: str) -> None:
    assert check_login(login) == []


@pytest.mark.parametrize(
    "login",
    ["", "x" * 65, " ", "\u200d\u3164", "an\nna", "\u202eanna", "an\u2028na", "an\u2067na"],
)
def test_unfit_login_is_refused(login: str) -> None:
    assert {violation.pointer for violation in check_login(login)} == {"/login"}


@pytest.mark.parametrize(
    "password", ["correct horse battery", "x" * 7 + "y", "пёс и кот", "🥗🥗🥗🥗🥗🥗🥗🥗", "v" * 128]
)
def test_fit_password_is_accepted(password: str) -> None:
    assert check_password(password, "anna") == []


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short 7",
        "v" * 129,
        "tab\tin the middle",
        "nul\x00in the middle",
        "password",
        "PassWord1",
        "1234567890",
        "I am ANNA today",
    ],
)
def test_unfit_password_is_refused(password: str) -> None:
    assert {violation.pointer for violation in check_password(password, "anna")} == {"/password"}


def test_very_short_login_may_be_in_the_password() -> None:
    assert check_password("banana bread", "a") == []


def test_length_counts_characters_as_they_are_hashed() -> None:
    seven_that_look_like_eight = "abcdefe\u0301"
    assert unicodedata.normalize("NFC", seven_that_look_like_eight) == "abcdefé"
    assert check_password(seven_that_look_like_eight, "anna")


def test_password_is_the_same_however_the_keyboard_spelled_it() -> None:
    assert prepare_password("cafe\u0301\u00a0noir") == prepare_password("caf\u00e9 noir")


def test_compatibility_characters_stay_distinct_in_passwords() -> None:
    assert prepare_password("\u2460\ufb01") == "\u2460\ufb01"


@given(st.text())
def test_preparing_twice_changes_nothing(password: str) -> None:
    assert prepare_password(prepare_password(password)) == prepare_password(password)


def test_every_violation_is_told_at_once() -> None:
    with pytest.raises(UnfitCredentialsError) as refused:
        require_fit(*check_login(""), *check_password("x", ""))
    assert [violation.pointer for violation in refused.value.violations] == ["/login", "/password"]
