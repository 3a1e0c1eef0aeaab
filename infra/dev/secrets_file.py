"""The secrets of a development machine: made once, kept in a file only its owner can read."""

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from infra.dev.private_file import write_private
from infra.dev.services import SERVICES

FILE_NAME = "dev-secrets.json"
STAFF = {"admin": "admin", "cook": "kitchen"}
"""The demonstration accounts of staff: login → role."""


@dataclass(frozen=True)
class Secrets:
    """What each service shows to the others, and the passwords of the staff accounts."""

    credentials: dict[str, str] = field(repr=False)
    passwords: dict[str, str] = field(repr=False)

    @classmethod
    def generate(cls) -> "Secrets":
        return cls(
            credentials={service.name: secrets.token_urlsafe(32) for service in SERVICES},
            # Typed by people and given to commands, to which a leading hyphen would be an option.
            passwords={login: secrets.token_hex(8) for login in STAFF},
        )

    def fingerprint_of(self, service: str) -> str:
        """What the others are told about ``service``'s credential: its SHA-256, in hex."""
        return hashlib.sha256(self.credentials[service].encode()).hexdigest()


def read_secrets(folder: Path) -> Secrets:
    """The secrets kept in ``folder``. Raises FileNotFoundError where there are none."""
    return Secrets(**json.loads((folder / FILE_NAME).read_text(encoding="utf-8")))


def read_or_make_secrets(folder: Path) -> Secrets:
    """The secrets kept in ``folder``, made and kept there the first time."""
    try:
        return read_secrets(folder)
    except FileNotFoundError:
        made = Secrets.generate()
    folder.mkdir(parents=True, exist_ok=True)
    write_private(folder / FILE_NAME, json.dumps(asdict(made), indent=2).encode())
    return made
