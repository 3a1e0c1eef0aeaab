"""Both APIs keep what their OpenAPI documents promise, whoever calls.

Endless streams, and calls that end the session the test runs in, have tests of their own.
"""

import asyncio
import copy
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.dev.opening import SAMPLE_MENU, import_menu, read_menu
from tests.openapi_examples import Call, calls, misfits
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
    await open_anew(stack)


async def open_anew(stack: Stack) -> None:
    """Brings back the sample menu, and takes orders at any hour."""
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
        env=os.environ | {"no_proxy": "*", "NO_PROXY": "*"},
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


async def document_at(url: str) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False) as http:
        document: dict[str, Any] = (await http.get(f"{url}/openapi.json")).json()
    return document


async def refused(stack: Stack, url: str, token: str, tried: Iterable[Call]) -> list[str]:
    """The calls whose example is not understood, each with the answer."""
    found = []
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as http:
        for call in tried:
            await open_anew(stack)
            bearer = {"Authorization": f"Bearer {token}"} if call.needs_caller else {}
            # An event stream would have no end to be read to.
            async with http.stream(
                call.method,
                call.path,
                params=call.query or None,
                content=call.content,
                headers={**bearer, **call.headers},
            ) as answer:
                unfit = answer.status_code in (400, 405, 406, 413, 415, 422)
                unheard = call.needs_caller and answer.status_code in (401, 403)
                if unfit or unheard or answer.status_code >= 500:
                    said = (await answer.aread()).decode()
                    found.append(f"{call.where}: {answer.status_code} {said}")
    return found


@pytest.mark.usefixtures("own_house")
@pytest.mark.parametrize("service", ["gateway", "auth"])
async def test_every_example_is_taken_where_it_belongs(
    stack: Stack, http: httpx.AsyncClient, service: str
) -> None:
    url = {"gateway": stack.gateway_url, "auth": stack.auth_url}[service]
    tried = [*calls(await document_at(url))]
    assert tried
    assert await refused(stack, url, await token_of("admin", stack, http), tried) == []


@pytest.mark.parametrize("service", ["gateway", "auth"])
async def test_every_example_fits_its_schema(stack: Stack, service: str) -> None:
    url = {"gateway": stack.gateway_url, "auth": stack.auth_url}[service]
    assert misfits(await document_at(url)) == []


def _csv(document: dict[str, Any]) -> None:
    content = document["paths"]["/menu"]["put"]["requestBody"]["content"]
    content["text/csv"]["schema"]["examples"].append("sku,name\ntea,Tea\n")


def _beside_a_schema(document: dict[str, Any]) -> None:
    content = document["paths"]["/order"]["post"]["requestBody"]["content"]
    content["application/json"]["examples"] = {"of a bowl": {"value": {"items": []}}}


def _of_a_model(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["OrderChange"]["examples"].append({"note": "x" * 501})


def _of_a_field(document: dict[str, Any]) -> None:
    line = document["components"]["schemas"]["Line"]
    line["properties"]["quantity"]["examples"] = [1, 0]


def _of_a_parameter(document: dict[str, Any]) -> None:
    (limit,) = [
        each for each in document["paths"]["/order"]["get"]["parameters"] if each["name"] == "limit"
    ]
    limit["example"] = 101


def _of_an_answer(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["Order"]["examples"][0]["status"] = "eaten"


def _of_a_problem(document: dict[str, Any]) -> None:
    answer = document["paths"]["/order"]["post"]["responses"]["409"]
    answer["content"]["application/problem+json"]["examples"]["sold-out"]["value"]["status"] = "no"


@pytest.mark.usefixtures("own_house")
@pytest.mark.parametrize(
    ("plant", "place"),
    [
        (_csv, "put /menu text/csv /examples/1"),
        (_beside_a_schema, "post /order application/json /of a bowl"),
        (_of_a_model, "put /order/{id} application/json /examples/1"),
        (_of_a_field, "post /order application/json /items/0/quantity/examples/1"),
        (_of_a_parameter, "get /order limit /example"),
    ],
)
async def test_wrong_example_is_found_where_it_is_sent(
    stack: Stack,
    http: httpx.AsyncClient,
    plant: Callable[[dict[str, Any]], None],
    place: str,
) -> None:
    document = copy.deepcopy(await document_at(stack.gateway_url))
    plant(document)
    tried = [call for call in calls(document) if call.where == place]
    found = await refused(stack, stack.gateway_url, await token_of("admin", stack, http), tried)
    assert [each.partition(": ")[0] for each in found] == [place]


@pytest.mark.parametrize("plant", [_of_an_answer, _of_a_problem, _of_a_parameter])
async def test_example_that_does_not_fit_its_schema_is_found(
    stack: Stack, plant: Callable[[dict[str, Any]], None]
) -> None:
    document = copy.deepcopy(await document_at(stack.gateway_url))
    plant(document)
    assert len(misfits(document)) == 1
