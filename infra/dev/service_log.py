"""What the services log, on its way to the terminal."""

import asyncio
import sys
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, TextIO

import orjson

from infra.logs import console_renderer

READ_BYTES = 64 * 1024
HELD_LINES = 1_000
"""A start that takes a minute logs some thirty."""
QUIET_LEVELS = frozenset({"debug", "info"})


class ServiceLog:
    """Passes on warnings and errors; every line once the house is open.

    The services write JSON to a pipe each. It is written as it comes, or for people where ``out``
    is a terminal. What is no line of the log, such as a traceback, is passed on as it is.
    """

    def __init__(self, out: TextIO = sys.stderr) -> None:
        self._out = out
        self._render: Any = console_renderer() if out.isatty() else None
        self._held: deque[bytes] | None = deque(maxlen=HELD_LINES)

    def open(self) -> None:
        """From now on every line is passed on; what was held back is over."""
        self._held = None

    def tell_all(self) -> None:
        """Passes on what was held back, for it may say why the start failed."""
        held, self._held = self._held, None
        self._pass_on(held or ())

    async def follow(self, output: asyncio.StreamReader) -> None:
        """Passes on the lines of one process until it closes its output."""
        begun = b""
        while read := await output.read(READ_BYTES):
            *lines, begun = (begun + read).split(b"\n")
            self._pass_on(lines)
        if begun:
            self._pass_on([begun])

    def _pass_on(self, lines: Iterable[bytes]) -> None:
        shown = b"".join(text + b"\n" for line in lines if (text := self._take(line)) is not None)
        # A reader that is gone, as of a pipe, is no reason to hold up the services.
        with suppress(BrokenPipeError):
            self._out.buffer.write(shown)
            self._out.flush()

    def _take(self, line: bytes) -> bytes | None:
        """``line`` as it is passed on, None where it is held back."""
        if self._held is None and self._render is None:
            return line
        try:
            fact = orjson.loads(line)
            level = fact["level"]
        except (ValueError, TypeError, LookupError):
            return line
        if self._held is not None and level in QUIET_LEVELS:
            self._held.append(line)
            return None
        return str(self._render(None, "", fact)).encode() if self._render else line
