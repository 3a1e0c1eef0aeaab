"""Text that people write."""

import unicodedata

import pytest

from infra.text import (
    control_character,
    fold_spaces,
    is_visible,
    refused_character,
    without_ignorable,
)


@pytest.mark.parametrize(
    "text",
    [
        "نیم\u200cبها",  # Persian: ZERO WIDTH NON-JOINER
        "Crème brûlée\u00a0!",  # French: NO-BREAK SPACE
        "👩\u200d🍳 menu",  # an emoji sequence
        "\U0001fae9\U0001fadc",  # emoji of Unicode 16, unknown to older tables
        "שלום\u200f",  # a mark, which reorders nothing else
    ],
)
def test_what_languages_are_written_with_is_fine(text: str) -> None:
    assert refused_character(text) == ""
    assert is_visible(text)


@pytest.mark.parametrize(
    ("char", "said"),
    [
        ("\u202e", "U+202E (RIGHT-TO-LEFT OVERRIDE)"),
        ("\u2066", "U+2066 (LEFT-TO-RIGHT ISOLATE)"),
        ("\u202a", "U+202A (LEFT-TO-RIGHT EMBEDDING)"),
        ("\u2028", "U+2028 (LINE SEPARATOR)"),
        ("\x0b", "U+000B (control character)"),
        ("\n", "U+000A (control character)"),
        ("\ud800", "U+D800 (surrogate)"),
    ],
)
def test_what_breaks_a_line_or_its_order_is_refused_by_name(char: str, said: str) -> None:
    assert refused_character(f"a{char}b") == said


def test_every_space_is_folded() -> None:
    spaces = [chr(n) for n in range(0x110000) if unicodedata.category(chr(n)) == "Zs"]
    assert fold_spaces("".join(spaces) + "a" + "".join(spaces) + "b ") == "a b"


@pytest.mark.parametrize("text", ["", " ", "\u00a0", "\u200d", "\u3164 \u200b", "\ufe0f"])
def test_nothing_to_see(text: str) -> None:
    assert not is_visible(text)


def test_ignorable_characters_go_and_letters_stay() -> None:
    assert without_ignorable("an\u200dna\u00ad\ufe0f") == "anna"


def test_notes_may_have_lines_and_no_other_controls() -> None:
    assert control_character("no onion\n\tplease", permitted="\t\n\r") == ""
    assert control_character("no\x0bonion", permitted="\t\n\r") == "U+000B (control character)"
