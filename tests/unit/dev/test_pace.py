"""How fast a developer's kitchen cooks."""

from datetime import timedelta

import pytest

from infra.dev.pace import pace_of
from kitchen.app import kitchens_of
from kitchen.settings import Settings


def test_kitchen_cooks_fast_and_food_is_picked_up_in_ten_real_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for setting, value in pace_of({}).items():
        monkeypatch.setenv(setting, value)
    (kitchen,) = kitchens_of(Settings()).values()
    assert kitchen.speed == 20
    assert kitchen.pickup_after / kitchen.speed == timedelta(minutes=10)
    assert kitchen.tick == timedelta(seconds=10)


def test_what_is_set_counts_alone() -> None:
    assert pace_of({"KITCHEN_SPEED": "1"}) == {}
