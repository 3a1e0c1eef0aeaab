"""Waiting until every service says that it and all it depends on are up."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import httpx

from infra.dev.local_redis import answers

PAUSE_SECONDS = 0.1
REDIS_PAUSE_SECONDS = 0.02


class NotReadyError(Exception):
    """Time is up, and ``reasons`` says for each service that is not ready why."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name} is not ready: {why}" for name, why in reasons.items()))
        self.reasons = reasons


async def wait_for_redis(port: int, log: Path, *, seconds: float) -> None:
    """Returns when Redis answers at ``port``.

    Raises:
        NotReadyError: it did not within ``seconds``; it names Redis's ``log``.
    """
    try:
        async with asyncio.timeout(seconds):
            while True:
                if await asyncio.to_thread(answers, port):
                    return
                await asyncio.sleep(REDIS_PAUSE_SECONDS)
    except TimeoutError:
        raise NotReadyError({"redis": f"it does not answer; {log} says why"}) from None


async def wait_until_ready(ops_urls: Mapping[str, str], *, seconds: float) -> None:
    """Returns when ``/readyz`` below every one of ``ops_urls`` answers 200.

    Raises:
        NotReadyError: that was not so within ``seconds``.
    """
    await wait_until(ops_urls, "/readyz", seconds=seconds)


async def wait_until(ops_urls: Mapping[str, str], path: str, *, seconds: float) -> None:
    """Returns when ``path`` below every one of ``ops_urls`` answers 200.

    Raises:
        NotReadyError: that was not so within ``seconds``.
    """
    reasons = dict.fromkeys(ops_urls, "it was not asked yet")
    async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
        try:
            async with asyncio.timeout(seconds):
                while reasons:
                    for name in list(reasons):
                        why_not = await _ask(http, f"{ops_urls[name]}{path}")
                        if why_not is None:
                            del reasons[name]
                        else:
                            reasons[name] = why_not
                    await asyncio.sleep(PAUSE_SECONDS)
        except TimeoutError:
            raise NotReadyError(reasons) from None


async def _ask(http: httpx.AsyncClient, url: str) -> str | None:
    """Why the service is not ready, None when it is."""
    try:
        answer = await http.get(url)
    except httpx.TransportError:
        return "it does not answer"
    return None if answer.is_success else answer.text.strip()
