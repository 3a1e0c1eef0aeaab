"""HTTP connections whose requests have an end and one meaning, and that refuse by problems.

What is done here to uvicorn's protocol relies on its insides and on httptools, its parser:
``tests/integration/infra/test_request_heads.py`` and ``test_half_closed.py`` hold them.
"""

import asyncio
import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

import httptools
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from infra.http_cycle import CloseDelimitedCycle, Header
from infra.logs import get_logger
from infra.problems import HEADERS_TOO_LARGE, MALFORMED_HTTP, ProblemType
from infra.request_head import MalformedHeadError, check_head, split_absolute

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

log = get_logger()

# Four times what ``infra.web`` lets through: whatever is a little too long is answered there.
MAX_HEAD_BYTES = 64 * 1024

LAST_ANSWERS_SECONDS = 60
"""Seconds from the end of the input until a connection is aborted: several times what the slowest
answer takes. A client that has shut its sending side and takes nothing would keep it for ever."""


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's, and what it leaves to be done about what a client sends.

    - The bytes are counted that arrive in a row and neither end a head or a message nor are of a
      body. Past ``MAX_HEAD_BYTES`` the input ends: uvicorn keeps them, however many.
    - An offered upgrade is ignored (RFC 9110 section 7.8): uvicorn loses the body of the request.
    - A head is held to RFC 9112 (``infra.request_head``). Trailers are dropped: uvicorn adds them
      to the headers.
    - When the input ends, because the client says so or by what can't be read, whole requests are
      answered, and the connection is closed. uvicorn closes it at once.
    """

    # Not in the instance's dictionary: one key more, and it is no longer shared with the others.
    __slots__ = ("_answering", "_last_words", "_timeout", "_unfinished_bytes", "endless")

    endless: RequestResponseCycle | None
    """The answer that has no end of its own: it ends with the input, as tabs leave so."""
    _answering: RequestResponseCycle | None
    """The request that was given to the application last; others may wait in the pipeline."""
    _last_words: bytes | None
    """What is said after the last answer, once the input has ended."""
    _timeout: asyncio.TimerHandle | None
    _unfinished_bytes: int

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.endless = self._answering = self._last_words = self._timeout = None
        self._unfinished_bytes = 0
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._timeout is not None:
            self._timeout.cancel()
        # uvicorn tells the request that came last, which may only wait for its turn.
        if self._answering is not None and not self._answering.response_complete:
            _disconnect(self._answering)

    def data_received(self, data: bytes) -> None:
        if self._last_words is not None:
            return
        self._unset_keepalive_if_required()
        self._unfinished_bytes += len(data)
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            # What a callback raised stands as its context.
            reason = error.__context__
            self._refuse(
                MALFORMED_HTTP, str(reason) if isinstance(reason, MalformedHeadError) else ""
            )
            return
        if self._unfinished_bytes > MAX_HEAD_BYTES:
            self._refuse(HEADERS_TOO_LARGE, f"{MAX_HEAD_BYTES} bytes at most")

    def _parse(self, data: bytes | memoryview) -> None:
        while (offer := self._feed(data)) is not None:
            # The parser takes all behind such a head for another protocol and can't be told
            # otherwise, so another one reads the head again, without the offer.
            head = self._head_without_offer()
            self.parser = httptools.HttpRequestParser(self)
            # As uvicorn has it: what follows after ``Connection: close`` is no error.
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            self.parser.feed_data(head)
            data = memoryview(data)[offer:]

    def _feed(self, data: bytes | memoryview) -> int | None:
        """Parses ``data`` up to the end of a head that offers an upgrade; returns where that is."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            end: int = offer.args[0]
            return end
        return None

    def _head_without_offer(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, version)]
        lines += [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        return b"".join((*lines, b"\r\n"))

    def on_headers_complete(self) -> None:
        self._unfinished_bytes = 0
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise MalformedHeadError("CONNECT is for proxies, and this is none")
            return
        version = self.parser.get_http_version()
        check_head(version, self.headers)
        # ``OPTIONS *`` is the server's.
        if not self.url.startswith((b"/", b"*")):
            authority, self.url = split_absolute(self.url)
            # RFC 9112 section 3.2.2. The scope has the same list.
            self.headers[:] = [(b"host", authority), *_without_host(self.headers)]
        is_old = version == "1.0"
        if is_old:
            # RFC 9110 section 10.1.1: such a client does not know what it would be told.
            self.expect_100_continue = False
        super().on_headers_complete()
        if is_old:
            # Not made as one only because uvicorn makes it. The application begins a moment later.
            self.cycle.__class__ = CloseDelimitedCycle
        # What comes from here on are trailers.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        self._unfinished_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished_bytes = 0
        if not self.parser.should_upgrade():
            # uvicorn does not note it of a request that was answered before its body came.
            self.cycle.more_body = False
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        self.endless = None
        super().on_response_complete()
        if self._last_words is not None and self._is_idle:
            self._close()

    @property
    def _is_idle(self) -> bool:
        return self._answering is None or self._answering.response_complete

    def eof_received(self) -> bool:  # type: ignore[override]
        """Return True while answers are due: the transport stays open for writing then."""
        if self._last_words is None:
            if self._is_cut:
                self._refuse(MALFORMED_HTTP, "the connection's input ended before the request")
            else:
                self._end_input(b"")
        return not self.transport.is_closing()

    @property
    def _is_cut(self) -> bool:
        """True if a request has begun and is not all here."""
        cycle = self.cycle
        # Each request has a scope of its own, from its first byte on.
        if self.scope is not None and (cycle is None or self.scope is not cycle.scope):
            return True
        return cycle is not None and cycle.more_body

    def _refuse(self, kind: ProblemType, detail: str) -> None:
        log.info("request_refused", problem=kind.slug, detail=detail)
        self._end_input(_answer(kind, detail))

    def _end_input(self, last_words: bytes) -> None:
        """Read no more. The requests that came whole are answered; ``last_words`` are said then,
        and the connection is closed. The application is not given a request that did not come
        whole, or learns that its client is gone."""
        if self.transport.is_closing():
            return
        self._timeout = self.loop.call_later(LAST_ANSWERS_SECONDS, self.transport.abort)
        last: RequestResponseCycle | None = self.cycle
        if last is not None and last.more_body:
            if self.pipeline:
                # The last that came is the last that waits.
                self.pipeline.popleft()
                last = self.pipeline[0][0] if self.pipeline else self._answering
            else:
                if last.response_started:
                    # That answers it already, or is in the middle of doing so.
                    last_words = b""
                if not last.response_complete:
                    last.response_complete = True
                    _disconnect(last)
        if not last_words and last is not None:
            # So that its head tells the client.
            last.keep_alive = False
        self._last_words = last_words
        if self._is_idle:
            self._close()
        elif self._answering is self.endless:
            self.end_endless()

    def end_endless(self) -> None:
        """End the answer that has no end of its own, if the input has ended."""
        cycle = self.endless
        if self._last_words is None or cycle is None:
            return
        if cycle.chunked_encoding:
            cycle.transport.write(b"0\r\n\r\n")
        cycle.response_complete = True
        # So that nothing more is written to it.
        _disconnect(cycle)
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()

    def _close(self) -> None:
        if self._last_words and not self.transport.is_closing():
            self.transport.write(self._last_words)
        self.transport.close()


def _disconnect(cycle: RequestResponseCycle) -> None:
    """Tells the application that nothing more comes from the client, and can be said to it."""
    cycle.disconnected = True
    cycle.message_event.set()


def _without_host(headers: Iterable[Header]) -> list[Header]:
    return [header for header in headers if header[0] != b"host"]


def _answer(kind: ProblemType, detail: str) -> bytes:
    status = HTTPStatus(kind.status)
    problem = {"type": kind.uri, "title": kind.title, "status": status}
    if detail:
        problem["detail"] = detail
    body = json.dumps(problem).encode()
    return b"".join(
        (
            STATUS_LINE[status],
            b"content-type: application/problem+json\r\n",
            b"content-length: %d\r\n" % len(body),
            b"connection: close\r\n\r\n",
            body,
        )
    )
