"""The examples of docs/api.md and of the README do what these say."""

import asyncio
import re
import uuid
from pathlib import Path

from infra.dev.settings import REPOSITORY
from tests.stack import Stack

GUIDE = REPOSITORY / "docs" / "api.md"
README = REPOSITORY / "README.md"
# Tells of each status beside the answer, which examples keep for the next.
CURL = """\
set -eu
curl() { command curl --noproxy '*' --write-out '%{stderr}STATUS=%{http_code}\\n' "$@"; }
"""
SIGN_UP, TOKENS, ORDERS, STREAMS = [201, 200], [200] * 3, [200, 201, *[200] * 5], [200] * 2
PAGES, HTTP, REFUSALS = [200, 200, 204], [204, 200, 200, 200], [422, 409, 200]


async def test_every_example_of_the_guide_works(stack: Stack, tmp_path: Path) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    examples = "".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    examples = examples.replace("http://127.0.0.1:8080", stack.gateway_url)
    examples = examples.replace("http://127.0.0.1:8081", stack.auth_url)
    # These tests' kitchens cook in no time; in this one nothing moves by itself.
    order = '"options": ["rice", "guacamole"]}]'
    assert order in examples
    examples = examples.replace(order, f'{order}, "kitchen": "patio"')
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", CURL + examples),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        # Apart: curl writes there letter by letter, and tee at the same time to the other.
        stderr=asyncio.subprocess.PIPE,
    )
    said, told = (output.decode() for output in await process.communicate())
    assert process.returncode == 0, said + told
    statuses = [int(status) for status in re.findall(r"STATUS=(\d+)", told)]
    assert statuses == SIGN_UP + TOKENS + ORDERS + STREAMS + PAGES + HTTP + REFUSALS, said + told
    assert "event: snapshot" in said
    assert '"type":"/problems/invalid-order"' in said
    assert '"type":"/problems/price-changed"' in said


async def test_the_readmes_first_order_is_taken_and_watched(stack: Stack, tmp_path: Path) -> None:
    section = README.read_text(encoding="utf-8").split("## A first order")[1]
    example = re.search(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert example is not None
    commands = example[1].replace("http://127.0.0.1:8080", stack.gateway_url)
    # Other tests of this house have their own Anna.
    commands = commands.replace('"anna"', f'"anna-{uuid.uuid4().hex[:8]}"')
    # A guest presses Ctrl-C some time; here watching ends by itself.
    until_then = "curl() { command curl --noproxy '*' --max-time 5 \"$@\" || [ $? = 28 ]; }\n"
    process = await asyncio.create_subprocess_exec(
        *("sh", "-euc", until_then + commands),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    assert "HTTP/1.1 201 Created" in said
    assert '"sku":"chicken-bowl"' in said
    assert "event: snapshot" in said
