"""Orders that were read of late: what is still so need not be told again."""

from dataclasses import dataclass

from gateway import shapes
from gateway.conditions import etag
from infra.web import JsonResponse, WholeResponse
from shared_proto.restaurant.order.v1.order_pb2 import Order

REMEMBERED = 4_096


@dataclass(frozen=True)
class OrderRead:
    """An order as one user may see it: its version, and the answer that tells it."""

    version: int
    response: WholeResponse


class OrdersRead:
    """Remembers what users were told of orders.

    Programs and pages read an order again and again while nothing happens to it. It is never told
    from memory alone: the order service says each time that it still is at that version, and that
    this user may know. That spares both of us most of the work on an order.
    """

    def __init__(self, remember: int = REMEMBERED) -> None:
        self._remember = remember
        self._known: dict[tuple[str, str], OrderRead] = {}

    def find(self, user_id: str, order_id: str) -> OrderRead | None:
        """The order as this user was told it last; perhaps it has changed since."""
        return self._known.get((user_id, order_id))

    def keep(self, user_id: str, order: Order) -> OrderRead:
        """The order as it is now, for this user."""
        key = user_id, order.id
        # The last to be forgotten again.
        self._known.pop(key, None)
        if len(self._known) >= self._remember:
            del self._known[next(iter(self._known))]
        response = JsonResponse(shapes.order(order), headers={"ETag": etag(order.version)})
        self._known[key] = read = OrderRead(order.version, response)
        return read
