"""Roles as tokens carry them: ``customer``, ``admin``, ``kitchen`` (a cook of every kitchen) and
``kitchen:main`` (a cook of that one)."""

from collections.abc import Iterable

ADMIN = "admin"
KITCHEN = "kitchen"


def staff_roles(kitchen: str) -> tuple[str, str, str]:
    """The roles of those who work at ``kitchen``."""
    return ADMIN, KITCHEN, f"{KITCHEN}:{kitchen}"


def is_staff(roles: Iterable[str]) -> bool:
    """Whether somebody with ``roles`` works at any kitchen."""
    return any(role in (ADMIN, KITCHEN) or role.startswith(f"{KITCHEN}:") for role in roles)
