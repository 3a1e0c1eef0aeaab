"""The settings every service has; each service adds its own under its own prefix."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def split_list(value: object) -> object:
    """The parts of a setting that is written with commas between them; for a ``BeforeValidator``
    beside ``NoDecode``."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


class ServiceSettings(BaseSettings):
    """What any service is told by its environment. Read once, in ``__main__``, and passed down."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

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


class StoreSettings(ServiceSettings):
    """What a service that keeps something in Redis is told as well."""

    redis_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        description="Where Redis is, with user and password: a secret.",
    )
