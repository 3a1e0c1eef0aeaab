"""Every Redis key the kitchen service owns. The keys of one kitchen share a slot; times are
milliseconds of Unix time."""

from functools import lru_cache


def ticket(kitchen: str, order_id: str) -> str:
    """Hash: the ticket, in the fields of ``redis_store``. Kept a day after it is closed."""
    return f"{_kitchen(kitchen)}:ticket:{order_id}"


def queued(kitchen: str) -> str:
    """Sorted set: order id by the time first promised: first promised, first started."""
    return f"{_kitchen(kitchen)}:queued"


def preparing(kitchen: str) -> str:
    """Sorted set: order id by the time its prep time is over; +inf when held after a recall."""
    return f"{_kitchen(kitchen)}:preparing"


def ready(kitchen: str) -> str:
    """Sorted set: order id by the time it is taken as picked up."""
    return f"{_kitchen(kitchen)}:ready"


def promises(kitchen: str) -> str:
    """Sorted set: order id by the time its promise is known to be missed by two minutes."""
    return f"{_kitchen(kitchen)}:promises"


def flagged(kitchen: str) -> str:
    """Sorted set: tickets voided while cooking and not acknowledged, by when; a day at most."""
    return f"{_kitchen(kitchen)}:flagged"


def parked(kitchen: str) -> str:
    """Sorted set: tickets the order service can't place, by when; until acknowledged."""
    return f"{_kitchen(kitchen)}:parked"


def number(kitchen: str) -> str:
    """String: the pickup number last given."""
    return f"{_kitchen(kitchen)}:number"


def numbers(kitchen: str) -> str:
    """Hash: pickup number → order id of the open ticket that has it."""
    return f"{_kitchen(kitchen)}:numbers"


def changes(kitchen: str) -> str:
    """Stream: changes the order service has given no verdict on. Never trimmed."""
    return f"{_kitchen(kitchen)}:changes"


def events(kitchen: str) -> str:
    """Stream: which ticket changed, for boards. Trimmed to about 10,000."""
    return f"{_kitchen(kitchen)}:events"


def tick(kitchen: str) -> str:
    """String: when the ten-second job last ran."""
    return f"{_kitchen(kitchen)}:tick"


def sender(kitchen: str) -> str:
    """String with a TTL of seconds: the lease of the replica that sends the changes."""
    return f"{_kitchen(kitchen)}:sender"


@lru_cache
def shared_by_scripts(kitchen: str) -> tuple[str, ...]:
    """KEYS of every script after the ticket itself, in the order ``lua/ticket.lua`` names them."""
    return (
        queued(kitchen),
        preparing(kitchen),
        ready(kitchen),
        promises(kitchen),
        flagged(kitchen),
        parked(kitchen),
        number(kitchen),
        numbers(kitchen),
        changes(kitchen),
        events(kitchen),
    )


def _kitchen(name: str) -> str:
    return f"kitchen:{{{name}}}"
