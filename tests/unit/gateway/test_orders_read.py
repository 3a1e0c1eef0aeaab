"""What was read of orders is remembered by reader, and not for ever."""

from gateway.orders_read import OrdersRead
from shared_proto.restaurant.order.v1.order_pb2 import Order


def test_the_oldest_is_forgotten_first() -> None:
    read = OrdersRead(remember=2)
    for order_id in ("A", "B", "A", "C"):
        read.keep("anna", Order(id=order_id, version=1))
    assert read.find("anna", "B") is None
    assert read.find("anna", "A") is not None
    assert read.find("anna", "C") is not None


def test_what_was_kept_last_is_told_to_its_reader_alone() -> None:
    read = OrdersRead()
    read.keep("anna", Order(id="A", version=1, note="old"))
    kept = read.keep("anna", Order(id="A", version=2, note="new"))
    assert read.find("anna", "A") == kept
    assert kept.version == 2
    assert b'"note":"new"' in kept.response.body
    assert read.find("boris", "A") is None
