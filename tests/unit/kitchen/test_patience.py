"""How often a ticket may fail, and whose fault it is."""

import pytest

from kitchen.patience import Failures, Patience


def test_failures_of_a_single_bad_ticket_count_up() -> None:
    failures = Failures()

    assert [failures.count("A") for _ in range(3)] == [1, 2, 3]


def test_failures_count_while_others_get_through() -> None:
    failures = Failures()
    failures.count("A")
    failures.count("B")
    failures.answered("C")

    assert failures.count("A") == 2


def test_outage_is_no_tickets_fault() -> None:
    failures = Failures()
    counts = [failures.count(order_id) for _ in range(20) for order_id in "AB"]

    assert max(counts) == 1


def test_answer_clears_a_tickets_record() -> None:
    failures = Failures()
    failures.count("A")
    failures.count("A")
    failures.answered("A")

    assert failures.count("A") == 1


@pytest.mark.parametrize(("failed", "most"), [(1, 1.0), (2, 2.0), (4, 8.0), (40, 30.0)])
def test_waits_double_up_to_a_limit_with_jitter(failed: int, most: float) -> None:
    waits = [Patience().resend_after(failed) for _ in range(50)]

    assert all(most / 2 <= wait <= most for wait in waits)
    assert len(set(waits)) > 1
