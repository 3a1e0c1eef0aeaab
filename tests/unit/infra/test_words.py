"""Words are their text."""

from infra.words import Word


class Size(Word):
    SMALL = "small"
    LARGE = "large"


def test_word_and_its_text_are_one_key() -> None:
    prices = {Size.SMALL: 1, "large": 2}
    assert (prices["small"], prices[Size.LARGE]) == (1, 2)


def test_word_is_written_as_its_text() -> None:
    assert f"{Size.SMALL}" == "small"
    assert Size("large") is Size.LARGE
