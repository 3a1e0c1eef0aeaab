"""Menus as spreadsheets write them."""

import pytest

from gateway.menu_csv import EXAMPLE, CsvMenu, read_csv
from gateway.schemas import Option, OptionGroup
from infra.errors import Violation
from infra.web import ProblemError

HEAD = EXAMPLE.splitlines()[0]


def test_dishes_are_read_with_their_options() -> None:
    bowl, tea = read_csv(EXAMPLE).dishes
    assert (bowl.sku, bowl.price, bowl.prep_seconds, bowl.available) == (
        "chicken-bowl",
        990,
        420,
        True,
    )
    assert bowl.option_groups == [
        OptionGroup(
            name="base", min=1, max=1, options=[Option(name="rice"), Option(name="greens")]
        ),
        OptionGroup(name="extra", min=0, max=1, options=[Option(name="guacamole", price=190)]),
    ]
    assert (tea.available, tea.option_groups) == (False, [])


def test_option_may_cost_less_and_be_of_many_words() -> None:
    (dish,) = read_csv(f"{HEAD}\nx,X,C,s,1,1,,size of it 0-1: half a portion \u2212250\n").dishes
    (group,) = dish.option_groups
    assert (group.name, group.options[0]) == (
        "size of it",
        Option(name="half a portion", price=-250),
    )


@pytest.mark.parametrize(
    ("line", "pointer"),
    [
        ("tea,Tea,Drinks,bar,2.50,60,,", "/lines/2/price"),
        ("tea,Tea,Drinks,bar,250,soon,,", "/lines/2/prep_seconds"),
        ("tea,Tea,Drinks,bar,250,60,maybe,", "/lines/2/available"),
        ("tea,Tea,Drinks,bar,250,60,,milk", "/lines/2/options"),
        ("tea,Tea,Drinks,bar,250,60,,milk 0-1: a||b", "/lines/2/options"),
        (",Tea,Drinks,bar,250,60,,", "/lines/2/sku"),
        ("tea,Tea", "/lines/2"),
        ("tea,Tea,Drinks,bar,250,60,,,extra", "/lines/2"),
        ('tea,"Tea', "/lines/2"),
    ],
)
def test_what_is_wrong_is_said_of_its_line(line: str, pointer: str) -> None:
    with pytest.raises(ProblemError) as refused:
        read_csv(f"{HEAD}\n{line}\n")
    assert refused.value.response.status_code == 422
    assert f'"pointer":"{pointer}"'.encode() in refused.value.response.body


def test_everything_wrong_is_told_at_once_and_multi_line_cells_count_their_lines() -> None:
    text = f'{HEAD}\na,"two\nlines",C,s,x,1,,\nb,B,C,s,1,y,,\n'
    with pytest.raises(ProblemError) as refused:
        read_csv(text)
    body = bytes(refused.value.response.body)
    assert b"/lines/3/price" in body
    assert b"/lines/4/prep_seconds" in body


TEA = "tea,Tea,Drinks,bar,250,60,no,"


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}\n{TEA}\n,,,,,,,\n\n",  # rows of empty cells
        f"{HEAD}\r{TEA}\r",  # CR alone, as old Macintosh programs write
        f"{HEAD}\r\n{TEA}\r\n",
        f"{HEAD},,\n{TEA},,\n",  # as many cells as the widest row
        f"{HEAD.upper().replace(',', ' , ')}\n{TEA}\n",
        f"{HEAD}\ntea,Tea,Drinks,bar,250,60,no\n",
    ],
)
def test_menu_is_read_as_spreadsheets_write_it(text: str) -> None:
    menu = read_csv(text)
    assert [(dish.sku, dish.price, dish.available) for dish in menu.dishes] == [("tea", 250, False)]
    assert menu.lines == [2]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_are_named(separator: str) -> None:
    quoted = "".join(f'"{cell}",' for cell in HEAD.split(",")).removesuffix(",")
    for head in (HEAD, quoted):
        with pytest.raises(ProblemError) as refused:
            read_csv(f"{head}\n{TEA}\n".replace(",", separator))
        assert b"the columns must be parted by commas" in refused.value.response.body


@pytest.mark.parametrize("line", ['tea,"Tea', 'tea,"Te"a",Drinks,bar,250,60,,', "tea,T\0ea"])
def test_broken_quoting_is_told_in_words_of_ours(line: str) -> None:
    with pytest.raises(ProblemError) as refused:
        read_csv(f"{HEAD}\n{line}\n")
    body = bytes(refused.value.response.body)
    assert b"/lines/" in body
    assert b"expected" not in body
    assert b"unexpected" not in body


@pytest.mark.parametrize(
    "text", ["", "sku,name\n", "price,sku\n1,2\n", HEAD.replace("category", "name"), f"{HEAD},sku"]
)
def test_columns_must_be_named(text: str) -> None:
    with pytest.raises(ProblemError) as refused:
        read_csv(text)
    assert b"/lines/1" in refused.value.response.body


def test_what_the_order_service_finds_is_said_of_the_line() -> None:
    menu = CsvMenu(dishes=(), lines=(2, 5))
    found = menu.violation_by_line(Violation("/items/1/price", "is out of range"))
    assert found == Violation("/lines/5/price", "line 5: is out of range")
    other = Violation("/currency", "must be a code")
    assert menu.violation_by_line(other) == other
