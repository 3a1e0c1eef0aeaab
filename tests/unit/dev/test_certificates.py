"""What `task certs` makes, and makes again."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from infra.clock import utc_now
from infra.dev import certificates
from infra.dev.certificates import make_certificates
from infra.dev.services import SERVICES
from infra.dev.settings import REPOSITORY


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


@pytest.mark.parametrize("service", [service.name for service in SERVICES])
def test_certificate_is_good_for_its_service_alone(tmp_path: Path, service: str) -> None:
    make_certificates(tmp_path)
    certificate = read(tmp_path / service / "cert.pem")
    certificate.verify_directly_issued_by(read(tmp_path / service / "ca.pem"))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [service, "localhost"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    now = utc_now()
    assert certificate.not_valid_before_utc < now
    assert timedelta(days=364) < certificate.not_valid_after_utc - now <= timedelta(days=365)


def test_nobody_but_the_owner_can_read_a_file(tmp_path: Path) -> None:
    make_certificates(tmp_path / "certs")
    modes = {
        path.relative_to(tmp_path): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")
    }
    folders = {path: mode for path, mode in modes.items() if path.suffix != ".pem"}
    assert set(folders.values()) == {0o700}
    assert {mode for path, mode in modes.items() if path not in folders} == {0o600}
    assert len(modes) - len(folders) == 2 + 3 * len(SERVICES)


def test_no_service_is_given_the_key_that_signs(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    signing = (tmp_path / "authority" / "key.pem").read_bytes()
    for service in SERVICES:
        assert signing not in {path.read_bytes() for path in (tmp_path / service.name).iterdir()}


def test_done_again_renews_under_the_same_authority(tmp_path: Path) -> None:
    assert make_certificates(tmp_path)
    first = read(tmp_path / "order" / "cert.pem")
    authority = (tmp_path / "order" / "ca.pem").read_bytes()
    assert not make_certificates(tmp_path)
    renewed = read(tmp_path / "order" / "cert.pem")
    assert renewed.public_key() != first.public_key()
    assert (tmp_path / "order" / "ca.pem").read_bytes() == authority
    renewed.verify_directly_issued_by(read(tmp_path / "order" / "ca.pem"))


def test_authority_is_new_when_asked_for_or_soon_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_certificates(tmp_path)
    assert make_certificates(tmp_path, new_authority=True)
    assert not make_certificates(tmp_path)
    monkeypatch.setattr(certificates, "CERTIFICATE_LIFETIME", timedelta(days=3651))
    assert make_certificates(tmp_path)


def test_git_ignores_them() -> None:
    assert "var/" in (REPOSITORY / ".gitignore").read_text(encoding="utf-8").splitlines()
