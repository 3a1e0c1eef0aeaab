"""The ceiling: what this machine answers a second when nothing is done but to answer.

``python -m infra.dev.bench.hello PORT`` serves a bare Starlette route with the very web server that
stands before the gateway.
"""

import asyncio
import sys
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from infra import process


async def hello(_: Request) -> Response:
    return PlainTextResponse("hello")


async def serve(port: int, stopping: asyncio.Event) -> None:
    """Serves it on loopback until ``stopping`` is set."""
    app = Starlette(routes=[Route("/", hello)])
    async with process.http_server(app, "127.0.0.1", port, drain_seconds=1):
        await stopping.wait()


if __name__ == "__main__":
    process.run(partial(serve, int(sys.argv[1])))
