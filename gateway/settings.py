"""What the gateway is told by its environment."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode, SettingsConfigDict

from gateway.origins import PublicOrigins
from infra.forwarding import X_FORWARDED_FOR, ForwardedHeader, TrustedProxies
from infra.settings import ServiceSettings, split_list

Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_list)]


class Settings(ServiceSettings):
    """The gateway's settings, each from ``GATEWAY_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    port: int = Field(8080, ge=0, lt=65536, description="Where REST and event streams are served.")
    ops_port: int = Field(9080, ge=0, lt=65536, description="Where health and metrics are served.")
    auth_target: str = Field("127.0.0.1:50051", description="gRPC address of the auth service.")
    order_target: str = Field("127.0.0.1:50052", description="gRPC address of the order service.")
    kitchen_target: str = Field(
        "127.0.0.1:50053", description="gRPC address of the kitchen service."
    )
    trusted_proxies: TrustedProxies = Field(
        (),
        description="Proxies, as addresses or networks with commas between, whose word on where a "
        "request comes from counts.",
    )
    forwarded_header: ForwardedHeader = Field(
        X_FORWARDED_FOR,
        description="The one header in which they say it: `X-Forwarded-For`, with "
        "`X-Forwarded-Proto`, or `Forwarded` (RFC 7239).",
    )
    public_origin: PublicOrigins = Field(
        (),
        description="Where browsers find the pages, such as `https://orders.example.com`, with "
        "commas between; without it the `Host` of each request says it.",
    )
    cors_origins: Origins = Field(
        (),
        description="Other origins, with commas between, whose scripts may call the API with a "
        "bearer token; none by default.",
    )
    session_lifetime: timedelta = Field(
        timedelta(days=30), description="How long a browser keeps the session of a page."
    )
    deadline_seconds: float = Field(
        3.0, gt=0, description="How long a call to another service may take."
    )
    connect_seconds: float = Field(
        1.0, gt=0, description="How long a request waits for a service that is not connected."
    )
    lanes: int = Field(
        2,
        ge=0,
        description="Streams that carry the calls to the order service and the kitchen, each; "
        "0 makes every call a unary gRPC call of its own.",
    )
    heartbeat_seconds: float = Field(
        15.0, gt=0, description="How often each event stream says how fresh its data is."
    )
    board_heartbeat_seconds: float = Field(
        4.0, gt=0, description="How often those of the cooks' and the pickup screens do."
    )
    stream_queue: int = Field(
        128, gt=0, description="Events that may wait for a slow reader before it must catch up."
    )
    streams_per_user: int = Field(20, gt=0, description="Open event streams one user may have.")
    streams_limit: int = Field(
        10_000, gt=0, description="Open event streams of users in this process."
    )
    board_streams_limit: int = Field(
        5_000,
        gt=0,
        description="Open event streams of the public board in this process, which take no place "
        "of users' streams.",
    )
    stream_patience_seconds: float = Field(
        60.0,
        gt=0,
        description="How long a reader may take nothing of what waits for him before his event "
        "stream is closed.",
    )
