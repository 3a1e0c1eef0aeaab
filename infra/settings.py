"""The settings every service has; each service adds its own under its own prefix."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from infra.tls import Tls


def split_list(value: object) -> object:
    """The parts of a setting that is written with commas between them; for a ``BeforeValidator``
    beside ``NoDecode``."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


Sampler = Literal[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
]
"""Which traces are recorded, in OpenTelemetry's words."""

OptionalPath = Annotated[Path | None, BeforeValidator(lambda written: written or None)]


class ServiceSettings(BaseSettings):
    """What any service is told by its environment. Read once, in ``__main__``, and passed down."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        # What is wrong is told by name; some of what is right beside it is secret.
        hide_input_in_errors=True,
    )

    host: str = Field("127.0.0.1", description="Address every server of this process binds to.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least severe line that is logged."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="`console` for people, `json` for machines; `auto` asks the terminal."
    )
    drain_seconds: float = Field(
        2.0, gt=0, description="How long calls under way may go on after SIGTERM."
    )
    credential: SecretStr = Field(
        SecretStr(""), description="What this service shows on calls that only services may make."
    )
    peers: dict[str, str] = Field(
        default_factory=dict,
        description="Who may make such calls here: service name → SHA-256 of its credential, hex.",
    )
    otlp_endpoint: str = Field(
        "",
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="Where traces go, by OTLP over HTTP, such as `http://jaeger:4318`; there are "
        "none without it.",
    )
    traces_sampler: Sampler = Field(
        "parentbased_always_on",
        validation_alias="OTEL_TRACES_SAMPLER",
        description="Which traces are recorded, in OpenTelemetry's words.",
    )
    traces_sampler_ratio: float = Field(
        1.0,
        ge=0,
        le=1,
        validation_alias="OTEL_TRACES_SAMPLER_ARG",
        description="The share of traces the `traceidratio` samplers record.",
    )
    tls_cert: OptionalPath = Field(
        None,
        description="PEM file of this service's certificate. With it, `*_TLS_KEY` and `*_TLS_CA` "
        "gRPC is spoken by mutual TLS only.",
    )
    tls_key: OptionalPath = Field(None, description="PEM file of its private key.")
    tls_ca: OptionalPath = Field(
        None, description="PEM file of the authority that signs every service's certificate."
    )

    @model_validator(mode="after")
    def _has_all_of_tls_or_nothing(self) -> Self:
        missing = [
            f"{self.model_config.get('env_prefix', '')}{name}".upper()
            for name in ("tls_cert", "tls_key", "tls_ca")
            if getattr(self, name) is None
        ]
        if 0 < len(missing) < 3:
            raise ValueError(
                f"TLS takes a certificate, its key and an authority: set {' and '.join(missing)}"
            )
        return self

    def read_tls(self) -> Tls | None:
        """What this service speaks TLS with, None where that is not configured.

        Raises:
            UnfitCertificateError: the files are not what they should be.
        """
        if self.tls_cert is None or self.tls_key is None or self.tls_ca is None:
            return None
        return Tls.read(self.tls_cert, self.tls_key, self.tls_ca)


S = TypeVar("S", bound=ServiceSettings)


def read_settings(kind: type[S]) -> S:
    """The settings in the environment. Exits where some can't be read: says which and why, a line
    each, with the status that tells of this (``EX_CONFIG`` of sysexits.h): to be started again
    would not help."""
    try:
        return kind()
    except ValidationError as error:
        lines = list(_complaints(kind, error))
    except SettingsError as error:
        lines = [str(error)]
    # How to log is a setting, too.
    sys.stderr.writelines(f"setting {line}\n" for line in lines)
    sys.exit(os.EX_CONFIG)


def _complaints(kind: type[ServiceSettings], error: ValidationError) -> Iterator[str]:
    prefix = str(kind.model_config.get("env_prefix", ""))
    for each in error.errors(include_url=False, include_input=False):
        name, *inside = map(str, each["loc"] or [f"{prefix}*"])
        said = each["msg"].removeprefix("Value error, ")
        if each["type"].startswith("time_delta"):
            said = "is not a duration: write 15 minutes as PT15M, 30 days as P30D (ISO 8601)"
        named = f"{prefix}{name}".upper() if name in kind.model_fields else name
        yield f"{'.'.join((named, *inside))}: {said}"


class StoreSettings(ServiceSettings):
    """What a service that keeps something in Redis is told as well."""

    redis_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        description="Where Redis is, with user and password: a secret.",
    )
