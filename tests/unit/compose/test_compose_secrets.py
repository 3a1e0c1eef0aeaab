import hashlib
import stat
from pathlib import Path

import pytest

from infra.compose.secrets_file import (
    CREDENTIALS,
    PASSWORDS,
    UnfitSecretError,
    prepare_secrets,
    read_env,
)

TEMPLATE = "# a comment\n\n" + "".join(f"user u{i} #${name}\n" for i, name in enumerate(PASSWORDS))


def prepare(folder: Path) -> dict[str, str]:
    template = folder / "users.template"
    template.write_text(TEMPLATE, encoding="utf-8")
    return prepare_secrets(folder / ".env", template, folder / "made" / "users.acl")


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    made = prepare(tmp_path)
    assert prepare(tmp_path) == made
    assert read_env(tmp_path / ".env") == made


def test_every_secret_is_another(tmp_path: Path) -> None:
    made = prepare(tmp_path)
    secrets = [made[name] for name in (*PASSWORDS, *CREDENTIALS)]
    assert len(set(secrets)) == len(secrets)
    assert all(len(secret) >= 32 for secret in secrets)


def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    prepare(tmp_path)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_lines_of_ones_own_are_kept(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("# ours\nKITCHEN_SPEED=60\nADMIN_PASSWORD='chosen by us'\n", "utf-8")
    made = prepare(tmp_path)
    assert env_file.read_text("utf-8").startswith(
        "# ours\nKITCHEN_SPEED=60\nADMIN_PASSWORD='chosen by us'\n"
    )
    assert made["ADMIN_PASSWORD"] == "chosen by us"


def test_secret_whose_line_was_deleted_is_made_anew_and_the_others_stay(tmp_path: Path) -> None:
    first = prepare(tmp_path)
    env_file = tmp_path / ".env"
    lines = env_file.read_text("utf-8").splitlines(keepends=True)
    env_file.write_text(
        "".join(line for line in lines if not line.startswith("ORDER_CREDENTIAL=")), "utf-8"
    )
    second = prepare(tmp_path)
    changed = {name for name, value in second.items() if value != first[name]}
    assert changed == {"ORDER_CREDENTIAL", "ORDER_CREDENTIAL_SHA256"}


@pytest.mark.parametrize("name", [*PASSWORDS, *CREDENTIALS])
@pytest.mark.parametrize("character", "#/?@%:$ é")
def test_secret_of_ones_own_that_an_address_can_not_hold_is_refused_by_name(
    tmp_path: Path, name: str, character: str
) -> None:
    (tmp_path / ".env").write_text(f"{name}=hush{character}hush\n", "utf-8")
    if character == "/" and name in CREDENTIALS:
        # As `openssl rand -base64 32` writes them; they stand in no address.
        assert prepare(tmp_path)[name] == "hush/hush"
        return
    with pytest.raises(UnfitSecretError, match=name) as refused:
        prepare(tmp_path)
    assert "hush" not in str(refused.value)
    assert not (tmp_path / "made").exists()


def test_users_file_names_hashes_and_no_password(tmp_path: Path) -> None:
    made = prepare(tmp_path)
    users = (tmp_path / "made" / "users.acl").read_text("utf-8")
    expected = [
        f"user u{i} #{hashlib.sha256(made[name].encode()).hexdigest()}"
        for i, name in enumerate(PASSWORDS)
    ]
    assert users.splitlines() == expected
