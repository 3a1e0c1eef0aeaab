"""What docker-compose.yml promises, read without an engine."""

import re
from pathlib import Path
from typing import Any

import pytest

from auth.settings import Settings as AuthSettings
from gateway.settings import Settings as GatewaySettings
from infra.compose.secrets_file import PASSWORDS, prepare_secrets
from infra.dev.services import SERVICES
from infra.dev.settings import REPOSITORY
from infra.settings import ServiceSettings
from kitchen.settings import Settings as KitchenSettings
from order.settings import Settings as OrderSettings
from tests.yaml_file import read_yaml

COMPOSE_FILE = REPOSITORY / "docker-compose.yml"
OURS = ("auth", "order", "kitchen", "gateway")
ALL = ("redis", *OURS, "prometheus", "grafana")
SETTINGS: dict[str, type[ServiceSettings]] = {
    "auth": AuthSettings,
    "order": OrderSettings,
    "kitchen": KitchenSettings,
    "gateway": GatewaySettings,
}
# In a container the log is no terminal's, and every server has its usual port.
FIXED = {"log_format", "port", "grpc_port", "ops_port"}
# Only Compose would know whom this one calls in its own name: nobody.
NOT_NEEDED = {"auth": {"credential"}, "gateway": {"peers"}}


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return read_yaml(COMPOSE_FILE, tmp_path_factory.mktemp("yaml"))


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compose["services"]
    return found


def test_all_services_are_there(services: dict[str, Any]) -> None:
    assert set(services) == set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_container_is_hardened(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108 - the containers' own
    assert service["deploy"]["resources"]["limits"].keys() >= {"memory", "pids"}
    assert not service.keys() & {"privileged", "cap_add", "network_mode", "pid", "devices"}


@pytest.mark.parametrize("name", ALL)
def test_container_heals_and_stops_in_good_order(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["restart"] == "unless-stopped"
    assert service["init"] is True
    # Two containers of one service could not have the same name.
    assert "container_name" not in service


@pytest.mark.parametrize("name", OURS)
def test_grace_is_longer_than_the_service_drains(services: dict[str, Any], name: str) -> None:
    grace = float(services[name]["stop_grace_period"].removesuffix("s"))
    drain = SETTINGS[name].model_fields["drain_seconds"].default
    # Calls and event streams are drained one after the other, and then clients close.
    assert grace >= 3 * drain


def test_image_does_not_run_as_root() -> None:
    dockerfile = (REPOSITORY / "infra" / "Dockerfile").read_text(encoding="utf-8")
    runtime = dockerfile.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", runtime, re.MULTILINE)


def test_redis_does_not_run_as_root(services: dict[str, Any]) -> None:
    assert services["redis"]["user"] == "redis"


@pytest.mark.parametrize("name", ["auth", "order", "kitchen"])
def test_health_check_asks_the_health_service(services: dict[str, Any], name: str) -> None:
    port = next(service for service in SERVICES if service.name == name).ports["GRPC_PORT"]
    assert services[name]["healthcheck"]["test"] == [
        *("CMD", "python", "-m", "infra.healthcheck", f"grpc://127.0.0.1:{port}")
    ]


def test_gateway_is_healthy_when_all_it_needs_answers(services: dict[str, Any]) -> None:
    assert services["gateway"]["healthcheck"]["test"][-1] == "http://127.0.0.1:9080/readyz"


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_health_check_of_others_goes_through_no_proxy(services: dict[str, Any], name: str) -> None:
    assert services[name]["healthcheck"]["test"][1:4] == ["wget", "-Y", "off"]


def test_grafana_asks_prometheus_through_no_proxy(services: dict[str, Any]) -> None:
    assert services["grafana"]["environment"]["NO_PROXY"] == "prometheus"


@pytest.mark.parametrize("name", ALL)
def test_waiting_goes_by_health(services: dict[str, Any], name: str) -> None:
    assert services[name]["healthcheck"]["test"]
    for awaited in services[name].get("depends_on", {}).values():
        assert awaited == {"condition": "service_healthy"}


def test_only_the_gateway_and_auths_rest_are_published(services: dict[str, Any]) -> None:
    published = {name: services[name].get("ports", []) for name in ("redis", *OURS)}
    assert published == {
        "redis": [],
        "order": [],
        "kitchen": [],
        "gateway": ["${BRIGADE_BIND:-127.0.0.1}:${GATEWAY_PORT:-8080}:8080"],
        "auth": ["${BRIGADE_BIND:-127.0.0.1}:${AUTH_PORT:-8081}:8081"],
    }


def test_redis_has_no_way_out(compose: dict[str, Any]) -> None:
    assert compose["services"]["redis"]["networks"] == ["inside"]
    assert compose["networks"]["inside"] == {"internal": True}


def test_redis_keeps_its_data_in_a_named_volume(compose: dict[str, Any]) -> None:
    assert compose["services"]["redis"]["volumes"] == ["redis-data:/data"]
    assert "redis-data" in compose["volumes"]
    conf = (REPOSITORY / "infra" / "redis" / "redis.conf").read_text(encoding="utf-8").splitlines()
    assert {"appendonly yes", "appendfsync always", "maxmemory-policy noeviction"} <= set(conf)


def test_no_secret_is_in_the_file(services: dict[str, Any]) -> None:
    secret = re.compile(r"PASSWORD|CREDENTIAL|PEERS|REDIS_URL|REDISCLI_AUTH")
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if secret.search(variable):
                # Without its secrets nothing starts, rather than with empty ones.
                assert re.search(r"\$\{[A-Z0-9_]+:\?run task up\}", value), (name, variable)


def test_every_secret_that_is_asked_for_is_made(tmp_path: Path) -> None:
    asked = set(re.findall(r"\$\{([A-Z0-9_]+):\?", COMPOSE_FILE.read_text(encoding="utf-8")))
    template = REPOSITORY / "infra" / "redis" / "users.acl"
    made = prepare_secrets(tmp_path / ".env", template, tmp_path / "users.acl")
    assert asked <= set(made)
    assert set(PASSWORDS) <= asked


@pytest.mark.parametrize("name", OURS)
def test_every_setting_reaches_its_service(services: dict[str, Any], name: str) -> None:
    kind = SETTINGS[name]
    prefix = str(kind.model_config.get("env_prefix", ""))
    settings = {
        str(field.validation_alias or f"{prefix}{setting}").upper()
        for setting, field in kind.model_fields.items()
        if setting not in FIXED | NOT_NEEDED.get(name, set())
    }
    assert set(services[name]["environment"]) == settings


@pytest.mark.parametrize("name", ["order", "kitchen", "gateway"])
def test_callers_find_every_replica(services: dict[str, Any], name: str) -> None:
    for variable, target in services[name]["environment"].items():
        if variable.endswith("_TARGET"):
            assert re.fullmatch(r"dns:///(auth|order|kitchen):\d+", target)
