"""How kitchens and their stations are called, at every door: settings, menus, orders, roles,
queries, keys in Redis."""

KITCHEN_NAME = r"[a-z0-9][a-z0-9_-]{0,31}"
"""A name as a regular expression. It is part of Redis keys, as their hash tag, and of roles."""
KITCHEN_NAME_RULE = "must be lower-case letters, digits, hyphens and underscores, 32 at most"
STATION_NAME = KITCHEN_NAME
DEFAULT_KITCHEN = "main"
"""The kitchen of whatever names none."""
