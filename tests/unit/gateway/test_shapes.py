"""An order's JSON, made once of the same bytes."""

import json

from gateway import shapes
from infra.web import JsonResponse
from shared_proto.restaurant.order.v1 import order_pb2


def an_order(version: int = 1) -> order_pb2.Order:
    return order_pb2.Order(
        id="01M84H3W5V9ZK2Q7X4T6B8C1DE",
        status=order_pb2.ORDER_STATUS_QUEUED,
        version=version,
        items=[order_pb2.OrderLine(sku="soup", name="Soup", quantity=2, options=["thyme"])],
        allowed_actions=["edit", "cancel"],
    )


def test_rendered_it_is_its_shape() -> None:
    for _ in range(2):
        said = JsonResponse({"orders": [shapes.rendered_order(an_order())]}).body
        assert json.loads(bytes(said)) == {"orders": [shapes.order(an_order())]}


def test_whatever_changes_shows_at_once() -> None:
    order = an_order()
    shapes.rendered_order(order)
    # As another caller sees the same version.
    order.allowed_actions.remove("edit")
    said = JsonResponse(shapes.rendered_order(order)).body
    assert json.loads(bytes(said))["allowed_actions"] == ["cancel"]
