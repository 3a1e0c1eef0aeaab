"""Answers that stay open for hours wait on top of the application, not below all its layers."""

from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from infra.connections import open_answer

HAND_OVER = "brigade.hand_over"


class Wire(Protocol):
    """Where the rest of an answer is written: what ``infra.connections`` adds to ASGI."""

    @property
    def is_full(self) -> bool:
        """Whether so much was not taken yet by the reader that no more should be written."""

    async def drain(self) -> None:
        """Waits until it is not full, or the reader is gone."""

    def write(self, body: bytes) -> None:
        """Sends it now, and keeps what is not taken at once."""

    async def end(self) -> None:
        """Ends the answer in good order."""

    def abort(self) -> None:
        """Breaks off the connection."""


class LongAnswer(Protocol):
    """The rest of an answer whose head has been sent."""

    async def run(self, receive: Receive, wire: Wire) -> None:
        """Sends the rest. Returns when that is done or the reader is gone."""


def hand_over(scope: Scope, rest: LongAnswer) -> None:
    """Lets the outermost layer go on with an answer when all others have returned."""
    scope[HAND_OVER].append(rest)


class LongAnswersMiddleware:
    """The outermost layer. It goes on with answers that were handed over.

    All that a request went through, from middleware to handler, is let go of by then, and so is
    what it said: of 10,000 open streams that is most of the memory. What is sent goes straight to
    the connection, past layers that only care for an answer's head.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handed_over: list[LongAnswer] = []
        scope[HAND_OVER] = handed_over
        await self._app(scope, receive, send)
        for rest in handed_over:
            await rest.run(receive, open_answer(scope))
