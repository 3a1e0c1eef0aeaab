"""The terminal at our standard input."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

READ_BYTES = 4096
PAUSE_SECONDS = 1.0
"""How long input is left alone that can't be read now."""


def is_there() -> bool:
    """True if standard input is a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


@contextmanager
def on_enter(call: Callable[[], None]) -> Iterator[None]:
    """Calls ``call`` for each Enter while the block runs, where there is a terminal."""
    if not is_there():
        yield
        return
    loop = asyncio.get_running_loop()
    terminal = sys.stdin.fileno()
    waiting: asyncio.TimerHandle | None = None

    def watch() -> None:
        loop.add_reader(terminal, read)

    def read() -> None:
        nonlocal waiting
        if _typed(terminal).endswith(b"\n"):
            call()
        else:
            # Ctrl-D, or a terminal that is gone: that could be read again and again at once.
            loop.remove_reader(terminal)
            waiting = loop.call_later(PAUSE_SECONDS, watch)

    watch()
    try:
        yield
    finally:
        loop.remove_reader(terminal)
        if waiting is not None:
            waiting.cancel()


def _typed(terminal: int) -> bytes:
    """The line that was typed; nothing at its end, or while we are in the background."""
    try:
        # A read from there would stop the process, and take a line that is another's.
        return b"" if _in_background(terminal) else os.read(terminal, READ_BYTES)
    except OSError:
        return b""


def _in_background(terminal: int) -> bool:
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:
        # Not the terminal of our session: nothing there has a foreground or a background.
        return False
