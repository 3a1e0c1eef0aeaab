"""TLS is configured as a whole or not at all, and what is wrong with it is said plainly."""

import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.settings import Settings
from infra.dev.certificates import CERTIFICATE_LIFETIME, make_certificates, tls_settings
from infra.dev.services import SERVICES
from infra.tls import EXPIRES_AT, UnfitCertificateError

GATEWAY = next(service for service in SERVICES if service.name == "gateway")


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The settings of a gateway that has a certificate."""
    make_certificates(tmp_path)
    settings = tls_settings(GATEWAY, tmp_path)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


def test_without_certificates_there_is_no_tls() -> None:
    assert Settings().read_tls() is None


@pytest.mark.usefixtures("environment")
def test_what_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("CERT", "KEY", "CA"):
        monkeypatch.setenv(f"GATEWAY_TLS_{part}", "")
    assert Settings().read_tls() is None


def test_files_are_read_and_the_key_is_not_shown(environment: dict[str, str]) -> None:
    tls = Settings().read_tls()
    assert tls is not None
    assert tls.key == Path(environment["GATEWAY_TLS_KEY"]).read_bytes()
    assert "PRIVATE KEY" in tls.key.decode()
    assert "PRIVATE KEY" not in repr(tls)


@pytest.mark.usefixtures("environment")
def test_metric_tells_when_the_certificate_expires() -> None:
    Settings().read_tls()
    year = CERTIFICATE_LIFETIME.total_seconds()
    assert year - 3600 < EXPIRES_AT._value.get() - time.time() <= year


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("part", ["CERT", "KEY", "CA"])
def test_part_that_is_missing_is_named_and_no_secret_with_it(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(f"GATEWAY_TLS_{part}")
    monkeypatch.setenv("GATEWAY_CREDENTIAL", "hush")
    with pytest.raises(ValidationError, match=rf"set GATEWAY_TLS_{part} \[") as refused:
        Settings()
    assert "hush" not in str(refused.value)
    assert "_KEY=" not in str(refused.value)


@pytest.mark.parametrize("part", ["CERT", "KEY", "CA"])
@pytest.mark.parametrize("content", ["", "no PEM at all"])
def test_file_that_is_none_is_told_at_start(
    environment: dict[str, str], part: str, content: str
) -> None:
    Path(environment[f"GATEWAY_TLS_{part}"]).write_text(content)
    with pytest.raises(UnfitCertificateError, match="can't serve for TLS"):
        Settings().read_tls()


def test_key_of_another_certificate_is_told_at_start(
    environment: dict[str, str], tmp_path: Path
) -> None:
    key = Path(environment["GATEWAY_TLS_KEY"])
    key.write_bytes((tmp_path / "order" / "key.pem").read_bytes())
    with pytest.raises(UnfitCertificateError, match="mismatch"):
        Settings().read_tls()
