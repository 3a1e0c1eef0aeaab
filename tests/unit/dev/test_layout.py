import hashlib
import json
import os
import socket

import pytest
from pydantic import SecretStr

from infra.callers import RULES
from infra.dev.layout import Layout, LayoutError
from infra.dev.secrets_file import Secrets
from infra.dev.services import SERVICES
from infra.settings import ServiceSettings

SECRETS = Secrets.generate()
BY_NAME = {service.name: service for service in SERVICES}


def test_defaults_are_the_documented_ports() -> None:
    layout = Layout.from_environment({})
    assert layout.gateway_url == "http://127.0.0.1:8080"
    assert layout.auth_url == "http://127.0.0.1:8081"
    assert layout.redis_url == "redis://127.0.0.1:6379/0"
    assert layout.grpc_target("kitchen") == "127.0.0.1:50053"
    assert [layout.ops_url(name)[-4:] for name in ("gateway", "auth", "order", "kitchen")] == [
        "9080",
        "9081",
        "9082",
        "9083",
    ]


def test_port_that_is_set_reaches_those_who_call_it() -> None:
    layout = Layout.from_environment({"ORDER_GRPC_PORT": "6000"})
    kitchen = layout.environment_of(BY_NAME["kitchen"], SECRETS, {})
    assert kitchen["KITCHEN_ORDER_TARGET"] == "127.0.0.1:6000"
    assert layout.environment_of(BY_NAME["order"], SECRETS, {})["ORDER_GRPC_PORT"] == "6000"


@pytest.mark.parametrize("port", ["0", "65536", "http", "", "-1"])
def test_setting_that_is_no_port_is_named(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        Layout.from_environment({"GATEWAY_PORT": port})
    assert ended.value.code == os.EX_CONFIG
    assert capsys.readouterr().err == ("setting GATEWAY_PORT: must be a number from 1 to 65535\n")


def test_port_in_use_is_named_with_its_setting() -> None:
    layout = Layout.on_free_ports()
    complaint = f"port {layout.redis_port} is in use.*BRIGADE_REDIS_PORT"
    with (
        socket.create_server(("127.0.0.1", layout.redis_port)),
        pytest.raises(LayoutError, match=complaint),
    ):
        layout.check_ports_are_free()
    layout.check_ports_are_free()


def test_one_port_for_two_servers_is_refused() -> None:
    layout = Layout.from_environment({"AUTH_PORT": "18080", "GATEWAY_PORT": "18080"})
    with pytest.raises(LayoutError, match="AUTH_PORT and GATEWAY_PORT are both 18080"):
        Layout(
            {k: v for k, v in layout.ports.items() if k in ("AUTH_PORT", "GATEWAY_PORT")}
        ).check_ports_are_free()


def test_free_ports_are_all_different() -> None:
    ports = Layout.on_free_ports().ports
    assert len(set(ports.values())) == len(ports)


def test_callers_settings_reach_the_service() -> None:
    environment = Layout.from_environment({}).environment_of(
        BY_NAME["kitchen"], SECRETS, {"KITCHEN_SPEED": "60", "KITCHEN_REDIS_URL": "redis://else/1"}
    )
    assert environment["KITCHEN_SPEED"] == "60"
    assert environment["KITCHEN_REDIS_URL"] == "redis://else/1"


def test_gateway_is_given_no_redis() -> None:
    environment = Layout.from_environment({}).environment_of(BY_NAME["gateway"], SECRETS, {})
    assert not [name for name in environment if "REDIS" in name]


def test_every_service_accepts_the_credentials_of_those_who_may_call_it() -> None:
    for method, rule in RULES.items():
        if not isinstance(rule, frozenset):
            continue
        if (callee := BY_NAME.get(method.split(".")[1])) is None:
            # A lane lies beside every service's own.
            continue
        environment = Layout.from_environment({}).environment_of(callee, SECRETS, {})
        peers = json.loads(environment[f"{callee.prefix}PEERS"])
        for caller in rule:
            shown = SECRETS.credentials[caller]
            assert peers[caller] == hashlib.sha256(shown.encode()).hexdigest(), method


def test_services_read_credentials_and_peers_as_they_are_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = Layout.from_environment({}).environment_of(BY_NAME["order"], SECRETS, {})
    for name in ("CREDENTIAL", "PEERS"):
        monkeypatch.setenv(name, environment[f"ORDER_{name}"])
    settings = ServiceSettings()
    assert settings.credential == SecretStr(SECRETS.credentials["order"])
    assert settings.peers == {
        "gateway": SECRETS.fingerprint_of("gateway"),
        "kitchen": SECRETS.fingerprint_of("kitchen"),
    }
