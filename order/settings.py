"""Everything the order service can be told, by environment variables that begin with ORDER_."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import SettingsConfigDict

from infra.addresses import GrpcTarget, Port
from infra.settings import LONGEST_DAYS, Count, Seconds, StoreSettings, read_json
from shared_proto.kitchens import DEFAULT_KITCHEN, KITCHEN_NAME


class KitchenEntry(BaseModel):
    """One kitchen of ``KITCHENS``; its other members are the kitchen service's business."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(pattern=f"^{KITCHEN_NAME}$")


class Settings(StoreSettings):
    """The order service's settings."""

    model_config = SettingsConfigDict(env_prefix="ORDER_", populate_by_name=True)

    grpc_port: Port = Field(50052, description="Port of the gRPC server.")
    ops_port: Port = Field(9082, description="Port of /healthz, /readyz and /metrics.")
    auth_target: GrpcTarget = Field("127.0.0.1:50051", description="gRPC address of auth.")
    kitchen_target: GrpcTarget = Field(
        "127.0.0.1:50053", description="gRPC address of the kitchen."
    )
    retention_days: int = Field(
        30,
        ge=0,
        le=LONGEST_DAYS,
        description="How long finished orders are kept; 0 keeps them for good.",
    )
    outbox_limit: Count = Field(
        10_000,
        description="New orders get 503 while so many of a shard wait for the kitchen.",
    )
    orders_per_minute: int = Field(
        600,
        ge=0,
        le=1_000_000_000,
        description="Orders one user may place within a minute; 0 for any number.",
    )
    reconcile_seconds: Seconds = Field(
        30, description="Seconds between two comparisons of all orders and tickets."
    )
    feed_length: int = Field(
        10_000,
        ge=100,
        le=1_000_000_000,
        description="Roughly how many events the feed of a shard keeps.",
    )
    user_events_length: int = Field(
        1_000,
        ge=100,
        le=1_000_000_000,
        description="Roughly how many events a user's own stream keeps.",
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
