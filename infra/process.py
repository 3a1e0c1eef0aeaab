"""A process of ours from start to stop: one loop, signals, and HTTP servers inside that loop."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
import uvloop
from starlette.types import ASGIApp

from infra.logs import get_logger

log = get_logger()


class PortInUseError(Exception):
    """The address a server should listen on is taken by another program."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address} is in use: stop what listens there, or set another port")


def run(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Runs ``main`` until SIGTERM or SIGINT sets the event it was given and it returns.

    Exits with status 1 and one clear line when a port is in use.
    """

    async def until_signalled() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_number, stopping.set)
        await main(stopping)

    try:
        uvloop.run(until_signalled())
    except* PortInUseError as group:
        for error in _leaves(group):
            log.error("port_in_use", error=str(error))
        sys.exit(1)


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process has its own, one for all its servers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def http_server(
    app: ASGIApp, host: str, port: int, *, drain_seconds: float
) -> AsyncIterator[int]:
    """Serves ``app`` until the block ends; yields the bound port.

    Raises:
        PortInUseError: the address is taken.
    """
    try:
        listener = socket.create_server((host, port), family=_family(host), backlog=2048)
    except OSError as error:
        raise PortInUseError(f"{host}:{port}") from error
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # uvicorn would believe whoever connects from this machine; infra.forwarding knows better.
        proxy_headers=False,
        # An open event stream would otherwise keep the server up for ever.
        timeout_graceful_shutdown=max(1, round(drain_seconds)),
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await serving


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
