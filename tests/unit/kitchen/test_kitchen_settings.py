"""What the environment says about kitchens."""

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from auth.domain import Role, role_name
from kitchen.app import kitchens_of, warn_of_ignored
from kitchen.domain import Mode
from kitchen.settings import Settings
from order.domain import InvalidMenuError, MenuItem
from order.menu import check_menu
from order.settings import Settings as OrderSettings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KITCHENS", raising=False)


def test_one_kitchen_named_main_is_the_default() -> None:
    [main] = kitchens_of(Settings()).values()

    assert (main.name, main.capacity, main.mode, main.stations) == (
        "main",
        8,
        Mode.AUTO,
        frozenset(),
    )


def test_kitchens_are_read_from_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "KITCHENS",
        '[{"name": "main"}, {"name": "roof", "capacity": 2, "mode": "hybrid",'
        ' "timezone": "Europe/Vienna", "stations": ["grill"]}]',
    )
    monkeypatch.setenv("KITCHEN_CAPACITY", "5")
    kitchens = kitchens_of(Settings())

    assert kitchens["main"].capacity == 5
    assert (kitchens["roof"].capacity, kitchens["roof"].mode) == (2, Mode.HYBRID)
    assert kitchens["roof"].stations == {"grill"}


def test_speed_and_pickup_time_hold_for_all_kitchens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITCHEN_SPEED", "60")
    monkeypatch.setenv("KITCHEN_PICKUP_AFTER_SECONDS", "120")

    assert kitchens_of(Settings())["main"].pickup_ms == 2_000


@pytest.mark.parametrize(
    "kitchens",
    [
        "[]",
        '[{"name": "main"}, {"name": "main"}]',
        '[{"name": "a}b"}]',
        '[{"name": "main", "capacity": 0}]',
        '[{"name": "main", "mode": "magic"}]',
        '[{"name": "main", "speeed": 2}]',
    ],
)
def test_kitchens_that_can_not_be_are_refused(
    monkeypatch: pytest.MonkeyPatch, kitchens: str
) -> None:
    monkeypatch.setenv("KITCHENS", kitchens)

    with pytest.raises(ValidationError):
        Settings()


@pytest.mark.parametrize(
    ("name", "is_fit"),
    [("cold_bar", True), ("bar-2", True), ("2nd", True), ("x" * 32, True)]
    + [
        (name, False) for name in ("", "_bar", "Bar", "cold bar", "бар", "bar/2", "x" * 33, "bar\n")
    ],
)
def test_a_kitchen_is_called_alike_at_every_door(name: str, is_fit: bool) -> None:
    kitchens = [{"name": name}]
    for read in (
        lambda: Settings(kitchens=kitchens),
        lambda: OrderSettings(kitchens=kitchens),
        lambda: role_name(Role.KITCHEN, name) if name else Settings(kitchens=kitchens),
    ):
        if is_fit:
            read()
        else:
            with pytest.raises(ValueError, match=r"name"):
                read()


@pytest.mark.parametrize(
    ("station", "is_fit"), [("cold_bar", True), ("Cold Bar", False), ("", False)]
)
def test_stations_are_called_alike_in_settings_and_menus(station: str, is_fit: bool) -> None:
    menu = [MenuItem("tea", "Tea", "Drinks", station, 250, 60)]
    for read in (
        lambda: Settings(kitchens=[{"name": "main", "stations": [station]}]),
        lambda: check_menu("EUR", menu),
    ):
        if is_fit:
            read()
        else:
            with pytest.raises((ValueError, InvalidMenuError)):
                read()


@pytest.mark.parametrize(("entry", "warnings"), [({"timezone": "Europe/Vienna"}, 1), ({}, 0)])
def test_time_zone_of_a_kitchen_is_ignored_with_a_warning(
    entry: dict[str, str], warnings: int
) -> None:
    with capture_logs() as lines:
        warn_of_ignored(Settings(kitchens=[{"name": "main", **entry}]))
    assert [line["setting"] for line in lines] == ["KITCHENS[].timezone"] * warnings
