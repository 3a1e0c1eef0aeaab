"""HTTP connections whose answers may go on past ASGI, and be broken off."""

from typing import TYPE_CHECKING, cast
from weakref import ref

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from infra.bounded_http import BoundedHttp
from infra.http_cycle import has_open_end

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

EXTENSION = "brigade.connection"


class Connection(BoundedHttp):
    """uvicorn's, with one thing added to what ASGI offers: ``open_answer``."""

    __slots__ = ()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        # Each request on a connection has its own cycle. That has the scope, so the scope must not
        # have it: else only the garbage collector would be rid of a request, which took the gateway
        # 5 % of its time and guests 7 ms now and then.
        cycle.scope["extensions"] = {EXTENSION: {"connection": self, "cycle": ref(cycle)}}
        super()._start_asgi_task(cycle, app)

    def forget_request(self, cycle: RequestResponseCycle) -> None:
        """Lets go of what was read of a request, which uvicorn keeps until the next one comes."""
        # The beginning of the next may have come already.
        if self.scope is cycle.scope:
            self.url = b""
            self.headers = []


class OpenAnswer:
    """The rest of an answer, written to its connection without a message and a coroutine each time.

    To be made when the head went ASGI's way. There uvicorn promised chunks, as it does whenever the
    head says neither how long the body is nor that there is none; to clients of HTTP/1.0 the end of
    the connection was promised.

    Raises:
        ValueError: it did not.
    """

    __slots__ = ("_cycle", "_flow", "_transport")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        # Nothing was sent, and so nothing promised, where the other side was gone before.
        if not (has_open_end(cycle) or cycle.disconnected):
            raise ValueError("the answer has no open end")
        self._cycle = cycle
        self._flow = cycle.flow
        self._transport = cycle.transport

    @property
    def is_full(self) -> bool:
        """Whether so much was not taken yet by the other side that no more should be written."""
        return self._flow.write_paused

    async def drain(self) -> None:
        """Waits until it is not full, or the other side is gone."""
        await self._flow.drain()

    def write(self, body: bytes) -> None:
        """Sends it now; what is not taken at once is kept. Once the other side is gone, does
        nothing."""
        # An empty chunk would be the end.
        if body and not self._cycle.disconnected:
            if self._cycle.chunked_encoding:
                body = b"%x\r\n%b\r\n" % (len(body), body)
            self._transport.write(body)

    async def end(self) -> None:
        """Ends it in good order: the connection may go on with another request."""
        await self._cycle.send({"type": "http.response.body", "body": b"", "more_body": False})

    def abort(self) -> None:
        """Breaks off the connection: at once, whatever was not taken yet.

        In good order it is closed only when the other side has taken all that was written, so one
        that takes nothing would keep it for ever
        (https://github.com/sanic-org/sanic/issues/2921 tells of the same).
        """
        self._transport.abort()


def open_answer(scope: Scope) -> OpenAnswer:
    """The answer to a request that has been begun. The request itself is forgotten, but for its
    method, which the server still looks at at the end: only what is to be sent matters now.

    It ends when the client ends its input; ``receive`` reports that as a disconnect.
    """
    extension = scope["extensions"][EXTENSION]
    # There as long as the request is being answered.
    cycle: RequestResponseCycle = extension["cycle"]()
    answer = OpenAnswer(cycle)
    connection = cast(Connection, extension["connection"])
    connection.forget_request(cycle)
    method = scope["method"]
    # Others may hold it, so it is emptied and not only let go of.
    scope.clear()
    scope["method"] = method
    connection.endless = cycle
    # The input may have ended before.
    connection.end_endless()
    return answer
