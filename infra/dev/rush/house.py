"""The house on a Friday night: Redis, replicas of each service, and wires that break."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from infra.dev.guest import Guest
from infra.dev.layout import Layout
from infra.dev.local_redis import LocalRedis
from infra.dev.opening import import_menu, make_staff
from infra.dev.readiness import wait_until_ready
from infra.dev.rush.audit import Violations
from infra.dev.rush.log_file import find_errors, find_mended
from infra.dev.rush.programs import Program, RedisProgram, ServiceProgram
from infra.dev.rush.wires import Wire
from infra.dev.secrets_file import STAFF, Secrets
from infra.dev.services import SERVICES, Service

READY_SECONDS = 60
GUESTS = "guests"

SETTINGS = {
    # A dish of a minute takes a second, and is taken as picked up a second later.
    "KITCHEN_SPEED": "60",
    "KITCHEN_PICKUP_AFTER_SECONDS": "60",
    "KITCHEN_TICK_SECONDS": "1",
    # Little room, so that tickets queue and can still be edited.
    "KITCHEN_CAPACITY": "8",
    # Often, for no process lives long here.
    "ORDER_RECONCILE_SECONDS": "2",
    "GATEWAY_HEARTBEAT_SECONDS": "2",
    # Sessions end during the rush too, and their streams with them.
    "AUTH_ACCESS_TOKEN_LIFETIME": "PT3M",
    "AUTH_ARGON2_MEMORY_KIB": "64",
    "AUTH_ARGON2_TIME_COST": "1",
}


class House:
    """All programs and all wires between them; what they log and keep is in ``folder``.

    Every caller reaches every replica of a callee over a wire of its own kind, such as
    ``kitchen→order``; guests reach the gateways over wires too.
    """

    def __init__(self, folder: Path, replicas: int) -> None:
        self.folder = folder
        self._layouts = [Layout.on_free_ports() for _ in range(replicas)]
        self._secrets = Secrets.generate()
        local_redis = LocalRedis(self._layouts[0].redis_port, folder / "redis")
        self.redis_url = local_redis.url
        self.redis = RedisProgram(local_redis)
        self._wires = {
            (caller, callee): wires for caller, callee, wires in _wires_of(self._layouts)
        }
        self.services = [
            ServiceProgram(
                service.name,
                self._environment(service, layout),
                folder / f"{service.name}-{number}.log",
            )
            for service in SERVICES
            for number, layout in enumerate(self._layouts, start=1)
        ]

    @property
    def programs(self) -> Sequence[Program]:
        """Everything that can be killed."""
        return [*self.services, self.redis]

    @property
    def wires(self) -> Sequence[Wire]:
        """Everything that can be cut."""
        return [wire for wires in self._wires.values() for wire in wires]

    @property
    def grpc_wires(self) -> Sequence[Wire]:
        """The wires between services."""
        return [
            wire
            for (caller, callee), wires in self._wires.items()
            if caller != GUESTS and callee != self.redis.name
            for wire in wires
        ]

    @property
    def gateway_urls(self) -> Sequence[str]:
        """Where guests go, each over its wire."""
        return [f"http://127.0.0.1:{wire.port}" for wire in self._wires[GUESTS, "gateway"]]

    @property
    def _ops_urls(self) -> dict[str, str]:
        """The operations port of each replica of each service."""
        return {
            f"{service.name}-{number}": layout.ops_url(service.name)
            for service in SERVICES
            for number, layout in enumerate(self._layouts, start=1)
        }

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Everything runs while the block does.

        Raises:
            NotReadyError: a service is not ready in time.
        """
        async with AsyncExitStack() as stack:
            await self.redis.start()
            stack.push_async_callback(self.redis.stop)
            for wire in self.wires:
                await stack.enter_async_context(wire)
            for service in self.services:
                running = asyncio.create_task(service.keep_running())
                stack.push_async_callback(asyncio.wait, [running])
            stack.push_async_callback(self._stop_services)
            await wait_until_ready(self._ops_urls, seconds=READY_SECONDS)
            yield

    async def _stop_services(self) -> None:
        await asyncio.gather(*(service.stop() for service in self.services))

    async def hire_staff(
        self, http: httpx.AsyncClient, menu: Mapping[str, Any]
    ) -> dict[str, Guest]:
        """The staff's accounts, signed in, by login. They make ``menu`` the house's."""
        auth = self._environment(SERVICES[0], self._layouts[0])
        staff = {
            login: await make_staff(http, login, self._secrets.passwords[login], role, auth)
            for login, role in STAFF.items()
        }
        await import_menu(staff["admin"], menu)
        return staff

    def find_faults(self) -> Violations:
        """What the programs have done or said wrong; complete when all of them have ended."""
        logs = {
            service.log_file.name: service.log_file.read_text("utf-8", "replace")
            for service in self.services
            if service.log_file.exists()
        }
        return {
            "a program that fell over": [
                f"{program.name} {how}" for program in self.programs for how in program.falls
            ],
            "mended by the reconciler": [
                f"{name}: {mended}" for name, text in logs.items() for mended in find_mended(text)
            ],
            "an error in the log": [
                f"{name}: {error}" for name, text in logs.items() for error in find_errors(text)
            ],
        }

    def _environment(self, service: Service, layout: Layout) -> dict[str, str]:
        over_wires = {
            f"{service.prefix}{callee.upper()}_TARGET": "ipv4:"
            + ",".join(f"127.0.0.1:{wire.port}" for wire in self._wires[service.name, callee])
            for callee in service.calls
        }
        if service.keeps_state:
            [wire] = self._wires[service.name, self.redis.name]
            over_wires[f"{service.prefix}REDIS_URL"] = f"redis://127.0.0.1:{wire.port}/0"
        given = {
            "PATH": os.environ.get("PATH", ""),
            f"{service.prefix}LOG_FORMAT": "json",
            **SETTINGS,
            **over_wires,
        }
        return layout.environment_of(service, self._secrets, given)


def _wires_of(layouts: Sequence[Layout]) -> list[tuple[str, str, list[Wire]]]:
    """Who calls whom, over which wires: one for each replica of the callee."""
    by_name = {service.name: service for service in SERVICES}

    def wires(caller: str, callee: str, port: str) -> tuple[str, str, list[Wire]]:
        to = [layout.port_of(by_name[callee], port) for layout in layouts]
        return caller, callee, [Wire(f"{caller}→{callee}", target) for target in to]

    redis_port = layouts[0].redis_port
    return [
        wires(GUESTS, "gateway", "PORT"),
        *(wires(s.name, callee, "GRPC_PORT") for s in SERVICES for callee in s.calls),
        *(
            (s.name, "redis", [Wire(f"{s.name}→redis", redis_port)])
            for s in SERVICES
            if s.keeps_state
        ),
    ]
