"""The containers for real: built, started, killed, taken down and started again."""

import asyncio
import json
import shutil
import subprocess
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from infra.compose.installation import GATEWAY_PORT, Installation
from infra.dev.guest import Guest, open_http
from tests.conftest import free_port
from tests.stack import new_guest

LUNCH = {"items": [{"sku": "chicken-bowl", "quantity": 2, "options": ["rice", "guacamole"]}]}
SETTINGS = {
    "BRIGADE_VERSION": "test",
    "KITCHEN_TICK_SECONDS": "1",
    "KITCHEN_SPEED": "600",
    "KITCHEN_CAPACITY": "20",
    "AUTH_ARGON2_MEMORY_KIB": "64",
}
LONG = 600  # for images to build and containers to become healthy, on a busy machine


def why_not() -> str:
    """What this machine lacks to run containers; nothing where it can."""
    if shutil.which("docker") is None:
        return "there is no docker here"
    compose = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if compose.returncode != 0:
        return "docker has no compose plugin here"
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        return "no Docker engine answers"
    missing = [
        image
        for image in ("python:3.13-slim", "redis:8")
        if subprocess.run(
            ["docker", "image", "inspect", image], capture_output=True, check=False
        ).returncode
        != 0
    ]
    return f"these images are not here: {', '.join(missing)}" if missing else ""


pytestmark = [
    pytest.mark.skipif(bool(reason := why_not()), reason=reason),
    pytest.mark.timeout(LONG),
]


@pytest.fixture(scope="module")
async def containers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    folder = tmp_path_factory.mktemp("compose")
    ports = {"GATEWAY_PORT": str(free_port()), "AUTH_PORT": str(free_port())}
    installation = Installation(
        name=f"brigade-test-{uuid.uuid4().hex[:8]}",
        env_file=folder / ".env",
        users_file=folder / "users.acl",
        settings=SETTINGS | ports,
    )
    variables = installation.prepare_secrets()
    try:
        await asyncio.to_thread(installation.run, "build", "--quiet", "gateway")
        await asyncio.to_thread(installation.start)
        await installation.open_house(variables)
        yield installation
    finally:
        installation.run("down", "--volumes", "--timeout", "5")


@pytest.fixture
async def http(containers: Installation) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(containers.url_of("gateway", GATEWAY_PORT)) as client:
        yield client


async def place(guest: Guest) -> str:
    answer = await guest.call(
        "POST", "/order", json=LUNCH, headers={"Idempotency-Key": str(uuid.uuid4())}
    )
    assert answer.status_code == httpx.codes.CREATED, answer.text
    order_id: str = answer.json()["id"]
    return order_id


async def follow_to_the_end(guest: Guest, order_id: str) -> list[str]:
    """The statuses an order went through, over all the connections that took."""
    statuses: list[str] = []
    async for event in guest.follow(f"/order/{order_id}/stream"):
        data = json.loads(event.data)
        if event.event == "snapshot":
            statuses.append(data["orders"][0]["status"])
        elif event.event == "status" and data["status"] != data["previous"]:
            statuses.append(data["status"])
        if statuses and statuses[-1] == "completed":
            return statuses
    return statuses


def kill_all_processes(containers: Installation, service: str) -> None:
    """As the kernel does when memory runs out; only the container's init is spared."""
    # The shell that does it is killed as well, so there is no good exit status.
    subprocess.run(
        containers.command("exec", "-T", service, "sh", "-c", "kill -KILL -1"),
        env=containers.environment,
        capture_output=True,
        check=False,
    )


def starts(containers: Installation, service: str) -> int:
    """How often the engine has started a service's container again."""
    container = containers.run("ps", "--quiet", service).strip()
    inspected = subprocess.run(
        ["docker", "inspect", "--format", "{{.RestartCount}}", container],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(inspected.stdout)


async def test_first_order_is_cooked_before_the_guests_eyes(http: httpx.AsyncClient) -> None:
    guest = await new_guest(http)
    order_id = await place(guest)
    statuses = await follow_to_the_end(guest, order_id)
    assert statuses[-3:] == ["preparing", "ready", "completed"]


@pytest.mark.parametrize("service", ["redis", "auth", "order", "kitchen", "gateway"])
async def test_killed_process_comes_back_and_nothing_is_lost(
    containers: Installation, http: httpx.AsyncClient, service: str
) -> None:
    guest = await new_guest(http)
    before = starts(containers, service)
    placed = [await place(guest) for _ in range(3)]
    await asyncio.to_thread(kill_all_processes, containers, service)
    # The client waits while the house is shut, and sends each order again under its key.
    placed += [await place(guest) for _ in range(3)]
    for order_id in placed:
        assert (await follow_to_the_end(guest, order_id))[-1] == "completed"
    listed = (await guest.call("GET", "/order")).json()["orders"]
    assert sorted(order["id"] for order in listed) == sorted(placed)
    assert starts(containers, service) > before


async def test_replicas_share_the_calls(containers: Installation, http: httpx.AsyncClient) -> None:
    # Asked for by callers that were connected before these replicas existed.
    await asyncio.to_thread(
        containers.start, "--no-recreate", "--scale", "order=2", "--scale", "kitchen=2"
    )
    guest = await new_guest(http)
    async with asyncio.timeout(LONG / 2):
        while True:
            await asyncio.gather(*(place(guest) for _ in range(10)))
            if all(
                '"order_placed"' in containers.run("logs", "--index", str(index), "order")
                for index in (1, 2)
            ):
                break


async def test_everything_is_there_after_down_and_up(
    containers: Installation, http: httpx.AsyncClient
) -> None:
    guest = await new_guest(http)
    placed = await place(guest)
    await asyncio.to_thread(containers.run, "down")
    await asyncio.to_thread(containers.start)
    again = Guest(http, guest.login, guest.account["password"])
    assert (await again.call("GET", f"/order/{placed}")).json()["id"] == placed
    assert (await again.call("GET", "/menu")).json()["items"]


def test_nothing_of_a_secret_is_in_the_image(containers: Installation, tmp_path: Path) -> None:
    history = subprocess.run(
        ["docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}", "brigade:test"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert not [secret for secret in containers.prepare_secrets().values() if secret in history]
