"""The operations port: is it alive, do its dependencies answer, and its metrics."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from infra.metrics import Refresh, refresh_gauges
from infra.resources import PathRouter, resources
from infra.web import EXCEPTION_HANDLERS, ErrorsMiddleware, JsonResponse

# A check returns None or a note worth showing, and raises where the dependency does not answer.
Check = Callable[[], Awaitable[object]]
CHECK_SECONDS = 2


def ops_app(checks: Mapping[str, Check], *refreshes: Refresh) -> ASGIApp:
    """``/healthz`` (this process is alive), ``/readyz`` (its dependencies answer), ``/metrics``.

    ``refreshes`` bring gauges up to date whenever the metrics are read.
    """

    async def alive(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(_: Request) -> Response:
        names = list(checks)
        results = dict(
            zip(names, await asyncio.gather(*(_ask(checks[n]) for n in names)), strict=True)
        )
        failed = any(not result["ok"] for result in results.values())
        return JsonResponse(results, status_code=503 if failed else 200)

    async def metrics(_: Request) -> Response:
        await refresh_gauges(refreshes)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    routes = [Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", metrics)]
    return ErrorsMiddleware(PathRouter(resources(routes)), EXCEPTION_HANDLERS)


async def _ask(check: Check) -> dict[str, object]:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            note = await check()
    except Exception as error:
        return {"ok": False, "error": str(error) or type(error).__name__}
    return {"ok": True} if note is None else {"ok": True, "note": note}
