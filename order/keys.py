"""Every Redis key of the order service. ``{K}`` is the shard, so that all that one order's writes
touch lies in one slot of a Redis Cluster."""

MENU = "order:menu"
"""Hash: sku → the dish as JSON; ``_version``, ``_currency``, ``_skus`` (their
sequence) and ``_ops``, the last changes. Kept."""

KITCHENS = "order:kitchens"
"""Hash: kitchen → when its job last ran, RFC 3339. Kept."""

TERMS = "order:terms"
"""String: how often the menu or the house's hours have changed. Kept."""

HOUSE = "order:house"
"""Hash: ``hours`` (JSON), ``time_zone``, ``paused`` (1 or 0), ``reason``, ``until`` (RFC 3339, or
empty), ``version`` (counts changes; 1 before the first) and ``_ops``, the last ones. Kept."""

FEEDS = "order:feeds"
"""Channel: a replica's name, and the shards whose feeds it has just written to. Only a hint."""


def order(shard: str, order_id: str) -> str:
    """Hash: the order. Expires ``ORDER_RETENTION_DAYS`` after it finished."""
    return f"order:{{{shard}}}:{order_id}"


def history(shard: str, order_id: str) -> str:
    """List: the order's changes as JSON, oldest first. Lives as long as the order."""
    return f"order:{{{shard}}}:{order_id}:history"


def user_orders(shard: str, user_id: str) -> str:
    """Sorted set: the user's order ids by when they were placed (ms). Expires after the last of
    them is finished."""
    return f"order:{{{shard}}}:user:{user_id}"


def user_events(shard: str, user_id: str) -> str:
    """Stream: the user's own events, under the feed's ids. Trimmed; expires after his last order
    is finished."""
    return f"order:{{{shard}}}:user:{user_id}:events"


def open_orders(shard: str) -> str:
    """Sorted set: ids of orders not finished, by when they were placed (ms). Kept."""
    return f"order:{{{shard}}}:open"


def feed(shard: str) -> str:
    """Stream: every event of the shard. Trimmed, never expires: its ids must only grow."""
    return f"order:{{{shard}}}:events"


def outbox(shard: str) -> str:
    """Stream: orders whose wanted state the kitchen must hear. Never trimmed; an entry is deleted
    when the kitchen has it."""
    return f"order:{{{shard}}}:outbox"


def terms(shard: str) -> str:
    """String: the newest edition of the menu and the hours that orders must be placed by. Kept."""
    return f"order:{{{shard}}}:terms"


def idempotency(shard: str, user_id: str, key: str) -> str:
    """String: the SHA-256 of the body an order was placed with, and its id. Kept for 24 hours."""
    return f"order:{{{shard}}}:idem:{user_id}:{key}"


def idempotent_content(shard: str, user_id: str, key: str) -> str:
    """String: the SHA-256 of the content an order was placed with. Kept as long as
    ``idempotency``, which the last release reads and must find as it knows it."""
    return f"order:{{{shard}}}:idem-content:{user_id}:{key}"
