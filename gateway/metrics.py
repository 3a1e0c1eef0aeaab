"""What the gateway counts about its event streams; requests are counted in infra.metrics."""

import asyncio
import time

from prometheus_client import Counter, Gauge, Histogram

STREAMS = Gauge("gateway_streams", "Open event streams.")
EVENTS_SENT = Counter(
    "gateway_events_sent",
    "Events sent on event streams: as they happened, to catch up, or as a heartbeat.",
    ["kind"],
)
RESETS = Counter("gateway_stream_resets", "Times a reader's last id was of no use any more.")
OVERFLOWS = Counter("gateway_stream_overflows", "Times a slow reader's queue was dropped.")
WATCHES_LOST = Counter("gateway_watches_lost", "Times the stream from a service broke.", ["peer"])


class HistogramOfMany(Histogram):
    """A histogram that takes the same value of many at once."""

    def observe_many(self, amount: float, times: int) -> None:
        """As ``observe`` so many times."""
        self._sum.inc(amount * times)
        bucket = next(i for i, bound in enumerate(self._upper_bounds) if amount <= bound)
        self._buckets[bucket].inc(times)


CHANGE_TO_BROWSER = HistogramOfMany(
    "gateway_change_to_browser_seconds",
    "Time from a change to when it was written to an event stream that was up to date.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


class LiveEvents:
    """Counts what is told as it happens.

    Thousands are told the same in a row, and to count each would add more than 1 µs to the 10 that
    telling it takes. So it is counted once for all who were told before others got the loop, which
    is a few milliseconds at most: less than the smallest time that is told apart.
    """

    def __init__(self) -> None:
        self._sent = EVENTS_SENT.labels("live")
        self._happened_at = 0.0
        self._readers = 0

    def note(self, happened_at: float) -> None:
        """What happened then, in seconds of Unix time, was just written to one more reader."""
        if happened_at != self._happened_at:
            self._count()
            self._happened_at = happened_at
        if not self._readers:
            asyncio.get_running_loop().call_soon(self._count)
        self._readers += 1

    def _count(self) -> None:
        readers, self._readers = self._readers, 0
        if readers:
            self._sent.inc(readers)
            late = max(0.0, time.time() - self._happened_at)
            CHANGE_TO_BROWSER.observe_many(late, readers)


TOLD_LIVE = LiveEvents()
