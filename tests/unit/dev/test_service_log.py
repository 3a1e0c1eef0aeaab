"""What of the services' logs reaches the terminal, and when."""

import asyncio
import io
import json
from typing import TextIO

from infra.dev.service_log import ServiceLog


class Out(io.TextIOWrapper):
    """What was written, to a terminal or not."""

    def __init__(self, *, is_terminal: bool = False) -> None:
        super().__init__(io.BytesIO(), write_through=True)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    @property
    def lines(self) -> list[str]:
        return self.buffer.getvalue().decode().splitlines()  # type: ignore[attr-defined]


def line(level: str, event: str) -> str:
    return json.dumps({"event": event, "level": level, "time": "…", "service": "order"})


async def pass_on(log: ServiceLog, *parts: str) -> None:
    """Passes on what one process writes in these parts."""
    output = asyncio.StreamReader()
    following = asyncio.create_task(log.follow(output))
    for part in parts:
        output.feed_data(part.encode())
        await asyncio.sleep(0)
    output.feed_eof()
    await following


STARTED, LOST = line("info", "service_started"), line("warning", "watch_lost")


async def test_only_what_is_wrong_is_shown_until_the_house_is_open() -> None:
    out = Out()
    log = ServiceLog(out)
    await pass_on(log, f"{STARTED}\n{LOST}\nTraceback (most recent call last):\n")
    assert out.lines == [LOST, "Traceback (most recent call last):"]
    log.open()
    await pass_on(log, f"{STARTED}\n")
    assert out.lines[2:] == [STARTED]


async def test_a_start_that_fails_shows_what_was_held_back() -> None:
    out = Out()
    log = ServiceLog(out)
    await pass_on(log, f"{STARTED}\n")
    assert out.lines == []
    log.tell_all()
    assert out.lines == [STARTED]


async def test_lines_come_whole_however_they_are_written() -> None:
    out = Out()
    log = ServiceLog(out)
    log.open()
    await pass_on(log, STARTED[:10], f"{STARTED[10:]}\n{LOST}\nlast", " words")
    assert out.lines == [STARTED, LOST, "last words"]


async def test_terminal_is_written_to_for_people() -> None:
    out = Out(is_terminal=True)
    log = ServiceLog(out)
    await pass_on(log, f"{STARTED}\n{LOST}\n")
    (shown,) = out.lines
    assert "watch_lost" in shown
    assert "{" not in shown


async def test_reader_that_is_gone_holds_nothing_up() -> None:
    class Gone(Out):
        def flush(self) -> None:
            raise BrokenPipeError

    out: TextIO = Gone()
    log = ServiceLog(out)
    await pass_on(log, f"{LOST}\n")
