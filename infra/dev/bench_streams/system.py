"""The whole system on free ports, as streams are measured in it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from infra.dev.bench.program import Program
from infra.dev.guest import Guest, open_http
from infra.dev.layout import Layout
from infra.dev.local_redis import LocalRedis
from infra.dev.opening import SAMPLE_MENU, import_menu, make_staff, read_menu
from infra.dev.readiness import wait_until_ready
from infra.dev.secrets_file import STAFF, Secrets
from infra.dev.services import SERVICES, Service

READY_SECONDS = 60
SETTINGS = {
    # Nothing moves by itself, and there is room for every ticket.
    "KITCHENS": json.dumps([{"name": "main", "mode": "manual", "capacity": 100_000}]),
    "ORDER_ORDERS_PER_MINUTE": "1000000",
    # What passwords cost is measured elsewhere.
    "AUTH_ARGON2_MEMORY_KIB": "64",
    "AUTH_ARGON2_TIME_COST": "1",
    "AUTH_HASHING_QUEUE": "1000",
    "AUTH_ACCESS_TOKEN_LIFETIME": "PT1H",
    "GATEWAY_STREAMS_PER_USER": "1000",
}


class System:
    """Redis and the four services, with staff and the sample menu once it is open.

    Args:
        folder: where data and logs go.
    """

    def __init__(self, folder: Path) -> None:
        self.layout = Layout.on_free_ports()
        self.staff: dict[str, Guest] = {}
        self._secrets = Secrets.generate()
        self._redis = LocalRedis(self.layout.redis_port, folder / "redis")
        self._programs = {
            service.name: Program(
                service.name,
                [sys.executable, "-m", service.name],
                self._environment(service),
                folder / f"{service.name}.log",
            )
            for service in SERVICES
        }

    @property
    def gateway_port(self) -> int:
        return self.layout.ports["GATEWAY_PORT"]

    @property
    def gateway_pid(self) -> int:
        return self._programs["gateway"].pid

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Everything runs, and is ready, while the block does. Raises NotReadyError."""
        async with AsyncExitStack() as stack:
            await asyncio.to_thread(self._redis.start)
            stack.callback(self._redis.stop)
            for program in self._programs.values():
                await program.start()
                stack.push_async_callback(program.stop)
            urls = {name: self.layout.ops_url(name) for name in self._programs}
            await wait_until_ready(urls, seconds=READY_SECONDS)
            http = await stack.enter_async_context(open_http(self.layout.gateway_url))
            auth = self._environment(SERVICES[0])
            for login, role in STAFF.items():
                password = self._secrets.passwords[login]
                self.staff[login] = await make_staff(http, login, password, role, auth)
            await import_menu(self.staff["admin"], read_menu(SAMPLE_MENU))
            yield

    def _environment(self, service: Service) -> Mapping[str, str]:
        given = {
            "PATH": os.environ.get("PATH", ""),
            f"{service.prefix}LOG_FORMAT": "json",
            f"{service.prefix}LOG_LEVEL": "WARNING",
            **SETTINGS,
        }
        return self.layout.environment_of(service, self._secrets, given)
