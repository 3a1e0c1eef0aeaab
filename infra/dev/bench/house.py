"""The whole system as it is measured: one Redis, the services, and a hello beside each gateway."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.dev.bench.errors import BenchError
from infra.dev.bench.program import Program
from infra.dev.free_ports import free_ports
from infra.dev.layout import Layout
from infra.dev.local_redis import LocalRedis
from infra.dev.secrets_file import Secrets
from infra.dev.services import SERVICES, Service

READY_SECONDS = 60
POLL_SECONDS = 0.005

SETTINGS = {
    # So that one generator can play all guests; the limit is still counted for each order.
    "ORDER_ORDERS_PER_MINUTE": "1000000",
    # Longer than a run.
    "AUTH_ACCESS_TOKEN_LIFETIME": "PT1H",
}
PREFIXES = (*(service.prefix for service in SERVICES), "KITCHENS")
"""What the names of the services' settings begin with."""


@dataclass(frozen=True)
class Server:
    """A program that answers HTTP, and where."""

    program: Program
    port: int


class House:
    """Redis, auth, order and kitchen once; three gateways, of which one round uses what it needs.

    ``gateway`` and ``second`` are set up alike, ``plain`` makes every call a unary gRPC call of its
    own. A gateway nobody asks costs next to nothing. Settings of the services in our own
    environment go on to them, so that variants can be measured.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.settings = SETTINGS | {
            name: value for name, value in environment.items() if name.startswith(PREFIXES)
        }
        self.redis = LocalRedis(free_ports(1)[0], folder / "redis")
        self._path = environment.get("PATH", "")
        self._layout = Layout.on_free_ports()
        self._secrets = Secrets.generate()
        auth, order, kitchen, gateway = SERVICES
        self._ops_ports: dict[str, int] = {}
        self.services = [self._program(service, self._layout) for service in (auth, order, kitchen)]
        self.gateway = self._gateway(gateway, "gateway")
        self.second = self._gateway(gateway, "gateway-2")
        self.plain = self._gateway(gateway, "gateway-plain", {"GATEWAY_LANES": "0"})
        self.hellos = [self._hello(number) for number in (1, 2)]

    @property
    def programs(self) -> list[Program]:
        """All but Redis and the hellos."""
        gateways = (self.gateway, self.second, self.plain)
        return [*self.services, *(gateway.program for gateway in gateways)]

    @property
    def auth_environment(self) -> dict[str, str]:
        """What the commands of auth need."""
        return self._environment(SERVICES[0], self._layout)

    def _gateway(
        self, service: Service, name: str, settings: Mapping[str, str] | None = None
    ) -> Server:
        port, ops_port = free_ports(2)
        layout = Layout({**self._layout.ports, "GATEWAY_PORT": port, "GATEWAY_OPS_PORT": ops_port})
        return Server(self._program(service, layout, name, settings), port)

    def _program(
        self,
        service: Service,
        layout: Layout,
        name: str = "",
        settings: Mapping[str, str] | None = None,
    ) -> Program:
        name = name or service.name
        self._ops_ports[name] = layout.port_of(service, "OPS_PORT")
        return Program(
            name,
            [sys.executable, "-m", service.name],
            {**self._environment(service, layout), **(settings or {})},
            self.folder / f"{name}.log",
        )

    def _environment(self, service: Service, layout: Layout) -> dict[str, str]:
        given = {"PATH": self._path, f"{service.prefix}LOG_FORMAT": "json", **self.settings}
        if service.keeps_state:
            given[f"{service.prefix}REDIS_URL"] = self.redis.url
        return layout.environment_of(service, self._secrets, given)

    def _hello(self, number: int) -> Server:
        [port] = free_ports(1)
        name = f"hello-{number}"
        command = [sys.executable, "-m", "infra.dev.bench.hello", str(port)]
        program = Program(name, command, {"PATH": self._path}, self.folder / f"{name}.log")
        return Server(program, port)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Everything runs, and is ready, while the block does.

        Raises:
            BenchError: something is not ready in time.
        """
        async with AsyncExitStack() as stack:
            await asyncio.to_thread(self.redis.start)
            stack.callback(self.redis.stop)
            programs = [*self.programs, *(hello.program for hello in self.hellos)]
            stack.push_async_callback(_stop_all, programs)
            for program in programs:
                await program.start()
            for program in self.programs:
                await self.wait_until_ready(program)
            for hello in self.hellos:
                await _wait_for_ok(hello.program, hello.port, "/")
            yield

    async def wait_until_ready(self, program: Program) -> None:
        """Returns when its ``/readyz`` says so. Raises BenchError when that takes too long."""
        await _wait_for_ok(program, self._ops_ports[program.name], "/readyz")

    async def restart(self, program: Program) -> float:
        """Stops and starts it; the seconds from its start until it was ready."""
        await program.stop()
        began_at = time.monotonic()
        await program.start()
        await self.wait_until_ready(program)
        return time.monotonic() - began_at

    def pids(self, *gateways: Server) -> dict[str, list[int]]:
        """The processes that take part in serving at ``gateways``, by the name of what they are."""
        return {
            "gateway": [gateway.program.pid for gateway in gateways],
            **{program.name: [program.pid] for program in self.services},
            "redis": [self.redis.pid],
        }


async def _stop_all(programs: list[Program]) -> None:
    await asyncio.gather(*(program.stop() for program in programs))


async def _wait_for_ok(program: Program, port: int, path: str) -> None:
    asking = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
    try:
        async with asyncio.timeout(READY_SECONDS):
            while not await _is_ok(port, asking):
                # Raises when it has ended meanwhile.
                os.kill(program.pid, 0)
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise BenchError(f"{program.name} is not ready after {READY_SECONDS} s") from None


async def _is_ok(port: int, asking: bytes) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(asking)
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()
