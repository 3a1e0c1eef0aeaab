import re

from infra.dev.replay.sales_file import SoldLine, SoldOrder
from infra.dev.replay.sold_menu import SoldMenu


def sold(*lines: SoldLine, number: str = "1") -> SoldOrder:
    return SoldOrder(number, lines)


def money_of(menu: SoldMenu, order: SoldOrder) -> int:
    prices = {item["sku"]: item["price"] for item in menu.as_menu()["items"]}
    return sum(prices[i["sku"]] * i["quantity"] for i in menu.order_for(order)["items"])


def test_each_pair_of_name_and_unit_price_is_one_dish() -> None:
    order = sold(
        SoldLine("Tea", 1, (), 250), SoldLine("Tea", 2, (), 500), SoldLine("Tea", 1, (), 300)
    )
    menu = SoldMenu([order], prep_seconds=60)
    assert [(i["sku"], i["price"]) for i in menu.as_menu()["items"]] == [
        ("tea-250", 250),
        ("tea-300", 300),
    ]


def test_line_is_ordered_at_its_unit_price() -> None:
    order = sold(SoldLine("Tea", 2, (), 500))
    menu = SoldMenu([order], prep_seconds=60)
    assert menu.order_for(order)["items"] == [{"sku": "tea-250", "quantity": 2, "options": []}]


def test_line_that_does_not_divide_to_the_cent_is_ordered_as_one() -> None:
    order = sold(SoldLine("Plate", 3, (), 2500))
    menu = SoldMenu([order], prep_seconds=60)
    assert menu.order_for(order)["items"] == [{"sku": "plate-2500", "quantity": 1, "options": []}]
    assert money_of(menu, order) == order.total


def test_choices_of_all_sales_become_one_free_group() -> None:
    one = sold(SoldLine("Bowl", 1, ("Rice", "Beans"), 900))
    two = sold(SoldLine("Bowl", 1, ("Beans", "Corn"), 900), number="2")
    menu = SoldMenu([one, two], prep_seconds=60)
    (group,) = menu.as_menu()["items"][0]["option_groups"]
    assert (group["min"], group["max"]) == (0, 3)
    assert group["options"] == [{"name": n, "price": 0} for n in ("Rice", "Beans", "Corn")]
    assert menu.order_for(two)["items"][0]["options"] == ["Beans", "Corn"]


def test_dish_without_choices_has_no_group() -> None:
    menu = SoldMenu([sold(SoldLine("Tea", 1, (), 250))], prep_seconds=60)
    assert menu.as_menu()["items"][0]["option_groups"] == []


def test_names_that_read_alike_stay_different_dishes() -> None:
    order = sold(SoldLine("Crème!", 1, (), 480), SoldLine("Creme", 1, (), 480))
    menu = SoldMenu([order], prep_seconds=60)
    assert [i["sku"] for i in menu.as_menu()["items"]] == ["creme-480", "creme-480-2"]
    assert [i["sku"] for i in menu.order_for(order)["items"]] == ["creme-480", "creme-480-2"]


def test_any_name_makes_a_permitted_sku() -> None:
    names = ["Lentil Stew (Large)", "飯", "x" * 200, "--", "6 Pack Soft Drink"]
    order = sold(*(SoldLine(name, 1, (), 100) for name in names))
    skus = [i["sku"] for i in SoldMenu([order], prep_seconds=60).as_menu()["items"]]
    assert len(set(skus)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", sku) for sku in skus)


def test_prep_time_is_the_one_asked_for() -> None:
    menu = SoldMenu([sold(SoldLine("Tea", 1, (), 250))], prep_seconds=90)
    assert menu.as_menu()["items"][0]["prep_seconds"] == 90
