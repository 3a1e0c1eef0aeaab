"""Times as they travel: RFC 3339 in UTC for people and Redis, ``Timestamp`` on the wire."""

from datetime import UTC, datetime
from functools import lru_cache

from google.protobuf.timestamp_pb2 import Timestamp


def utc_now() -> datetime:
    """The time now, in UTC, to the millisecond: what is stored is what was said."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


# One moment is written many times: in the order, its history, its events, in messages and in Redis.
@lru_cache(maxsize=256)
def to_text(at: datetime) -> str:
    """RFC 3339 in UTC to the millisecond, such as ``2026-11-23T12:03:04.123Z``."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """The moment an RFC 3339 text names."""
    return datetime.fromisoformat(text)


def to_ms(at: datetime) -> int:
    """Milliseconds of Unix time."""
    return round(at.timestamp() * 1000)


def from_ms(ms: float) -> datetime:
    """The moment of a count of milliseconds of Unix time."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def to_proto(at: datetime | None) -> Timestamp | None:
    """The moment as protobuf's ``Timestamp``; ``None`` leaves a field unset."""
    return None if at is None else timestamp(at)


@lru_cache(maxsize=256)
def timestamp(at: datetime) -> Timestamp:
    """The moment as protobuf's ``Timestamp``, to be put into other messages and never changed: all
    who name the moment share it."""
    seconds, ms = divmod(to_ms(at), 1000)
    return Timestamp(seconds=seconds, nanos=ms * 1_000_000)


def from_proto(at: Timestamp) -> datetime:
    """The moment a ``Timestamp`` names, to the millisecond."""
    return from_ms(at.seconds * 1000 + at.nanos // 1_000_000)
