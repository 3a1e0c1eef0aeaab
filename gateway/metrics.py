"""What the gateway counts about its event streams; requests are counted in infra.metrics."""

from prometheus_client import Counter, Gauge, Histogram

STREAMS = Gauge("gateway_streams", "Open event streams.")
EVENTS_SENT = Counter(
    "gateway_events_sent",
    "Events sent on event streams: as they happened, to catch up, or as a heartbeat.",
    ["kind"],
)
CHANGE_TO_BROWSER = Histogram(
    "gateway_change_to_browser_seconds",
    "Time from a change to when it was written to an event stream that was up to date.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
RESETS = Counter("gateway_stream_resets", "Times a reader's last id was of no use any more.")
OVERFLOWS = Counter("gateway_stream_overflows", "Times a slow reader's queue was dropped.")
WATCHES_LOST = Counter("gateway_watches_lost", "Times the stream from a service broke.", ["peer"])
