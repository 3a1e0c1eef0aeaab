"""Access tokens that must not be taken though they have not expired, as auth tells of them."""

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import grpc
from prometheus_client import Gauge

from infra.loops import check_cancelled
from infra.outage import Outage
from shared_proto.restaurant.auth.v1.auth_pb2 import Revocation, WatchRevocationsRequest

if TYPE_CHECKING:
    from infra.identity import Caller
    from shared_proto.restaurant.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub

# Auth speaks every second; after so many it passes for dead.
SILENCE_SECONDS = 5
RETRY_SECONDS = 0.5

KNOWN_AT = Gauge(
    "revocations_known_at_seconds",
    "Unix time at which auth last said which tokens are revoked; 0 when it never did.",
)


class Revocations:
    """What auth has revoked, as far as it has told us. While it is away, what we last knew counts.

    Args:
        clock: the time now, in seconds of Unix time.
        told: called after there was news.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._told = told
        self._sessions: dict[str, Revocation] = {}
        self._users: dict[str, Revocation] = {}

    def cover(self, caller: "Caller") -> bool:
        """Whether the token this caller showed was revoked."""
        if caller.session in self._sessions:
            return True
        of_user = self._users.get(caller.user_id)
        return of_user is not None and caller.issued_at * 1000 < of_user.revoked_at_ms

    def take(self, news: Iterable[Revocation]) -> None:
        """Learns what auth says, which may be known already."""
        KNOWN_AT.set(self._clock())
        news = list(news)
        if not news:
            return
        for each in news:
            if each.session_id:
                self._sessions[each.session_id] = each
            else:
                last = self._users.get(each.user_id, each)
                self._users[each.user_id] = max(last, each, key=lambda known: known.revoked_at_ms)
        self._forget_expired()
        self._told()

    def _forget_expired(self) -> None:
        now_ms = self._clock() * 1000
        for known in (self._sessions, self._users):
            for key in [key for key, each in known.items() if each.expires_at_ms < now_ms]:
                del known[key]


async def follow_revocations(
    revocations: Revocations,
    stub: "AuthServiceAsyncStub",
    metadata: Callable[[], tuple[tuple[str, str], ...]],
) -> None:
    """Keeps ``revocations`` up to date until cancelled; ``metadata`` shows a service's own
    credential."""
    outage = Outage()
    while True:
        call: Any = stub.WatchRevocations(
            WatchRevocationsRequest(), metadata=metadata(), wait_for_ready=True
        )
        try:
            while (message := await _next(call)) is not grpc.aio.EOF:
                revocations.take(message.revocations)
                outage.over()
        except (grpc.aio.AioRpcError, TimeoutError) as error:
            outage.tell("revocations_not_told", error=_describe(error))
        finally:
            call.cancel()
        await asyncio.sleep(RETRY_SECONDS * random.uniform(1, 2))  # noqa: S311


async def _next(call: Any) -> Any:
    try:
        async with asyncio.timeout(SILENCE_SECONDS):
            return await call.read()
    except asyncio.CancelledError:
        # grpc says so too when the other side ended the stream with the status CANCELLED.
        check_cancelled()
        return grpc.aio.EOF


def _describe(error: Exception) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return "it says nothing"
