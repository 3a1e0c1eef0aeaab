"""What a log line says, and when it is written."""

import subprocess
import sys

import orjson

TOLD = """
import asyncio, logging
from infra import logs

logs.configure("order", log_format="json")
log = logs.get_logger()
"""


def lines_of(script: str) -> list[dict[str, object]]:
    """The lines that a program of its own writes to its log."""
    run = subprocess.run(
        [sys.executable, "-c", TOLD + script], stderr=subprocess.PIPE, check=False, timeout=60
    )
    return [orjson.loads(line) for line in run.stderr.splitlines()]


def test_line_is_a_json_object_that_says_when_and_whose() -> None:
    [line] = lines_of("log.info('order_placed', order_id='A', total=950)")
    assert str(line.pop("time")).endswith("Z")
    assert line == {
        "event": "order_placed",
        "order_id": "A",
        "total": 950,
        "level": "info",
        "service": "order",
    }


def test_lines_come_in_the_order_they_were_told_within_a_loop_and_outside() -> None:
    lines = lines_of(
        """
log.info("before")
async def work():
    log.info("first")
    log.warning("second")
    await asyncio.sleep(0)
    log.info("third")
asyncio.run(work())
log.info("after")
"""
    )
    assert [line["event"] for line in lines] == ["before", "first", "second", "third", "after"]


def test_what_was_told_last_is_written_whatever_ends_the_program() -> None:
    lines = lines_of(
        """
async def work():
    log.error("last_word")
    raise SystemExit(1)
asyncio.run(work())
"""
    )
    assert [line["event"] for line in lines] == ["last_word"]


def test_exception_is_told_with_where_it_came_from_and_nobodys_secrets() -> None:
    [line] = lines_of(
        """
def open_up(password):
    raise ValueError("no")
try:
    open_up("hunter" + "2")
except ValueError:
    log.exception("failed")
"""
    )
    told = str(line["exception"])
    assert "open_up" in told
    assert "ValueError: no" in told
    assert "hunter2" not in told


def test_lines_of_other_libraries_look_the_same() -> None:
    [line] = lines_of("logging.getLogger('uvicorn').warning('%s is slow', 'it')")
    assert (line["event"], line["level"], line["service"]) == ("it is slow", "warning", "order")


def test_answer_whose_caller_is_gone_is_no_error() -> None:
    [gone, other] = lines_of(
        """
grpc = logging.getLogger("grpc._cython.cygrpc")
try:
    raise ValueError("Failed execute_batch")
except ValueError:
    grpc.exception("ExecuteBatchError raised in core by servicer method [%s]", "/Get")
    grpc.exception("Unexpected [%s] raised by servicer method [%s]", "KeyError", "/Get")
"""
    )
    assert (gone["level"], other["level"]) == ("info", "error")
    assert "exception" not in gone
    assert str(gone["event"]).endswith("[/Get]")
