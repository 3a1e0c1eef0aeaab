"""What a menu must be."""

from dataclasses import replace

import pytest

from order.domain import InvalidMenuError, MenuItem, MenuOption, OptionGroup
from order.menu import check_menu, with_folded_names

DISH = MenuItem(
    "tea",
    "Tea",
    "Drinks",
    "bar",
    250,
    60,
    option_groups=(OptionGroup("milk", 0, 1, (MenuOption("oat"),)),),
)


def named(name: str) -> MenuItem:
    """The dish with ``name`` wherever a dish has one."""
    groups = (OptionGroup(name, 0, 1, (MenuOption(name),)),)
    return replace(DISH, name=name, category=name, option_groups=groups)


@pytest.mark.parametrize("name", ["چای\u200cسبز", "Crème\u00a0brûlée", "\U0001fae9", "👩\u200d🍳"])
def test_names_are_those_of_any_language(name: str) -> None:
    check_menu("EUR", [with_folded_names(named(name))])


def test_spaces_of_names_are_folded() -> None:
    dish = with_folded_names(named("\u00a0Crème \u2009 brûlée "))
    (group,) = dish.option_groups
    assert {dish.name, dish.category, group.name, group.options[0].name} == {"Crème brûlée"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tea\u202e", "U+202E (RIGHT-TO-LEFT OVERRIDE)"),
        ("tea\x07", "U+0007"),
        ("tea\u2028", "U+2028 (LINE SEPARATOR)"),
        ("\u200d", "a visible character"),
        ("", "a visible character"),
        ("x" * 121, "at most 120 characters"),
    ],
)
def test_unfit_name_is_refused_wherever_it_stands(name: str, said: str) -> None:
    with pytest.raises(InvalidMenuError) as refused:
        check_menu("EUR", [named(name)])
    found = {v.pointer for v in refused.value.violations if said in v.message}
    group = "/items/0/option_groups/0"
    assert found == {
        "/items/0/name",
        "/items/0/category",
        f"{group}/name",
        f"{group}/options/0/name",
    }
