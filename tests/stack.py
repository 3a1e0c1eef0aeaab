"""The whole system for tests: a real Redis and the four real services, on ports of their own."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from infra.dev.free_ports import free_cluster_port
from infra.dev.guest import Guest, open_http
from infra.dev.layout import REDIS_PORT, Layout
from infra.dev.local_redis import LocalRedis
from infra.dev.opening import import_menu, make_staff, read_menu
from infra.dev.readiness import wait_until_ready
from infra.dev.secrets_file import STAFF, Secrets
from infra.dev.services import SERVICES
from infra.dev.settings import REPOSITORY

READY_SECONDS = 30
STOP_SECONDS = 8
REDIS = "redis"


class Stack:
    """Processes that tests may kill and start again; what they logged is kept in ``folder``.

    ``settings`` are environment variables for all services, such as ``KITCHEN_SPEED``. Redis is a
    ``cluster`` of one node where that is wanted.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, str] | None = None, *, cluster: bool = False
    ) -> None:
        self.folder = folder
        self.layout = Layout.on_free_ports()
        if cluster:
            self.layout = Layout({**self.layout.ports, REDIS_PORT: free_cluster_port()})
        self.secrets = Secrets.generate()
        self.redis = LocalRedis(self.layout.redis_port, folder / REDIS, cluster=cluster)
        self._settings = dict(settings or {})
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._staff: dict[str, Guest] = {}

    @property
    def gateway_url(self) -> str:
        return self.layout.gateway_url

    @property
    def auth_url(self) -> str:
        return self.layout.auth_url

    def start(self) -> None:
        """Starts everything and returns at once, Redis excepted: that answers by then."""
        self.redis.start()
        for service in SERVICES:
            self.start_service(service.name)

    def stop(self) -> None:
        """Ends everything in good order, Redis last; what does not end in time is killed."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.redis.stop()

    def start_service(self, name: str) -> None:
        """Starts one service that does not run."""
        with self.log_file(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", name],
                env=self.environment(name),
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """Ends one process, Redis included, as a power cut would."""
        if name == REDIS:
            self.redis.kill()
        else:
            self._processes[name].kill()
            self._processes[name].wait()

    def terminate(self, name: str) -> int:
        """Ends one service in good order and returns its exit status."""
        self._processes[name].terminate()
        return self._processes[name].wait(STOP_SECONDS)

    def restart(self, name: str) -> None:
        """Kills one process if it runs, and starts it again."""
        self.kill(name)
        if name == REDIS:
            self.redis.start()
        else:
            self.start_service(name)

    def freeze(self, name: str) -> None:
        """Stops one service in its tracks: its connections stay open and nothing answers."""
        self._processes[name].send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Lets a frozen service go on."""
        with suppress(ProcessLookupError):
            self._processes[name].send_signal(signal.SIGCONT)

    async def wait_ready(self, *names: str) -> None:
        """Returns when these services (all, when none is named) say that they are ready.

        Raises:
            NotReadyError: that took too long; it says which is not, and why.
        """
        wanted = names or tuple(service.name for service in SERVICES)
        urls = {name: self.layout.ops_url(name) for name in wanted}
        await wait_until_ready(urls, seconds=READY_SECONDS)

    async def open_house(self, http: httpx.AsyncClient, menu: Path) -> None:
        """Makes the staff and imports a menu."""
        for login, role in STAFF.items():
            self._staff[login] = await make_staff(
                http, login, self.secrets.passwords[login], role, self.environment("auth")
            )
        await import_menu(self._staff["admin"], read_menu(menu))

    def staff(self, login: str) -> Guest:
        """``admin`` or ``cook``, once the house is open."""
        return self._staff[login]

    def http(self) -> httpx.AsyncClient:
        """A client for the gateway, to be closed by the caller."""
        return open_http(self.gateway_url)

    def environment(self, name: str) -> dict[str, str]:
        """The environment one service is started with."""
        service = next(service for service in SERVICES if service.name == name)
        return self.layout.environment_of(
            service,
            self.secrets,
            {
                "PATH": os.environ["PATH"],
                f"{service.prefix}LOG_FORMAT": "json",
                **self._settings,
            },
        )

    def log_file(self, name: str) -> Path:
        """Where a service's output goes, over all its starts."""
        return self.folder / f"{name}.log"

    def log_lines(self, name: str) -> list[dict[str, Any]]:
        """What a service has logged so far; lines that are no JSON are left out."""
        lines = []
        for line in self.log_file(name).read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):
                lines.append(json.loads(line))
        return lines


async def new_guest(http: httpx.AsyncClient) -> Guest:
    """Another guest nobody has seen before."""
    guest = Guest(http, f"guest-{uuid.uuid4().hex[:12]}", uuid.uuid4().hex)
    await guest.register()
    await guest.sign_in()
    return guest
