"""What the development tools are told by their environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.settings import OptionalPath

REPOSITORY = Path(__file__).parents[2]


class DevSettings(BaseSettings):
    """Settings of the tools themselves; the services' own settings pass through untouched."""

    model_config = SettingsConfigDict(env_prefix="BRIGADE_", frozen=True)

    var: Path = Field(
        REPOSITORY / "var", description="Folder of the local Redis's data and generated secrets."
    )
    certs: OptionalPath = Field(
        None,
        description="Folder of the certificates `task certs` made: `./task dev` then speaks mutual "
        "TLS between the services.",
    )
