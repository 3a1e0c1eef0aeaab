"""HTTP connections whose requests can't have a head without end, and that refuse by problems."""

import json
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from infra.problems import HEADERS_TOO_LARGE, MALFORMED_HTTP, ProblemType

# Four times what ``infra.web`` lets through: whatever is a little too long is answered there.
MAX_HEAD_BYTES = 64 * 1024


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's, which keeps what arrives of a head, or of trailers, however long that grows.

    Here the bytes are counted that arrive in a row and neither end a head or a message nor are of a
    body. Past ``MAX_HEAD_BYTES`` the connection is closed, as it is after what is no HTTP.
    """

    _unfinished_bytes = 0

    def data_received(self, data: bytes) -> None:
        self._unfinished_bytes += len(data)
        super().data_received(data)
        if self._unfinished_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._close(HEADERS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        self._unfinished_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unfinished_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._close(MALFORMED_HTTP)

    def _close(self, kind: ProblemType) -> None:
        """Ends the connection, saying why unless that would be in the middle of an answer."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_ANSWERS[kind])
        self.transport.close()


def _answer(kind: ProblemType) -> bytes:
    status = HTTPStatus(kind.status)
    body = json.dumps({"type": kind.uri, "title": kind.title, "status": status}).encode()
    return b"".join(
        (
            STATUS_LINE[status],
            b"content-type: application/problem+json\r\n",
            b"content-length: %d\r\n" % len(body),
            b"connection: close\r\n\r\n",
            body,
        )
    )


_ANSWERS = {kind: _answer(kind) for kind in (HEADERS_TOO_LARGE, MALFORMED_HTTP)}
