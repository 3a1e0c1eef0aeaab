import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from infra.dev.bench.errors import BenchError
from infra.dev.bench_streams.crowd import READ_BYTES, Crowd

MARK = b"event: status"
EVENT = b"5f\r\nid: 7-0\nevent: status\ndata: {}\n\n\r\n"


class Place:
    """Two readers, and the ends they are told from."""

    def __init__(self) -> None:
        pairs = [socket.socketpair() for _ in range(2)]
        self.readers = [reader for reader, _ in pairs]
        self.tellers = [teller for _, teller in pairs]
        self.crowd = Crowd(MARK)
        self.crowd.join(self.readers)


@pytest.fixture
def place() -> Iterator[Place]:
    place = Place()
    with closing(place.crowd):
        yield place
    for one in (*place.readers, *place.tellers):
        one.close()


def test_events_of_all_readers_are_counted(place: Place) -> None:
    for teller in place.tellers:
        teller.sendall(EVENT * 3)
    place.crowd.count(6)
    place.tellers[0].sendall(b"event: heartbeat\n\n" + EVENT)
    place.crowd.count(1)


def test_event_that_comes_in_pieces_counts_once(place: Place) -> None:
    teller = place.tellers[0]
    for end in range(1, len(EVENT)):
        teller.sendall(EVENT + EVENT[:end])
        place.crowd.count(1 + (MARK + b"\n" in EVENT[:end]))
        teller.sendall(EVENT[end:] + EVENT)
        place.crowd.count(1 + (MARK + b"\n" not in EVENT[:end]))


def test_more_than_is_read_at_once_is_counted(place: Place) -> None:
    events = 3 * READ_BYTES // len(EVENT)
    place.tellers[0].settimeout(30)
    place.tellers[0].sendall(EVENT * events)
    place.crowd.count(events)


def test_more_events_than_there_were_are_an_error(place: Place) -> None:
    place.tellers[0].sendall(EVENT * 2)
    with pytest.raises(BenchError, match="1 events more than there were"):
        place.crowd.count(1)


def test_stream_that_breaks_off_is_an_error(place: Place) -> None:
    place.tellers[0].close()
    with pytest.raises(BenchError, match="broke off"):
        place.crowd.count(1)
