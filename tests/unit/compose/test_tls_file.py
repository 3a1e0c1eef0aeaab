"""What infra/compose/tls.yml adds to docker-compose.yml, read without an engine."""

from pathlib import Path
from typing import Any

import pytest

from infra.dev.certificates import make_certificates, tls_settings
from infra.dev.services import SERVICES, Service
from infra.dev.settings import REPOSITORY
from tests.yaml_file import read_yaml


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("yaml")
    found: dict[str, Any] = read_yaml(REPOSITORY / "infra" / "compose" / "tls.yml", folder)
    return found["services"]  # type: ignore[no-any-return]


def test_every_service_is_there_and_nothing_else(services: dict[str, Any]) -> None:
    assert set(services) == {service.name for service in SERVICES}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_service_is_given_its_own_certificate_and_no_others(
    services: dict[str, Any], service: Service, tmp_path: Path
) -> None:
    make_certificates(tmp_path)
    added = services[service.name]
    assert added["volumes"] == [f"${{BRIGADE_CERTS:?run task certs}}/{service.name}:/run/certs:ro"]
    inside = {
        name: value.replace("/run/certs", str(tmp_path / service.name))
        for name, value in added["environment"].items()
    }
    assert inside == tls_settings(service, tmp_path)
    # Its files are readable by their owner alone.
    assert added["user"] == "${BRIGADE_USER:?run task certs}"
    assert set(added) == {"user", "volumes", "environment"}
