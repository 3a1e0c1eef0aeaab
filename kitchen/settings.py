"""What the kitchen service is told by its environment."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic_settings import SettingsConfigDict

from infra.addresses import GrpcTarget, Port
from infra.settings import Count, Seconds, StoreSettings, read_json
from kitchen.domain import Mode
from shared_proto.kitchens import DEFAULT_KITCHEN, KITCHEN_NAME, STATION_NAME


class KitchenEntry(BaseModel):
    """One kitchen of the restaurant, as `KITCHENS` lists it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=f"^{KITCHEN_NAME}$", description="Its name.")
    capacity: Count | None = Field(
        None, description="Tickets cooked at once; unset: `KITCHEN_CAPACITY`."
    )
    mode: Mode = Field(Mode.AUTO, description="What the passage of time may move.")
    timezone: str = Field("", description="Ignored, and refused from the next release on.")
    stations: frozenset[Annotated[str, Field(pattern=f"^{STATION_NAME}$")]] = Field(
        frozenset(), description="Stations it has; empty: any station is accepted."
    )


class Settings(StoreSettings):
    """The kitchen service's settings, prefix ``KITCHEN_``; ``KITCHENS`` is shared by services."""

    model_config = SettingsConfigDict(env_prefix="KITCHEN_", populate_by_name=True)

    grpc_port: Port = Field(50053, description="Port of the gRPC server.")
    ops_port: Port = Field(9083, description="Port of health and metrics.")
    auth_target: GrpcTarget = Field(
        "127.0.0.1:50051", description="gRPC address of the auth service."
    )
    order_target: GrpcTarget = Field(
        "127.0.0.1:50052", description="gRPC address of the order service."
    )
    tick_seconds: Seconds = Field(10, description="How often the ten-second job runs.")
    capacity: Count = Field(
        8, description="Tickets cooked at once in a kitchen that sets no capacity."
    )
    speed: float = Field(
        1.0,
        ge=0.001,
        le=1_000_000,
        description="Divides prep times and `PICKUP_AFTER_SECONDS`, for replays.",
    )
    pickup_after_seconds: Seconds = Field(
        600, description="How long a ready ticket waits until the job takes it as picked up."
    )
    kitchens: Annotated[
        tuple[KitchenEntry, ...],
        BeforeValidator(read_json),
        Field(
            min_length=1,
            validation_alias="KITCHENS",
            description="The kitchens, as JSON; for order and kitchen alike.",
        ),
    ] = (KitchenEntry(name=DEFAULT_KITCHEN),)

    @field_validator("kitchens")
    @classmethod
    def _names_are_unique(cls, kitchens: tuple[KitchenEntry, ...]) -> tuple[KitchenEntry, ...]:
        names = [entry.name for entry in kitchens]
        if len(set(names)) < len(names):
            raise ValueError("two kitchens have the same name")
        return kitchens
