from pathlib import Path

import pytest

from infra.dev.replay.sales_file import (
    SalesFileError,
    SoldLine,
    parse_choices,
    read_sales,
)

SAMPLE = Path(__file__).parents[2] / "data" / "orders-sample.tsv"
HEADER = "order_id\tquantity\titem_name\tchoice_description\titem_price\n"


def write(folder: Path, *rows: str) -> Path:
    path = folder / "sales.tsv"
    path.write_text(HEADER + "\n".join(rows), encoding="utf-8")
    return path


def test_sample_is_read_whole() -> None:
    orders = read_sales(SAMPLE)
    assert [order.number for order in orders] == [str(n) for n in range(1, 13)]
    assert sum(order.total for order in orders) == 17_800
    assert orders[2].lines == (
        SoldLine("Lentil Stew (Large)", 1, ("Bread", "Yoghurt", "Chili Oil (Hot)"), 815),
        SoldLine("Bread Basket", 1, (), 275),
        SoldLine("Sparkling Water", 1, ("Lime",), 195),
    )


def test_lines_of_an_order_need_not_stand_together(tmp_path: Path) -> None:
    path = write(
        tmp_path, "1\t1\tTea\tNULL\t$1.00", "2\t1\tPie\tNULL\t$2.00", "1\t1\tPie\tNULL\t$2.00"
    )
    assert [(o.number, o.total) for o in read_sales(path)] == [("1", 300), ("2", 200)]


def test_quotation_mark_is_part_of_a_name(tmp_path: Path) -> None:
    path = write(tmp_path, '1\t1\t"Big" Pie\tNULL\t$2.00', "2\t1\tTea\tNULL\t$1.00")
    assert [o.lines[0].item_name for o in read_sales(path)] == ['"Big" Pie', "Tea"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("NULL", ()),
        ("[Lime]", ("Lime",)),
        ("[Salsa, [Rice, Beans]]", ("Salsa", "Rice", "Beans")),
        ("[[A, B], C, [D, [E]]]", ("A", "B", "C", "D", "E")),
        ("[Salsa (Hot), Rice]", ("Salsa (Hot)", "Rice")),
        ("[Lime, Lime]", ("Lime",)),
        ("[]", ()),
    ],
)
def test_choices_are_flat(text: str, names: tuple[str, ...]) -> None:
    assert parse_choices(text) == names


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("1\t1\tTea\tNULL", "line 2: 4 columns"),
        ("1\t0\tTea\tNULL\t$1.00", "line 2: '0' is no quantity"),
        ("1\ttwo\tTea\tNULL\t$1.00", "line 2: 'two' is no quantity"),
        ("1\t1\tTea\tNULL\t1", "line 2: '1' is no price"),
        ("1\t1\tTea\tNULL\t$1.005", "line 2: '$1.005' is no price"),
        ("1\t1\t\tNULL\t$1.00", "line 2: an order and an item must be named"),
    ],
)
def test_bad_line_is_named(tmp_path: Path, row: str, complaint: str) -> None:
    with pytest.raises(SalesFileError) as raised:
        read_sales(write(tmp_path, row))
    assert complaint in str(raised.value)


def test_file_without_orders_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SalesFileError, match="no orders"):
        read_sales(write(tmp_path))


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SalesFileError, match="can't be read"):
        read_sales(tmp_path / "none.tsv")


def test_other_columns_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "sales.tsv"
    path.write_text("a\tb\n1\t2\n", encoding="utf-8")
    with pytest.raises(SalesFileError, match="must name the columns"):
        read_sales(path)
