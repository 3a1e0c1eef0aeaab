"""The README tells the truth about what a machine can check."""

import re

from infra.callers import RULES
from infra.dev.settings_table import README, with_table
from order.lifecycle import TRANSITIONS

TEXT = README.read_text("utf-8")


def test_every_setting_stands_in_the_readme_with_its_default():
    assert with_table(TEXT) == TEXT, "run: python -m infra.dev.settings_table"


def test_the_table_of_an_orders_life_is_the_lifecycles():
    told = re.findall(r"^\| ((?:–|`\w+`(?:, `\w+`)*)) → `(\w+)` \|", TEXT, re.MULTILINE)
    moves = {
        (source.strip("` "), target) for sources, target in told for source in sources.split(",")
    }
    assert moves == {(t.source or "–", t.target) for t in TRANSITIONS}


def test_every_rpc_has_a_rule_of_who_may_call_it():
    from shared_proto.restaurant.auth.v1 import auth_pb2
    from shared_proto.restaurant.kitchen.v1 import kitchen_pb2
    from shared_proto.restaurant.lane.v1 import lane_pb2
    from shared_proto.restaurant.order.v1 import order_pb2

    rpcs = {
        f"/{service.full_name}/{method.name}"
        for module in (auth_pb2, kitchen_pb2, lane_pb2, order_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    ours = {method for method in RULES if method.startswith("/restaurant.")}
    assert ours == rpcs
