"""The rules for login names and passwords."""

import unicodedata
from functools import cache
from importlib.resources import files

from auth.domain import UnfitCredentialsError
from infra.errors import Violation
from infra.text import (
    control_character,
    fold_spaces,
    is_visible,
    refused_character,
    without_ignorable,
)

LOGIN_LENGTH = range(1, 65)
PASSWORD_LENGTH = range(8, 129)
# A name of one or two letters is in half of all good passwords.
SHORTEST_TELLING_LOGIN = 3


def login_key(login: str) -> str:
    """Return what names are compared by: names with the same key are the same.

    The identifier caseless match of the Unicode Standard (chapter 3, D147): default-ignorable
    characters count for nothing, so a joiner within "anna" makes no other name. Runs of spaces
    count as one.
    """
    return fold_spaces(former_login_key(without_ignorable(login)))


def former_login_key(login: str) -> str:
    """Return the ``login_key`` of the last release, under which an account may still be kept.

    The compatibility caseless match of the Unicode Standard (chapter 3, D146).
    """
    folded = unicodedata.normalize("NFD", login).casefold()
    folded = unicodedata.normalize("NFKC", folded).casefold()
    return unicodedata.normalize("NFKC", folded)


def prepare_password(password: str) -> str:
    """The password as it is hashed: the same however the keyboard spelled it.

    RFC 8265's OpaqueString (section 4.2): every space becomes the ASCII one, then NFC. NIST
    SP 800-63B asks for a normalisation as well; OpaqueString's leaves compatibility characters
    alone, so what the user distinguishes stays distinct.
    """
    spaced = "".join(" " if unicodedata.category(char) == "Zs" else char for char in password)
    return unicodedata.normalize("NFC", spaced)


def check_login(login: str) -> list[Violation]:
    """What is wrong with a new login name."""
    found = []
    if len(login) not in LOGIN_LENGTH:
        found.append("use 1 to 64 characters")
    elif not is_visible(login):
        found.append("use a visible character")
    if char := refused_character(login):
        found.append(f"leave out the character {char}")
    return [Violation("/login", message) for message in found]


def check_password(password: str, login: str, *, pointer: str = "/password") -> list[Violation]:
    """What is wrong with a new password of ``login``; ``pointer`` is where it stands."""
    prepared = prepare_password(password)
    folded = prepared.casefold()
    name = login.casefold()
    found = []
    if len(prepared) not in PASSWORD_LENGTH:
        found.append("use 8 to 128 characters")
    if control_character(prepared):
        found.append("use no control characters")
    if len(name) >= SHORTEST_TELLING_LOGIN and name in folded:
        found.append("leave the login name out of the password")
    if folded in _common_passwords():
        found.append("this password is one of the first that are tried")
    return [Violation(pointer, message) for message in found]


def require_fit(*violations: Violation) -> None:
    """Raises UnfitCredentialsError where there are violations."""
    if violations:
        raise UnfitCredentialsError(*violations)


@cache
def _common_passwords() -> frozenset[str]:
    text = files("auth").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(text.split())
