"""How `./task bench-login` shows what it measured."""

from infra.dev.bench_login.__main__ import render, render_difference


def test_table_has_a_line_for_each_name_in_milliseconds() -> None:
    taken = [number / 1000 for number in range(1, 100)]
    heading, line = render("99 logins", {"right password": taken})
    assert heading.split() == ["99", "logins,", "ms", "p10", "median", "p90", "most"]
    assert line.split() == ["right", "password", "10.0", "50.0", "90.0", "99.0"]


def test_difference_is_that_of_neighbours() -> None:
    slow_and_fast = [0.010, 0.500] * 5
    said = render_difference([taken + 0.002 for taken in slow_and_fast], slow_and_fast)
    assert "+2.00 ms" in said
    assert "+2.0 to +2.0 ms" in said
