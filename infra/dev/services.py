"""The four services as whoever starts them sees them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """One service of ours as its environment sees it."""

    name: str
    ports: Mapping[str, int]
    """Setting → default; each setting is read with the service's prefix."""
    calls: tuple[str, ...] = ()
    """The services whose gRPC address it needs."""
    called_by: tuple[str, ...] = ()
    """The services that call it in their own name."""
    keeps_state: bool = True

    @property
    def prefix(self) -> str:
        return f"{self.name.upper()}_"


SERVICES = (
    Service(
        "auth",
        {"PORT": 8081, "GRPC_PORT": 50051, "OPS_PORT": 9081},
        called_by=("gateway", "kitchen", "order"),
    ),
    Service(
        "order",
        {"GRPC_PORT": 50052, "OPS_PORT": 9082},
        calls=("auth", "kitchen"),
        called_by=("gateway", "kitchen"),
    ),
    Service(
        "kitchen",
        {"GRPC_PORT": 50053, "OPS_PORT": 9083},
        calls=("auth", "order"),
        called_by=("gateway", "order"),
    ),
    Service(
        "gateway",
        {"PORT": 8080, "OPS_PORT": 9080},
        calls=("auth", "order", "kitchen"),
        keeps_state=False,
    ),
)
