"""The system the measurements are made on: a Redis and the four services, started for the run."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from infra.dev.children import Child, kept_running
from infra.dev.layout import Layout
from infra.dev.local_redis import LocalRedis
from infra.dev.readiness import wait_until_ready
from infra.dev.secrets_file import Secrets
from infra.dev.services import SERVICES

READY_SECONDS = 60
# Nobody is to be refused for guessing: every guess is measured. The costs of a hash are the
# defaults, or what the environment says.
UNLIMITED = {"AUTH_LOGIN_FAILURES_PER_NAME": "100000", "AUTH_LOGIN_FAILURES_PER_ADDRESS": "100000"}


@asynccontextmanager
async def open_house(folder: Path) -> AsyncIterator[Layout]:
    """Everything runs, and is ready, while the block does; ``folder`` takes Redis's data.

    Raises:
        NotReadyError: something is not ready in time.
    """
    layout, secrets = Layout.on_free_ports(), Secrets.generate()
    redis = LocalRedis(layout.redis_port, folder)
    await asyncio.to_thread(redis.start)
    try:
        children = [
            Child(
                service.name,
                [sys.executable, "-m", service.name],
                layout.environment_of(service, secrets, _given(service.prefix)),
            )
            for service in SERVICES
        ]
        async with kept_running(*children):
            ops_urls = {service.name: layout.ops_url(service.name) for service in SERVICES}
            await wait_until_ready(ops_urls, seconds=READY_SECONDS)
            yield layout
    finally:
        await asyncio.to_thread(redis.stop)


def _given(prefix: str) -> Mapping[str, str]:
    hashing = {name: value for name, value in os.environ.items() if name.startswith("AUTH_ARGON2_")}
    path = os.environ.get("PATH", "")
    return {"PATH": path, f"{prefix}LOG_LEVEL": "ERROR", **hashing, **UNLIMITED}
