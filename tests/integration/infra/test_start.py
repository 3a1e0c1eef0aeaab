"""The services as processes that are set up wrong: what they write, and how they end."""

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.dev.layout import Layout
from infra.dev.local_redis import LocalRedis
from infra.dev.secrets_file import Secrets
from infra.dev.services import SERVICES
from infra.dev.settings import REPOSITORY
from infra.redis_client import open_redis
from tests.conftest import free_port

BY_NAME = {service.name: service for service in SERVICES}
SECRET = "hush"
WAIT_SECONDS = 60


def _environment(service: str, given: Mapping[str, str]) -> dict[str, str]:
    layout = Layout.on_free_ports()
    path = {"PATH": os.environ["PATH"], f"{service.upper()}_LOG_FORMAT": "json"}
    return layout.environment_of(BY_NAME[service], Secrets.generate(), path | dict(given))


async def _start(
    service: str, given: Mapping[str, str], *arguments: str
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", service, *arguments),
        env=_environment(service, given),
        cwd=REPOSITORY,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def _ended(service: str, given: Mapping[str, str], *arguments: str) -> tuple[int, str]:
    """The status and all that was said by a process that ends by itself."""
    process = await _start(service, given, *arguments)
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def _said_until(process: asyncio.subprocess.Process, what: str) -> str:
    """All that is said up to the first line with ``what``, and on to the end by SIGTERM."""
    assert process.stdout is not None
    said = b""
    async with asyncio.timeout(WAIT_SECONDS):
        while what not in said.decode():
            line = await process.stdout.readline()
            assert line, said.decode()
            said += line
        process.terminate()
        rest, _ = await process.communicate()
    return (said + rest).decode()


@pytest.mark.parametrize(
    ("service", "setting", "value"),
    [
        ("auth", "AUTH_REDIS_URL", f"redis://:a#{SECRET}@127.0.0.1:6379/0"),
        ("order", "ORDER_REDIS_URL", f"redis://order:a/{SECRET}@127.0.0.1:6379/0"),
        ("kitchen", "KITCHEN_REDIS_URL", f"redis://:{SECRET}@127.0.0.1:6379/0?nonsense=1"),
        ("gateway", "GATEWAY_ORDER_TARGET", f"http://{SECRET}:50052"),
        ("gateway", "OTEL_EXPORTER_OTLP_ENDPOINT", f"http://user:{SECRET}@jaeger:99999"),
        ("auth", "AUTH_GRPC_PORT", "99999"),
        ("kitchen", "KITCHENS", f"[{SECRET}"),
    ],
)
async def test_wrong_setting_is_one_line_and_the_status_of_a_wrong_configuration(
    service: str, setting: str, value: str
) -> None:
    status, said = await _ended(service, {setting: value})
    assert status == os.EX_CONFIG, said
    [line] = said.splitlines()
    assert line.startswith(f"setting {setting}: ")
    assert SECRET not in line


@pytest.mark.parametrize(
    "command", [("grant", "anna", "admin"), ("reset", "anna"), ("rotate-keys",)]
)
async def test_command_tells_of_a_wrong_setting_as_the_service_does(
    command: tuple[str, ...],
) -> None:
    given = {"AUTH_REDIS_URL": f"redis://:a?{SECRET}@127.0.0.1:6379/0"}
    status, said = await _ended("auth", given, *command)
    assert status == os.EX_CONFIG, said
    [line] = said.splitlines()
    assert line.startswith("setting AUTH_REDIS_URL: ")
    assert SECRET not in line


@pytest.mark.parametrize("service", [s.name for s in SERVICES if s.keeps_state])
async def test_password_that_redis_refuses_is_in_no_line_of_the_log(
    service: str, tmp_path: Path
) -> None:
    redis = LocalRedis(free_port(), tmp_path)
    redis.start()
    admin = open_redis(redis.url)
    try:
        await admin.config_set("requirepass", "another")
        url = f"redis://:{SECRET}@127.0.0.1:{redis.port}/0"
        process = await _start(service, {f"{service.upper()}_REDIS_URL": url})
        said = await _said_until(process, "invalid username-password pair")
        if service == "auth":
            status, answer = await _ended("auth", {"AUTH_REDIS_URL": url}, "rotate-keys")
            assert (status, "Redis does not answer" in answer) == (1, True)
            said += answer
    finally:
        await admin.aclose()
        redis.stop()
    assert SECRET not in said


async def test_credentials_for_a_collector_are_in_no_line_of_the_log() -> None:
    given = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://user:{SECRET}@127.0.0.1:{free_port()}",
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization Basic {SECRET}",
        "GATEWAY_DRAIN_SECONDS": "5",
    }
    process = await _start("gateway", given)
    said = await _said_until(process, "service_started")
    assert SECRET not in said


@pytest.mark.parametrize("service", BY_NAME)
async def test_service_listens_on_an_address_of_ipv6(service: str) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    process = await _start(service, {f"{service.upper()}_HOST": "::1"})
    said = await _said_until(process, "service_started")
    assert process.returncode == 0, said


@pytest.mark.parametrize("service", BY_NAME)
async def test_address_of_another_machine_is_said_to_be_that(service: str) -> None:
    # RFC 5737: no machine has it.
    status, said = await _ended(service, {f"{service.upper()}_HOST": "203.0.113.7"})
    assert status == 1
    assert "in use" not in said
    assert "203.0.113.7" in said


@pytest.mark.parametrize(
    ("setting", "value"),
    [("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", SECRET), ("OTEL_BSP_MAX_QUEUE_SIZE", "-1")],
)
async def test_variable_of_opentelemetrys_own_that_is_wrong_is_one_line(
    setting: str, value: str
) -> None:
    given = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", setting: value}
    status, said = await _ended("gateway", given)
    assert status == os.EX_CONFIG, said
    [line] = said.splitlines()
    assert line.startswith("setting OTEL_")
    assert SECRET not in line
