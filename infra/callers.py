"""Who may call what: one table for every RPC of the system. What is not listed is refused."""

from collections.abc import Mapping
from enum import Enum


class Access(Enum):
    """Who, other than named services, may call an RPC."""

    PUBLIC = "public"
    """Anyone who reaches the port."""
    USER = "user"
    """Anyone with a valid access token; what the user may do is the service's own business."""


Rule = Access | frozenset[str]

_ORDER = "/restaurant.order.v1.OrderService/"
_KITCHEN = "/restaurant.kitchen.v1.KitchenService/"
_AUTH = "/restaurant.auth.v1.AuthService/"

RULES: Mapping[str, Rule] = {
    _ORDER + "PlaceOrder": Access.USER,
    _ORDER + "GetOrder": Access.USER,
    _ORDER + "ListOrders": Access.USER,
    _ORDER + "UpdateOrder": Access.USER,
    _ORDER + "CancelOrder": Access.USER,
    _ORDER + "GetLifecycle": Access.PUBLIC,
    _ORDER + "GetHouse": Access.PUBLIC,
    _ORDER + "SetHours": Access.USER,
    _ORDER + "SetPause": Access.USER,
    _ORDER + "GetMenu": Access.PUBLIC,
    _ORDER + "ImportMenu": Access.USER,
    _ORDER + "SetAvailability": Access.USER,
    _ORDER + "Watch": frozenset({"gateway"}),
    _ORDER + "ReadEvents": frozenset({"gateway"}),
    _ORDER + "PushChanges": frozenset({"kitchen"}),
    _KITCHEN + "PutTickets": frozenset({"order"}),
    _KITCHEN + "FindTickets": frozenset({"order"}),
    _KITCHEN + "ListOpenTickets": frozenset({"order"}),
    _KITCHEN + "ListTickets": Access.USER,
    _KITCHEN + "StartTicket": Access.USER,
    _KITCHEN + "FinishTicket": Access.USER,
    _KITCHEN + "RecallTicket": Access.USER,
    _KITCHEN + "CompleteTicket": Access.USER,
    _KITCHEN + "AcknowledgeTicket": Access.USER,
    _KITCHEN + "WatchTickets": frozenset({"gateway"}),
    _AUTH + "Register": Access.PUBLIC,
    _AUTH + "Login": Access.PUBLIC,
    _AUTH + "RefreshToken": Access.PUBLIC,
    _AUTH + "Logout": Access.PUBLIC,
    _AUTH + "VerifyToken": Access.PUBLIC,
    _AUTH + "GetPublicKeys": Access.PUBLIC,
    _AUTH + "WatchRevocations": frozenset({"gateway", "kitchen", "order"}),
    # Opening a lane is for services; each call on it is judged by its own rule.
    "/restaurant.lane.v1.LaneService/Ride": frozenset({"gateway"}),
    "/grpc.health.v1.Health/Check": Access.PUBLIC,
    "/grpc.health.v1.Health/Watch": Access.PUBLIC,
    "/grpc.health.v1.Health/List": Access.PUBLIC,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Access.PUBLIC,
}

SERVICE_NAMES = frozenset[str]().union(
    *(rule for rule in RULES.values() if isinstance(rule, frozenset))
)
"""The services that call others in their own name."""
