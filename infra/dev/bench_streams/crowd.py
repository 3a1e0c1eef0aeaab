"""Many readers of event streams who only count what comes.

On a small machine they share the cores with the server, and the last of thousands has an event no
sooner than all others were read. So this is a loop over what the kernel says is there, without
parsing, protocols or an event loop: the same for whatever is measured.
"""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from infra.dev.bench.errors import BenchError
from infra.dev.bench_streams.readers import stream_request

CONNECTING_AT_ONCE = 200
PATIENCE_SECONDS = 30
READ_BYTES = 65_536


class Crowd:
    """Readers of one server's ``/stream``. Use ``open_crowd``.

    Args:
        mark: what each event they count has in it, once and without a line's end.
    """

    def __init__(self, mark: bytes) -> None:
        self._mark = mark
        self._readers: dict[int, socket.socket] = {}
        self._poll = select.epoll()
        self._buffer = bytearray(READ_BYTES)
        # The beginnings of lines that came in two pieces, which is next to never.
        self._rests: dict[int, bytes] = {}

    def join(self, readers: list[socket.socket]) -> None:
        """Adds readers of whom each has been told the first event."""
        for reader in readers:
            reader.setblocking(False)
            self._readers[reader.fileno()] = reader
            # Told once for all that came, not again and again until it was read.
            self._poll.register(reader, select.EPOLLIN | select.EPOLLET)

    def count(self, events: int) -> None:
        """Reads until so many events were told, all readers taken together.

        Raises:
            BenchError: a stream broke off, or there were more events, or fewer after half a minute.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while events > 0:
            ready = self._poll.poll(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise BenchError(f"{events} events did not arrive")
            for number, _ in ready:
                events -= self._read(number)
        if events:
            raise BenchError(f"{-events} events more than there were")

    def close(self) -> None:
        """Lets go of what it reads with; the connections are not its own."""
        self._poll.close()

    def _read(self, number: int) -> int:
        """How many events one reader was told."""
        buffer, came = self._buffer, 0
        while True:
            try:
                size = self._readers[number].recv_into(buffer)
            except BlockingIOError:
                return came
            if not size:
                raise BenchError("a stream broke off")
            if number in self._rests or buffer[size - 1] != b"\n"[0]:
                came += self._read_pieces(number, bytes(buffer[:size]))
            else:
                came += buffer.count(self._mark, 0, size)
            if size < READ_BYTES:
                # That was all, or the kernel tells again.
                return came

    def _read_pieces(self, number: int, data: bytes) -> int:
        whole, _, rest = (self._rests.pop(number, b"") + data).rpartition(b"\n")
        if rest:
            self._rests[number] = rest
        return whole.count(self._mark)


@contextmanager
def open_crowd(port: int, readers: int, *, first: bytes, mark: bytes) -> Iterator[Crowd]:
    """So many readers on loopback, each connected and told ``first`` by now.

    Raises:
        BenchError: one was not.
    """
    with ExitStack() as stack:
        crowd = Crowd(mark)
        stack.callback(crowd.close)
        for begin in range(0, readers, CONNECTING_AT_ONCE):
            some = [
                stack.enter_context(_connect(port))
                for _ in range(min(CONNECTING_AT_ONCE, readers - begin))
            ]
            for reader in some:
                _read_until(reader, first)
            crowd.join(some)
        yield crowd


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
    connection.sendall(stream_request("/stream"))
    return connection


def _read_until(reader: socket.socket, wanted: bytes) -> None:
    came = b""
    while wanted not in came:
        data = reader.recv(READ_BYTES)
        if not data:
            raise BenchError(f"a stream broke off, after {came[:100]!r}")
        came += data


class Trigger:
    """Asks for events, without waiting for the answer."""

    def __init__(self, port: int, path: str) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self._request = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()

    def pull(self) -> None:
        """Asks for one."""
        self._connection.sendall(self._request)

    def check(self) -> None:
        """Reads the answer. Raises BenchError unless that is a 204."""
        _, status, _ = self._connection.recv(READ_BYTES).split(b" ", 2)
        if status != b"204":
            raise BenchError(f"an event was answered {status.decode()}")

    def close(self) -> None:
        """Closes its connection."""
        self._connection.close()
