"""One installation of Brigade in containers: where its secrets lie, and how Compose is asked."""

import asyncio
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from infra.compose.secrets_file import STAFF_PASSWORDS, prepare_secrets
from infra.dev.guest import open_http
from infra.dev.opening import import_sample_menu_if_none, make_staff
from infra.dev.secrets_file import STAFF
from infra.dev.settings import REPOSITORY

USERS_TEMPLATE = REPOSITORY / "infra" / "redis" / "users.acl"
HEALTHY_SECONDS = 180
OPENING_SECONDS = 60
GATEWAY_PORT = 8080
AUTH_PORT = 8081


@dataclass(frozen=True)
class Installation:
    """Containers, their data and their secrets, under one name.

    ``settings`` are environment variables that docker-compose.yml passes on, such as
    ``KITCHEN_SPEED``.
    """

    name: str = "brigade"
    env_file: Path = REPOSITORY / ".env"
    users_file: Path = REPOSITORY / "var" / "compose" / "users.acl"
    settings: Mapping[str, str] = field(default_factory=dict)

    def prepare_secrets(self) -> dict[str, str]:
        """All variables of its ``.env``, after making the secrets that are missing there."""
        return prepare_secrets(self.env_file, USERS_TEMPLATE, self.users_file)

    def command(self, *arguments: str) -> list[str]:
        """A command of ``docker compose`` for this installation."""
        return [
            *("docker", "compose", "--project-directory", str(REPOSITORY)),
            *("--project-name", self.name, "--env-file", str(self.env_file), *arguments),
        ]

    @cached_property
    def environment(self) -> dict[str, str]:
        """What ``command`` must run with."""
        return {**os.environ, "BRIGADE_USERS_FILE": str(self.users_file), **self.settings}

    def run(self, *arguments: str) -> str:
        """What a command of ``docker compose`` prints. Raises CalledProcessError if it fails."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout

    def start(self, *arguments: str) -> None:
        """Starts all; returns when all is healthy. Raises CalledProcessError if that fails."""
        waiting = ("--detach", "--wait", "--wait-timeout", str(HEALTHY_SECONDS))
        self.run("up", *waiting, *arguments)

    def url_of(self, service: str, port: int) -> str:
        """Where a published port is reached from this machine."""
        return f"http://{self.run('port', service, str(port)).strip()}"

    async def open_house(self, variables: Mapping[str, str]) -> None:
        """Makes the staff, and imports the sample menu where there is none.

        Raises:
            OpeningError: that was refused.
            TimeoutError: it took too long, because a service keeps failing.
        """
        # Asked for in a thread, as every command: it takes a second.
        gateway = await asyncio.to_thread(self.url_of, "gateway", GATEWAY_PORT)
        async with asyncio.timeout(OPENING_SECONDS), open_http(gateway) as http:
            staff = {
                login: await make_staff(
                    http,
                    login,
                    variables[STAFF_PASSWORDS[login]],
                    role,
                    self.environment,
                    python=self.command("exec", "-T", "auth", "python"),
                )
                for login, role in STAFF.items()
            }
            await import_sample_menu_if_none(staff["admin"])
