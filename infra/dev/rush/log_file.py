"""What a program's log has against it: errors, what only the reconciler noticed, and last words."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

KILLED = {"event": "killed_by_the_rush"}
"""Stands in a log where its program was killed: the line before it may have been cut short."""
ERRORS = frozenset({"error", "critical"})
MENDED = frozenset({"order_without_ticket_mended", "ticket_without_order_voided"})
"""What the reconciler logs when orders and tickets came apart. Its metric says the same, but begins
at 0 with each process, and no process lives long in a rush."""
# gRPC's core writes so to stderr, past our logs: severity, month and day, time, thread, place.
CORE = re.compile(r"[IW]\d{4} \d\d:\d\d:\d+\.\d+ +\d+ \S+\] |WARNING: All log messages before absl")


def mark_kill() -> bytes:
    """The line that tells ``find_errors`` of a kill, on a line of its own wherever it is put."""
    return b"\n" + json.dumps(KILLED).encode() + b"\n"


def find_errors(text: str) -> Iterator[str]:
    """The errors in a log, each in a line, for people; what was mended is left out.

    A log has a JSON object a line. Anything else is a program's last words, or the interpreter's: a
    traceback, a warning, a fatal error. What follows each other of that is one error.
    """
    words: list[str] = []
    for line in filter(str.strip, text.splitlines()):
        said = _read(line)
        if said is None:
            if not CORE.match(line):
                words.append(line)
            continue
        if said == KILLED and words and words[-1].startswith("{"):
            # Cut short in the middle of a line.
            words.pop()
        if words:
            yield _tell_words(words)
            words = []
        if said.get("level") in ERRORS and said.get("event") not in MENDED:
            yield _tell(said)
    if words:
        yield _tell_words(words)


def find_mended(text: str) -> Iterator[str]:
    """What the reconciler mended, as a log tells it, each in a line, for people."""
    for said in map(_read, text.splitlines()):
        if said is not None and said.get("event") in MENDED:
            yield _tell(said)


def _read(line: str) -> dict[str, Any] | None:
    """The facts of a log line, None when it is not one."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _tell(said: dict[str, Any]) -> str:
    """A log line without the way to where it happened."""
    *_, error = str(said.get("exception") or said.get("error") or "").splitlines() or [""]
    return f"{said.get('time')} {said.get('event')} {said.get('order_id', '')} {error}".rstrip()


def _tell_words(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{words[0]} … {words[-1]}"
