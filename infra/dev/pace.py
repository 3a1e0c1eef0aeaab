"""How fast time passes in a developer's kitchen."""

from collections.abc import Mapping

SPEED = "KITCHEN_SPEED"
PICKUP = "KITCHEN_PICKUP_AFTER_SECONDS"
FAST = 20
"""A bowl of seven minutes is ready after 21 s, and the ten-second job is still seen at work."""
PICKUP_SECONDS = 600
"""The speed divides this, too; but a developer's own eyes and hands are no faster."""


def pace_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings that make the kitchen cook faster, unless ``environment`` says how fast."""
    if SPEED in environment:
        return {}
    return {SPEED: str(FAST), PICKUP: str(FAST * PICKUP_SECONDS)}
