"""What an owner of the restaurant does to accounts from the command line."""

import getpass
import sys
from argparse import ArgumentParser, Namespace

from redis.exceptions import RedisError

from auth.app import build
from auth.domain import Account, Role
from auth.settings import Settings
from infra.errors import RefusedError


def argument_parser() -> ArgumentParser:
    """``python -m auth`` and its commands; without one it serves."""
    parser = ArgumentParser(prog="python -m auth", description="Serves auth, or tends accounts.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    roles = [role.value for role in Role]
    grant = commands.add_parser("grant", help="give somebody a role")
    grant.add_argument("name", help="the login name")
    grant.add_argument("role", choices=roles)
    grant.add_argument("--kitchen", default="", help="only this kitchen's (role kitchen)")
    revoke = commands.add_parser("revoke", help="take a role away")
    revoke.add_argument("name", help="the login name")
    revoke.add_argument("role", choices=roles)
    reset = commands.add_parser(
        "reset", help="set another password, read from stdin; ends sessions"
    )
    reset.add_argument("name", help="the login name")
    commands.add_parser("rotate-keys", help="sign with a new key from now on")
    return parser


async def run_command(settings: Settings, asked: Namespace) -> int:
    """Does one command against the store; returns the exit status and says what it did."""
    try:
        async with build(settings) as auth:
            if asked.command == "grant":
                role = Role(asked.role)
                account = await auth.service.grant_role(asked.name, role, asked.kitchen)
                sys.stdout.write(_roles_line(account))
            elif asked.command == "revoke":
                account = await auth.service.revoke_role(asked.name, Role(asked.role))
                sys.stdout.write(_roles_line(account))
            elif asked.command == "rotate-keys":
                key = await auth.key_ring.rotate()
                sys.stdout.write(f"The key {key.kid} signs within a minute.\n")
            else:
                await auth.service.reset_password(asked.name, _read_password())
                sys.stdout.write(f"{asked.name} has another password; every session has ended.\n")
    except (RefusedError, ValueError) as error:
        sys.stderr.write(f"{asked.name}: {error}\n")
        return 1
    except RedisError as error:
        sys.stderr.write(f"Redis does not answer: {error}\n")
        return 1
    return 0


def _roles_line(account: Account) -> str:
    roles = ", ".join(sorted(account.roles)) or "none"
    return f"{account.login} has the roles: {roles}. Tokens show it from the next refresh on.\n"


def _read_password() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("New password: ")
    return sys.stdin.readline().rstrip("\r\n")
