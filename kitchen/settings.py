"""What the kitchen service is told by its environment."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import SettingsConfigDict

from infra.settings import StoreSettings
from kitchen.domain import Mode
from shared_proto.kitchens import DEFAULT_KITCHEN, KITCHEN_NAME


class KitchenEntry(BaseModel):
    """One kitchen of the restaurant, as `KITCHENS` lists it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=f"^{KITCHEN_NAME}$", description="Its name.")
    capacity: int | None = Field(
        None, ge=1, description="Tickets cooked at once; unset: `KITCHEN_CAPACITY`."
    )
    mode: Mode = Field(Mode.AUTO, description="What the passage of time may move.")
    timezone: str = Field("", description="Ignored, and refused from the next release on.")
    stations: frozenset[str] = Field(
        frozenset(), description="Stations it has; empty: any station is accepted."
    )


class Settings(StoreSettings):
    """The kitchen service's settings, prefix ``KITCHEN_``; ``KITCHENS`` is shared by services."""

    model_config = SettingsConfigDict(env_prefix="KITCHEN_", populate_by_name=True)

    grpc_port: int = Field(50053, ge=0, le=65535, description="Port of the gRPC server.")
    ops_port: int = Field(9083, ge=0, le=65535, description="Port of health and metrics.")
    auth_target: str = Field("127.0.0.1:50051", description="gRPC address of the auth service.")
    order_target: str = Field("127.0.0.1:50052", description="gRPC address of the order service.")
    tick_seconds: float = Field(10, gt=0, description="How often the ten-second job runs.")
    capacity: int = Field(
        8, ge=1, description="Tickets cooked at once in a kitchen that sets no capacity."
    )
    speed: float = Field(
        1.0, gt=0, description="Divides prep times and `PICKUP_AFTER_SECONDS`, for replays."
    )
    pickup_after_seconds: float = Field(
        600, gt=0, description="How long a ready ticket waits until the job takes it as picked up."
    )
    kitchens: Annotated[
        tuple[KitchenEntry, ...],
        Field(
            min_length=1,
            validation_alias="KITCHENS",
            description="The kitchens, as JSON; for order and kitchen alike.",
        ),
    ] = (KitchenEntry(name=DEFAULT_KITCHEN),)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [entry.name for entry in self.kitchens]
        if len(set(names)) < len(names):
            raise ValueError("two kitchens have the same name")
        return self
