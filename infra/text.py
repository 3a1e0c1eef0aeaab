"""Text that people write: which characters are refused, and what stays invisible.

Refused is only what breaks a line, a document or the reading order: controls, surrogates, line
separators, and the bidirectional overrides, embeddings and isolates (Unicode Standard Annex 9,
sections 2.1 to 2.4). Everything else is somebody's language: joiners in Persian and in emoji, the
no-break space in French, characters that are newer than this Python's Unicode tables.
"""

import re
import unicodedata

# LRE, RLE, PDF, LRO, RLO; LRI, RLI, FSI, PDI; LINE and PARAGRAPH SEPARATOR.
_REFUSED = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")
_SPACES = re.compile(r"[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
# Default_Ignorable_Code_Point of DerivedCoreProperties.txt, Unicode 16.0: drawn as nothing.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)


def fold_spaces(text: str) -> str:
    """Return ``text`` without space around it, each run of space characters (category Zs) in it
    as one U+0020."""
    return _SPACES.sub(" ", text).strip(" ")


def without_ignorable(text: str) -> str:
    """Return ``text`` without its default-ignorable characters (Unicode Standard, section 5.21)."""
    return _IGNORABLE.sub("", text)


def is_visible(text: str) -> bool:
    """Return whether a reader sees anything of ``text``: more than spaces and ignorable ones."""
    return bool(fold_spaces(without_ignorable(text)))


def refused_character(text: str) -> str:
    """Return the first refused character of ``text``, as ``describe`` names it; "" if none is."""
    return next((describe(char) for char in text if _is_refused(char)), "")


def control_character(text: str, *, permitted: str = "") -> str:
    """Return the first control or surrogate of ``text`` that is not in ``permitted``, as
    ``describe`` names it; "" if there is none."""
    # The check of the whole text is in C, and nearly all texts pass it.
    if text.isprintable():
        return ""
    return next((describe(c) for c in text if _is_control(c) and c not in permitted), "")


def describe(char: str) -> str:
    """Return a character's code point and name, such as ``U+202E (RIGHT-TO-LEFT OVERRIDE)``."""
    kind = "surrogate" if unicodedata.category(char) == "Cs" else "control character"
    return f"U+{ord(char):04X} ({unicodedata.name(char, kind)})"


def _is_refused(char: str) -> bool:
    return char in _REFUSED or _is_control(char)


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs")
