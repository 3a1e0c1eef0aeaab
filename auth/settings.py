"""What auth is told by its environment."""

import os
from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from infra.forwarding import X_FORWARDED_FOR, ForwardedHeader, TrustedProxies
from infra.settings import StoreSettings


class Settings(StoreSettings):
    """Auth's settings, each from an environment variable ``AUTH_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="AUTH_")

    port: int = Field(8081, description="Where REST is served.")
    grpc_port: int = Field(50051, description="Where gRPC is served.")
    ops_port: int = Field(9081, description="Where health and metrics are served.")
    access_token_lifetime: timedelta = Field(
        timedelta(minutes=15), description="How long an access token is good for."
    )
    refresh_token_lifetime: timedelta = Field(
        timedelta(days=30), description="How long a session may rest before it is over."
    )
    refresh_grace: timedelta = Field(
        timedelta(seconds=10),
        description="How long a used refresh token may be shown again: its answer may be lost.",
    )
    signing_key_lifetime: timedelta = Field(
        timedelta(days=90), description="After this time a new key signs."
    )
    login_failures_per_name: int = Field(
        10,
        ge=1,
        description="Failed logins for one name before more are refused; addresses the account "
        "was signed in to from have an allowance of their own.",
    )
    login_failures_per_address: int = Field(
        100, ge=1, description="Failed logins from one address (IPv6: one /64) before that."
    )
    login_failures_window: timedelta = Field(
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
    argon2_memory_kib: int = Field(
        19 * 1024, ge=8, description="Memory of one Argon2id hash, in KiB (OWASP's least: 19 MiB)."
    )
    argon2_time_cost: int = Field(2, ge=1, description="Passes over that memory.")
    argon2_parallelism: int = Field(1, ge=1, description="Lanes of one hash.")
    hashing_workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        description="Passwords hashed at once; each takes a core.",
        json_schema_extra={"default": "one a core"},
    )
    hashing_queue: int = Field(
        64, ge=0, description="Passwords that may wait to be hashed; more are refused at once."
    )
