"""Who listens where when everything runs on one machine, and what each service is told about it."""

import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from infra.dev.free_ports import free_ports
from infra.dev.secrets_file import Secrets
from infra.dev.services import SERVICES, Service
from infra.settings import refuse


class LayoutError(Exception):
    """The environment asks for what can't be: a port that is in use. For people."""


REDIS_PORT = "BRIGADE_REDIS_PORT"
DEFAULT_REDIS_PORT = 6379


@dataclass(frozen=True)
class Layout:
    """A port for every server, by the name of the setting that changes it."""

    ports: Mapping[str, int]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Layout":
        """The default ports, except where ``environment`` sets another port. Exits where that is
        none, as ``read_settings`` does."""
        ports = {}
        for setting, default in _port_settings():
            text = environment.get(setting, str(default))
            if not text.isdecimal() or not 0 < int(text) < 65536:
                refuse([(setting, "must be a number from 1 to 65535")])
            ports[setting] = int(text)
        return cls(ports)

    @classmethod
    def on_free_ports(cls) -> "Layout":
        """Ports that nobody listens on now."""
        settings = [setting for setting, _ in _port_settings()]
        return cls(dict(zip(settings, free_ports(len(settings)), strict=True)))

    @property
    def redis_port(self) -> int:
        return self.ports[REDIS_PORT]

    @property
    def redis_url(self) -> str:
        return f"redis://127.0.0.1:{self.redis_port}/0"

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['GATEWAY_PORT']}"

    @property
    def auth_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['AUTH_PORT']}"

    def ops_url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[f'{service.upper()}_OPS_PORT']}"

    def grpc_target(self, service: str) -> str:
        return f"127.0.0.1:{self.ports[f'{service.upper()}_GRPC_PORT']}"

    def check_ports_are_free(self) -> None:
        """Raises LayoutError that names the first port in use, and the setting that changes it."""
        users: dict[int, str] = {}
        for setting, port in self.ports.items():
            if port in users:
                raise LayoutError(f"{users[port]} and {setting} are both {port}: change one")
            users[port] = setting
            try:
                socket.create_server(("127.0.0.1", port)).close()
            except OSError as error:
                raise LayoutError(
                    f"port {port} is in use: stop what listens there, "
                    f"or set {setting} to a free port"
                ) from error

    def environment_of(
        self, service: Service, secrets: Secrets, given: Mapping[str, str]
    ) -> dict[str, str]:
        """The whole environment of ``service``; what ``given`` already settles is left alone."""
        settled = {
            **{
                f"{service.prefix}{name}": str(self.port_of(service, name))
                for name in service.ports
            },
            **{
                f"{service.prefix}{callee.upper()}_TARGET": self.grpc_target(callee)
                for callee in service.calls
            },
            f"{service.prefix}CREDENTIAL": secrets.credentials[service.name],
            f"{service.prefix}PEERS": json.dumps(
                {caller: secrets.fingerprint_of(caller) for caller in service.called_by}
            ),
        }
        if service.keeps_state:
            settled[f"{service.prefix}REDIS_URL"] = self.redis_url
        return {**settled, **given}

    def port_of(self, service: Service, setting: str) -> int:
        """The port of one server of ``service``, by its setting's name without the prefix."""
        return self.ports[f"{service.prefix}{setting}"]


def _port_settings() -> Iterator[tuple[str, int]]:
    yield REDIS_PORT, DEFAULT_REDIS_PORT
    for service in SERVICES:
        for name, default in service.ports.items():
            yield f"{service.prefix}{name}", default
