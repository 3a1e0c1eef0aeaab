import pytest

from gateway.events import parse_event_id


@pytest.mark.parametrize(
    "text", ["", "1", "1-", "-1", "1-1-1", " 1-1", "1-1\n", "a-1", "-1-1", "١-١", f"{10**20}-1"]
)
def test_text_that_is_no_event_id_names_none(text: str) -> None:
    assert parse_event_id(text) is None


def test_ids_are_in_the_order_of_their_numbers_not_of_their_letters() -> None:
    texts = ["9-0", "9-2", "9-10", "10-0"]
    assert sorted(texts, key=lambda text: parse_event_id(text) or (0, 0)) == texts
