"""Load as the benchmark makes it, on a server that remembers what it was asked."""

import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from infra.dev.bench.errors import BenchError
from infra.dev.bench.generator import Generators, Load
from infra.dev.bench.program import Program
from infra.dev.bench.shots import KEY_MARK, request, write_shots
from infra.process import http_server

GENERATORS = ["client", *(["wrk"] if shutil.which("wrk") else [])]


class Counting:
    """A server that counts requests by path and key."""

    def __init__(self) -> None:
        self.asked: Counter[tuple[str, str]] = Counter()
        self.port = 0

    async def take(self, request: Request) -> Response:
        body = await request.body()
        self.asked[request.url.path, request.headers.get("Idempotency-Key", "")] += 1
        return PlainTextResponse("taken", status_code=201 if body == b'{"a": 1}' else 400)


@pytest.fixture
async def server() -> AsyncIterator[Counting]:
    counting = Counting()
    app = Starlette(routes=[Route("/{path}", counting.take, methods=["POST"])])
    async with http_server(app, "127.0.0.1", 0, drain_seconds=1) as counting.port:
        yield counting


def load(folder: Path, *, body: object = None, expected: int = 201) -> Load:
    """Two requests in turn, each with a key of its own."""
    write_shots(
        folder / "shots",
        [
            request("POST", path, json_body=body, headers={"Idempotency-Key": KEY_MARK.decode()})
            for path in ("/one", "/two")
        ],
    )
    return Load(folder / "shots", expected, connections=4)


@pytest.mark.parametrize("generator", GENERATORS)
async def test_every_request_has_a_key_no_other_had(
    generator: str, server: Counting, tmp_path: Path
) -> None:
    generators = Generators(use_wrk=generator == "wrk")
    wanted = load(tmp_path, body={"a": 1})

    bursts = [await generators.fire(wanted, [server.port], 1) for _ in range(2)]

    assert set(server.asked.values()) == {1}
    paths = Counter(path for path, _ in server.asked)
    assert abs(paths["/one"] - paths["/two"]) <= 2
    answered = sum(burst.requests for burst in bursts)
    assert 0 < answered <= server.asked.total() <= answered + 2 * wanted.connections


@pytest.mark.parametrize("generator", GENERATORS)
async def test_an_answer_that_is_refused_ends_the_measurement(
    generator: str, server: Counting, tmp_path: Path
) -> None:
    generators = Generators(use_wrk=generator == "wrk")

    with pytest.raises(BenchError, match=r"were not 201.*HTTP/1.1 400 Bad Request"):
        await generators.fire(load(tmp_path, body="other"), [server.port], 1)


async def test_our_client_takes_only_the_very_status(server: Counting, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="were not 304"):
        await Generators().fire_steadily(
            load(tmp_path, body={"a": 1}, expected=304), server.port, 0.1, 50
        )


async def test_a_steady_load_is_as_many_requests_as_are_due(
    server: Counting, tmp_path: Path
) -> None:
    burst = await Generators().fire_steadily(
        load(tmp_path, body={"a": 1}), server.port, 0.5, rate=100
    )

    assert burst.requests == server.asked.total() == 50
    assert 0 < burst.p50_ms <= burst.p99_ms


async def test_a_program_that_ended_can_not_be_measured(tmp_path: Path) -> None:
    log_file = tmp_path / "log"
    program = Program("order", [sys.executable, "-c", "import time; time.sleep(60)"], {}, log_file)
    with pytest.raises(BenchError, match="order is not running"):
        _ = program.pid
    await program.start()
    assert program.pid > 0
    await program.stop()

    log_file.write_text("out of flour\n", "utf-8")
    with pytest.raises(BenchError, match="out of flour"):
        _ = program.pid
