"""Every setting of every service, as the README's table: ``python -m infra.dev.settings_table``."""

import sys
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr, TypeAdapter
from pydantic.fields import FieldInfo

import auth.settings
import gateway.settings
import kitchen.settings
import order.settings
from infra.dev.settings import REPOSITORY, DevSettings
from infra.settings import ServiceSettings

README = REPOSITORY / "README.md"
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->\n"
SERVICES = (auth.settings, order.settings, kitchen.settings, gateway.settings)


def render() -> str:
    """The table in Markdown: what all services have first, then each one's own."""
    rows = [
        _row(str(field.validation_alias or f"*_{name.upper()}"), field)
        for name, field in ServiceSettings.model_fields.items()
    ]
    for module in SERVICES:
        prefix = module.Settings.model_config["env_prefix"]
        for name, field in module.Settings.model_fields.items():
            if name not in ServiceSettings.model_fields:
                rows.append(_row(str(field.validation_alias or f"{prefix}{name.upper()}"), field))
    rows.append("| `BRIGADE_REDIS_PORT` | 6379 | Port of `./task dev`'s Redis. |")
    for name, field in DevSettings.model_fields.items():
        rows.append(_row(f"BRIGADE_{name.upper()}", field))
    # Two services may read the same one.
    return "\n".join(["| setting | default | what |", "|---|---|---|", *dict.fromkeys(rows), ""])


def _row(name: str, field: FieldInfo) -> str:
    return f"| `{name}` | {_default(field)} | {field.description} |"


def _default(field: FieldInfo) -> str:
    if isinstance(field.json_schema_extra, dict) and "default" in field.json_schema_extra:
        return str(field.json_schema_extra["default"])
    value = field.get_default(call_default_factory=True)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, timedelta):
        return f"`{_iso(value)}`"
    if isinstance(value, Path):
        return f"`./{value.relative_to(REPOSITORY)}`"
    if isinstance(value, tuple) and value:
        return "one, `main`"
    return f"`{value}`" if value not in (None, "", {}, ()) else "–"


def _iso(value: timedelta) -> str:
    """As it is written in the environment: ISO 8601."""
    written: str = TypeAdapter(timedelta).dump_python(value, mode="json")
    return written


def with_table(readme: str) -> str:
    """The README with the table as it is now. Raises ValueError where it has no place for it."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{render()}{END}{after}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text("utf-8")), "utf-8")
    sys.stdout.write(render())
