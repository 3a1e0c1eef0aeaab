"""What the gateway is told by its environment."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode, SettingsConfigDict

from gateway.origins import PublicOrigins
from infra.addresses import GrpcTarget, Origin, Port
from infra.forwarding import X_FORWARDED_FOR, ForwardedHeader, TrustedProxies
from infra.settings import Count, Duration, Seconds, ServiceSettings, split_list

Origins = Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(split_list)]


class Settings(ServiceSettings):
    """The gateway's settings, each from ``GATEWAY_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    port: Port = Field(8080, description="Where REST and event streams are served.")
    ops_port: Port = Field(9080, description="Where health and metrics are served.")
    auth_target: GrpcTarget = Field(
        "127.0.0.1:50051", description="gRPC address of the auth service."
    )
    order_target: GrpcTarget = Field(
        "127.0.0.1:50052", description="gRPC address of the order service."
    )
    kitchen_target: GrpcTarget = Field(
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
    session_lifetime: Duration = Field(
        timedelta(days=30), description="How long a browser keeps the session of a page."
    )
    deadline_seconds: Seconds = Field(
        3.0, description="How long a call to another service may take."
    )
    connect_seconds: Seconds = Field(
        1.0, description="How long a request waits for a service that is not connected."
    )
    lanes: int = Field(
        2,
        ge=0,
        le=1_000,
        description="Streams that carry the calls to the order service and the kitchen, each; "
        "0 makes every call a unary gRPC call of its own.",
    )
    heartbeat_seconds: Seconds = Field(
        15.0, description="How often each event stream of a guest says how fresh its data is."
    )
    board_heartbeat_seconds: Seconds = Field(
        4.0, description="How often those of the cooks' and the pickup screens do."
    )
    stream_queue: Count = Field(
        128, description="Events that may wait for a slow reader before it must catch up."
    )
    streams_per_user: Count = Field(20, description="Open event streams one user may have.")
    streams_limit: Count = Field(10_000, description="Open event streams of users in this process.")
    board_streams_limit: Count = Field(
        5_000,
        description="Open event streams of the public board in this process, which take no place "
        "of users' streams.",
    )
    stream_patience_seconds: Seconds = Field(
        60.0,
        description="How long a reader may take nothing of what waits for him before his event "
        "stream is closed.",
    )
