"""What auth is told by its environment."""

import os
from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from infra.addresses import Port
from infra.forwarding import X_FORWARDED_FOR, ForwardedHeader, TrustedProxies
from infra.settings import LONGEST_DAYS, Count, Duration, StoreSettings


class Settings(StoreSettings):
    """Auth's settings, each from an environment variable ``AUTH_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="AUTH_")

    port: Port = Field(8081, description="Where REST is served.")
    grpc_port: Port = Field(50051, description="Where gRPC is served.")
    ops_port: Port = Field(9081, description="Where health and metrics are served.")
    access_token_lifetime: Duration = Field(
        timedelta(minutes=15), description="How long an access token is good for."
    )
    refresh_token_lifetime: Duration = Field(
        timedelta(days=30), description="How long a session may rest before it is over."
    )
    refresh_grace: timedelta = Field(
        timedelta(seconds=10),
        ge=timedelta(0),
        le=timedelta(days=LONGEST_DAYS),
        description="How long a used refresh token may be shown again: its answer may be lost.",
    )
    signing_key_lifetime: Duration = Field(
        timedelta(days=90), description="After this time a new key signs."
    )
    login_failures_per_name: Count = Field(
        10,
        description="Failed logins for one name before more are refused; addresses the account "
        "was signed in to from have an allowance of their own.",
    )
    login_failures_per_address: Count = Field(
        100, description="Failed logins from one address (IPv6: one /64) before that."
    )
    login_failures_window: Duration = Field(
        timedelta(minutes=15), description="How long a failed login counts."
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
    # Least and most: RFC 9106, section 3.1.
    argon2_memory_kib: int = Field(
        19 * 1024,
        ge=8,
        lt=2**32,
        description="Memory of one Argon2id hash, in KiB (OWASP's least: 19 MiB).",
    )
    argon2_time_cost: int = Field(2, ge=1, lt=2**32, description="Passes over that memory.")
    argon2_parallelism: int = Field(1, ge=1, lt=2**24, description="Lanes of one hash.")
    hashing_workers: Count = Field(
        default_factory=lambda: os.cpu_count() or 1,
        description="Passwords hashed at once; each takes a core.",
        json_schema_extra={"default": "one a core"},
    )
    hashing_queue: int = Field(
        64,
        ge=0,
        le=1_000_000_000,
        description="Passwords that may wait to be hashed; more are refused at once.",
    )

    @model_validator(mode="after")
    def _has_memory_for_each_lane(self) -> Self:
        if self.argon2_memory_kib < 8 * self.argon2_parallelism:
            raise ValueError(
                "Argon2 takes 8 KiB for each lane: "
                "raise AUTH_ARGON2_MEMORY_KIB or lower AUTH_ARGON2_PARALLELISM"
            )
        return self
