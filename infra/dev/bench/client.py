"""A load generator of our own, a process of its own: ``python -m infra.dev.bench.client --help``.

Without ``--rate`` each connection asks again as soon as it was answered: what wrk does, for
machines that have none. With ``--rate`` requests are due at a constant rate whether or not those
before them were answered, and the latency of each counts from when it was due: a server that stalls
is charged with all who had to wait, as in wrk2.
"""

import argparse
import asyncio
import itertools
import json
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import httptools
import uvloop

from infra.dev.bench.shots import KEY_MARK, read_shots
from infra.dev.replay.report import percentile

LATE_SECONDS = 10
"""How long after the last request was due its answer is waited for."""
RESULT_MARK = "BENCH "


class Connection(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self, answered: Callable[["Connection", int], None]) -> None:
        self.due = 0.0
        """When the request that is being answered was due."""
        self.received = 0
        self.lost = False
        self._answered = answered
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.WriteTransport | None = None

    def send(self, request: bytes, due: float) -> None:
        """Sends ``request``, which was due at ``due`` (``time.monotonic``)."""
        self.due = due
        if self._transport is not None:
            self._transport.write(request)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        # The parser is of no use for a second answer.
        self._parser = httptools.HttpResponseParser(self)
        self._answered(self, status)


class Load:
    """The requests sent and what came of them."""

    def __init__(self, requests: Iterator[bytes], expected: int) -> None:
        self.latencies: list[float] = []
        self.unexpected: Counter[int] = Counter()
        self._requests = requests
        self._expected = expected
        self._idle: deque[Connection] = deque()
        self._waiting: deque[float] = deque()
        self._on_answer: Callable[[Connection], None] = self._serve_waiting
        self._wanted = 0
        self._complete = asyncio.Event()

    def answered(self, connection: Connection, status: int) -> None:
        """What a connection calls with each whole answer."""
        self.latencies.append(time.monotonic() - connection.due)
        if status != self._expected:
            self.unexpected[status] += 1
        self._on_answer(connection)
        if len(self.latencies) == self._wanted:
            self._complete.set()

    def _serve_waiting(self, connection: Connection) -> None:
        if self._waiting:
            connection.send(next(self._requests), self._waiting.popleft())
        else:
            self._idle.append(connection)

    async def run_closed(self, connections: list[Connection], seconds: float) -> float:
        """Each connection as fast as it is answered; returns how long that went on."""
        began = time.monotonic()

        def ask_again(connection: Connection) -> None:
            connection.send(next(self._requests), time.monotonic())

        self._on_answer = ask_again
        for connection in connections:
            ask_again(connection)
        await asyncio.sleep(seconds)
        return time.monotonic() - began

    async def run_open(self, connections: list[Connection], seconds: float, rate: float) -> float:
        """A request every ``1/rate`` seconds; returns how long it took to have every answer.

        Raises:
            TimeoutError: some answers never came.
        """
        self._idle.extend(connections)
        self._wanted = round(seconds * rate)
        began = time.monotonic()
        for number in range(self._wanted):
            due = began + number / rate
            if (early := due - time.monotonic()) > 0:
                await asyncio.sleep(early)
            if self._idle:
                self._idle.popleft().send(next(self._requests), due)
            else:
                self._waiting.append(due)
        async with asyncio.timeout(LATE_SECONDS):
            await self._complete.wait()
        return time.monotonic() - began


def with_keys(requests: list[bytes], prefix: str) -> Iterator[bytes]:
    """The requests in turn for ever, each with a key of its own where it has a mark for one."""
    for number, request in enumerate(itertools.cycle(requests), start=1):
        yield request.replace(KEY_MARK, f"{prefix}-{number}".encode())


async def run(options: argparse.Namespace) -> dict[str, int]:
    """The load ``options`` ask for, and its outcome."""
    load = Load(with_keys(read_shots(options.shots), options.prefix), options.expect)
    loop = asyncio.get_running_loop()
    connections = []
    for _ in range(options.connections):
        _, connection = await loop.create_connection(
            lambda: Connection(load.answered), "127.0.0.1", options.port
        )
        connections.append(connection)
    if options.rate:
        took = await load.run_open(connections, options.seconds, options.rate)
    else:
        took = await load.run_closed(connections, options.seconds)
    latencies = load.latencies or [0.0]
    outcome = {
        "requests": len(load.latencies),
        "microseconds": round(took * 1_000_000),
        "bytes": sum(connection.received for connection in connections),
        "p50_us": round(percentile(latencies, 0.5) * 1_000_000),
        "p99_us": round(percentile(latencies, 0.99) * 1_000_000),
        "refused": load.unexpected.total(),
        "broken": sum(connection.lost for connection in connections),
    }
    for connection in connections:
        connection.close()
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(prog="client", description="Sends requests, tells the time.")
    parser.add_argument("--port", type=int, required=True, help="of a server on loopback")
    parser.add_argument("--shots", type=Path, required=True, help="the file with the requests")
    parser.add_argument("--prefix", required=True, help="what keys begin with")
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rate", type=float, default=0, help="requests a second; 0: all it takes")
    parser.add_argument("--expect", type=int, required=True, help="the status of a good answer")
    print(f"{RESULT_MARK}{json.dumps(uvloop.run(run(parser.parse_args())))}")


if __name__ == "__main__":
    main()
