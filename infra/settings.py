"""The settings every service has; each service adds its own under its own prefix."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, NoReturn, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.addresses import BindHost, Credential, OtlpEndpoint, RedisUrl
from infra.callers import SERVICE_NAMES
from infra.tls import Tls

LONGEST_DAYS = 36_525
"""A hundred years: dates and timers can still be reckoned with it."""


def split_list(value: object) -> object:
    """The parts of a setting that is written with commas between them; for a ``BeforeValidator``
    beside ``NoDecode``."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


def read_json(value: object) -> object:
    """What a setting that is written as JSON says; for a ``BeforeValidator``."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        # The error has the whole text with it.
        raise ValueError("is not JSON") from None


def _check_file(path: Path | None) -> Path | None:
    try:
        is_there = path is None or path.is_file()
    except OSError:
        is_there = False
    if not is_there:
        raise ValueError("names no file that can be read here")
    return path


def _check_peers(peers: dict[str, str]) -> dict[str, str]:
    if not SERVICE_NAMES.issuperset(peers):
        raise ValueError(f"may only name {', '.join(sorted(SERVICE_NAMES))}")
    return peers


Seconds = Annotated[float, Field(gt=0, le=LONGEST_DAYS * 86_400)]
Duration = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=LONGEST_DAYS))]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
"""How many of something there may be, well within what Redis and Lua count exactly."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$", to_lower=True)]
Peers = Annotated[dict[str, Sha256], BeforeValidator(read_json), AfterValidator(_check_peers)]

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
OptionalFile = Annotated[OptionalPath, AfterValidator(_check_file)]


class ServiceSettings(BaseSettings):
    """What any service is told by its environment. Read once, in ``__main__``, and passed down."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        # What is wrong is told by name; some of what is right beside it is secret.
        hide_input_in_errors=True,
        # By validators, as ``read_json``: pydantic-settings would not tell the variable's name.
        enable_decoding=False,
    )

    host: BindHost = Field(
        "127.0.0.1", description="Address every server of this process binds to."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least severe line that is logged."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="`console` for people, `json` for machines; `auto` asks the terminal."
    )
    drain_seconds: Seconds = Field(
        2.0, description="How long calls under way may go on after SIGTERM."
    )
    credential: Credential = Field(
        SecretStr(""), description="What this service shows on calls that only services may make."
    )
    peers: Peers = Field(
        default_factory=dict,
        description="Who may make such calls here: service name → SHA-256 of its credential, hex.",
    )
    otlp_endpoint: OtlpEndpoint = Field(
        "",
        # It may hold a password.
        repr=False,
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
    tls_cert: OptionalFile = Field(
        None,
        description="PEM file of this service's certificate. With it, `*_TLS_KEY` and `*_TLS_CA` "
        "gRPC is spoken by mutual TLS only.",
    )
    tls_key: OptionalFile = Field(None, description="PEM file of its private key.")
    tls_ca: OptionalFile = Field(
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
    each that shows nothing of the value, with the status that tells of this (``EX_CONFIG`` of
    sysexits.h): to be started again would not help."""
    try:
        return kind()
    except ValidationError as error:
        complaints = _complaints(kind, error)
    return refuse(complaints)


def refuse(complaints: Iterable[tuple[str, str]]) -> NoReturn:
    """Ends a process that can't run with its settings. Each complaint is a setting's name and what
    is wrong with it, without its value."""
    # How to log is a setting, too.
    sys.stderr.writelines(f"setting {where}: {what}\n" for where, what in complaints)
    sys.exit(os.EX_CONFIG)


def _complaints(kind: type[ServiceSettings], error: ValidationError) -> list[tuple[str, str]]:
    """For each setting at fault the place in it and what is wrong there, the first of each."""
    prefix = str(kind.model_config.get("env_prefix", ""))
    declared = _declared_names(kind)
    complaints: dict[str, tuple[str, str]] = {}
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        name, *inside = each["loc"] or (f"{prefix}*",)
        named = f"{prefix}{name}".upper() if name in kind.model_fields else str(name)
        # Another name in there was written by the one who set it.
        places = (str(part) for part in inside if isinstance(part, int) or part in declared)
        said = each["msg"].removeprefix("Value error, ")
        for kind_of_error, advice in _ADVICE.items():
            if each["type"].startswith(kind_of_error):
                said = advice
        complaints.setdefault(named, (".".join((named, *places)), said))
    return list(complaints.values())


_ADVICE: Mapping[str, str] = {
    "time_delta": "is not a duration: write 15 minutes as PT15M, 30 days as P30D (ISO 8601)",
    "ip_v": "is not an address, or a network such as 10.0.0.0/8",
}
"""What is said instead of pydantic's words, by how its type of error begins."""


def _declared_names(kind: type[ServiceSettings]) -> frozenset[str]:
    """The members of what settings of ``kind`` write as JSON."""
    schema = kind.model_json_schema()
    return SERVICE_NAMES.union(
        *(part.get("properties", ()) for part in schema.get("$defs", {}).values())
    )


class StoreSettings(ServiceSettings):
    """What a service that keeps something in Redis is told as well."""

    redis_url: RedisUrl = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        description="Where Redis is, with user and password, percent-encoded: a secret.",
    )
