"""The secrets of a Compose installation, made once and kept in .env, and Redis's users."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from string import Template

from infra.dev.private_file import write_private

PASSWORDS = tuple(f"REDIS_{user}_PASSWORD" for user in ("ADMIN", "AUTH", "ORDER", "KITCHEN"))
CREDENTIALS = tuple(f"{service}_CREDENTIAL" for service in ("ORDER", "KITCHEN", "GATEWAY"))
STAFF_PASSWORDS = {"admin": "ADMIN_PASSWORD", "cook": "COOK_PASSWORD"}
"""Login → the variable with its password."""
USERS_SHA256 = "REDIS_USERS_SHA256"
HEADING = (
    "# Made by `task up`. Lines of your own are kept; a secret that is missing is made anew.\n"
)


# Plain in a user's part of an address (RFC 3986, section 3.2.1) and in .env files.
_FIT_PASSWORD = re.compile(r"[A-Za-z0-9._~+=-]+")
# No address holds these.
_FIT_CREDENTIAL = re.compile(r"[A-Za-z0-9._~+=/-]+")


class UnfitSecretError(Exception):
    """A secret of the owner's own can't stand where it is needed. For people; it names no value."""


def prepare_secrets(env_file: Path, template: Path, users_file: Path) -> dict[str, str]:
    """All variables of ``env_file``, after making what is missing there, and Redis's users.

    Args:
        env_file: kept so that only its owner can read it.
        template: Redis's users, with ``$VARIABLE`` where the SHA-256 of a password belongs.
        users_file: where Redis reads them; it holds no password, and Redis runs as another user.

    Raises:
        UnfitSecretError: one that is there already can't stand in an address or in ``env_file``.
    """
    variables = read_env(env_file)
    for name in (*PASSWORDS, *CREDENTIALS):
        fit = _FIT_PASSWORD if name in PASSWORDS else _FIT_CREDENTIAL
        if (own := variables.get(name)) and not fit.fullmatch(own):
            raise UnfitSecretError(
                f"{name} in {env_file.name}: use letters, digits and . _ ~ + = - only"
            )
    made = {
        name: secrets.token_urlsafe(32)
        for name in (*PASSWORDS, *CREDENTIALS)
        if not variables.get(name)
    } | {
        # As in infra.dev.secrets_file.
        name: secrets.token_hex(8)
        for name in STAFF_PASSWORDS.values()
        if not variables.get(name)
    }
    variables |= made
    users = render_users(template.read_text(encoding="utf-8"), variables)
    derived = {f"{name}_SHA256": _sha256(variables[name]) for name in CREDENTIALS}
    derived[USERS_SHA256] = _sha256(users)
    _write_private(env_file, made | derived)
    users_file.parent.mkdir(parents=True, exist_ok=True)
    # In place: a container that runs has this very file mounted.
    users_file.write_text(users, encoding="utf-8")
    users_file.chmod(0o644)
    return variables | derived


def read_env(env_file: Path) -> dict[str, str]:
    """The variables in ``env_file``, quotes taken off; none where there is no such file."""
    if not env_file.exists():
        return {}
    lines = env_file.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}


def render_users(template: str, variables: Mapping[str, str]) -> str:
    """Redis's ACL file: ``template`` with hashes of the passwords, without comments."""
    hashes = {name: _sha256(variables[name]) for name in PASSWORDS}
    lines = Template(template).substitute(hashes).splitlines()
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("#"))


def _write_private(env_file: Path, changes: Mapping[str, str]) -> None:
    kept = env_file.read_text(encoding="utf-8").splitlines() if env_file.exists() else [HEADING]
    lines = [line.rstrip("\n") for line in kept if line.partition("=")[0].strip() not in changes]
    lines += [f"{name}={value}" for name, value in changes.items()]
    write_private(env_file, ("\n".join(lines) + "\n").encode())


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
