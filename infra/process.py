"""A process of ours from start to stop: one loop, signals, and HTTP servers inside that loop."""

import asyncio
import errno
import gc
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import uvicorn
import uvloop
from starlette.types import ASGIApp

from infra.addresses import join_host_port
from infra.connections import Connection
from infra.logs import get_logger

log = get_logger()

GARBAGE_AFTER = 10_000
"""How many more objects may live before cycles among the young ones are looked for."""


class CannotStartError(Exception):
    """The process can't start as it is set up; the text tells a person what to mend."""

    event = "start_failed"


class PortInUseError(CannotStartError):
    """The address a server should listen on is taken by another program."""

    event = "port_in_use"

    def __init__(self, address: str) -> None:
        super().__init__(f"{address} is in use: stop what listens there, or set another port")


class CannotListenError(CannotStartError):
    """The address a server should listen on is none of this machine's, or may not be used."""

    event = "cannot_listen"

    def __init__(self, address: str, error: OSError) -> None:
        super().__init__(f"{address} can't be listened on: {error.strerror or error}")


def run(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Runs ``main`` until SIGTERM or SIGINT sets the event it was given and it returns.

    Exits with status 1 and one clear line when it can't start, as when a port is in use.
    """

    async def until_signalled() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_number, stopping.set)
        await main(stopping)

    # What was imported stays: no need to look at it again and again. And objects of requests die
    # with them, so looking for cycles among each 700 that live (the default) finds next to none.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)
    _allow_open_files()
    try:
        uvloop.run(until_signalled())
    except* CannotStartError as group:
        for error in _leaves(group):
            log.error(error.event, error=str(error))
        sys.exit(1)


def _allow_open_files() -> None:
    """Raises the limit on open files as far as it goes: each connection is one, and the usual soft
    limit of 1,024 is there for the sake of ``select``, which nothing here uses."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError):
        # "Unlimited" is more than some systems take.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _leaves(group: BaseExceptionGroup[CannotStartError]) -> Iterator[CannotStartError]:
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
        CannotListenError: it can't be listened on for another reason.
    """
    address = join_host_port(host, port)
    try:
        listener = socket.create_server((host, port), family=_family(host), backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(address) from error
        raise CannotListenError(address, error) from error
    config = uvicorn.Config(
        app,
        http=Connection,
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
