from infra.dev.opening import SAMPLE_MENU, read_menu
from order.domain import MenuItem, MenuOption, OptionGroup
from order.menu import check_menu

MENU = read_menu(SAMPLE_MENU)


def test_sample_menu_is_one_the_order_service_takes() -> None:
    items = [
        MenuItem(
            **{
                **item,
                "option_groups": tuple(
                    OptionGroup(
                        **{**group, "options": tuple(MenuOption(**o) for o in group["options"])}
                    )
                    for group in item["option_groups"]
                ),
            }
        )
        for item in MENU["items"]
    ]
    check_menu(MENU["currency"], items)


def test_sample_menu_has_the_bowl_of_the_documented_example() -> None:
    bowl = next(item for item in MENU["items"] if item["sku"] == "chicken-bowl")
    names = {option["name"] for group in bowl["option_groups"] for option in group["options"]}
    assert {"rice", "guacamole"} <= names


def test_sample_menu_keeps_four_stations_busy() -> None:
    assert len({item["station"] for item in MENU["items"]}) == 4
