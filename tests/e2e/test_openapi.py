"""Both APIs keep what their OpenAPI documents promise, whoever calls.

Endless streams, and calls that end the session the test runs in, have tests of their own.
"""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from infra.dev.opening import SAMPLE_MENU, import_menu, read_menu
from tests.stack import Stack, new_guest

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
# Any seed will do; the same again finds the same again.
SEED = os.environ.get("OPENAPI_SEED", "20261123")
EXAMPLES = os.environ.get("OPENAPI_EXAMPLES", "5")
ROLES = ("guest", "cook", "admin")
ENDLESS = "/stream$"
SESSION_ENDING = "/logout$|/session|/token/refresh$|/password$"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
async def own_house(stack: Stack) -> AsyncIterator[None]:
    """Made-up menus and hours take the place of ours, and orders are paused; the tests after find
    the house as it was."""
    yield
    admin = stack.staff("admin")
    await import_menu(admin, read_menu(SAMPLE_MENU))
    for path, body in (
        ("/house/pause", {"paused": False}),
        ("/house/hours", {"hours": [], "time_zone": "UTC"}),
    ):
        (await admin.call("PUT", path, json=body)).raise_for_status()


async def token_of(role: str, stack: Stack, http: httpx.AsyncClient) -> str:
    """A token of a session nothing else uses."""
    account = await new_guest(http) if role == "guest" else stack.staff(role)
    answer = await http.post("/login", json=account.account)
    token: str = answer.raise_for_status().json()["access_token"]
    return token


async def check(url: str, token: str, folder: Path, *options: str) -> None:
    """Runs schemathesis with all checks; fails with its report."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
        *("--config-file", str(CONFIGURATION), "run", f"{url}/openapi.json"),
        *("--checks", "all", "--continue-on-failure", "--no-shrink"),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", SEED),
        *("--request-timeout", "20", "--warnings", "off", "--no-color"),
        *("--header", f"Authorization: Bearer {token}"),
        *("--exclude-path-regex", f"{ENDLESS}|{SESSION_ENDING}", *options),
        # It keeps a database of examples where it runs.
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    report, _ = await process.communicate()
    said = report.decode()
    assert process.returncode == 0, said
    # Nothing found because nothing was tried would be no finding.
    tried = re.search(r"(\d+) generated", said)
    assert tried is not None, said
    assert int(tried[1]) > 100, said


@pytest.mark.usefixtures("own_house")
@pytest.mark.parametrize("role", ROLES)
async def test_gateway_keeps_its_promises(
    stack: Stack, http: httpx.AsyncClient, tmp_path: Path, role: str
) -> None:
    await check(stack.gateway_url, await token_of(role, stack, http), tmp_path)


@pytest.mark.parametrize("role", ROLES)
async def test_auth_keeps_its_promises(
    stack: Stack, http: httpx.AsyncClient, tmp_path: Path, role: str
) -> None:
    token = await token_of(role, stack, http)
    # Which would forget the very account.
    await check(stack.auth_url, token, tmp_path, "--exclude-method", "DELETE")
