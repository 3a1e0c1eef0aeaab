import stat
from pathlib import Path

import pytest

from infra.dev.secrets_file import FILE_NAME, read_or_make_secrets, read_secrets


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    made = read_or_make_secrets(folder)
    assert read_or_make_secrets(folder) == made
    assert read_secrets(folder) == made


def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    read_or_make_secrets(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_every_service_has_a_credential_of_its_own(tmp_path: Path) -> None:
    credentials = read_or_make_secrets(tmp_path).credentials
    assert set(credentials) == {"auth", "order", "kitchen", "gateway"}
    assert len(set(credentials.values())) == 4


def test_reading_what_was_never_made_fails(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_secrets(tmp_path)
