"""What a log has against its program, as the services really write it."""

import json
import subprocess
import sys

import pytest

from infra.dev.rush.log_file import find_errors, find_mended, mark_kill
from infra.dev.settings import REPOSITORY

BEGIN = """
import asyncio, gc, logging, sys
from infra.logs import configure, get_logger
configure("order", log_format="json")
log = get_logger()
log.info("order_placed", order_id="1")
log.warning("feed_not_read", error="Connection refused")
"""
PLANTED = {
    "error": "log.error('promise_not_renewed', order_id='A', exc_info=KeyError('seq'))",
    "exception": "try: 1 / 0\nexcept ZeroDivisionError: log.exception('tick_failed')",
    "critical": "log.critical('out_of_everything')",
    "a library's error": "logging.getLogger('grpc._cython.cygrpc').error('Unexpected [%s]', 'x')",
    "a forgotten task's": (
        "async def fail(): raise KeyError('lost')\n"
        "async def main():\n  task = asyncio.ensure_future(fail())\n"
        "  await asyncio.sleep(0)\n  del task\n  gc.collect()\n"
        "asyncio.run(main())"
    ),
    "a traceback": "raise RuntimeError('never caught')",
    "an ignored exception": "class Bad:\n  def __del__(self): raise KeyError\nBad()",
    "a warning of the interpreter": "async def idle(): pass\nidle()\ngc.collect()",
    "a fatal error": "import faulthandler, os; faulthandler.enable(); os.abort()",
}


def said_by(program: str) -> str:
    """What it writes to its log before it ends."""
    ran = subprocess.run(
        [sys.executable, "-c", BEGIN + program],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return ran.stdout


def test_what_is_no_error_is_none() -> None:
    said = said_by("sys.stderr.write('I0000 00:00:1795797851.1 123 fork.cc:1] at the fork\\n')")
    assert said.count("\n") == 3
    assert list(find_errors(said)) == []


@pytest.mark.parametrize("program", PLANTED.values(), ids=PLANTED)
def test_each_kind_of_error_is_found_once(program: str) -> None:
    said = said_by(program)
    [error] = find_errors(said + json.dumps({"event": "started", "level": "info"}))
    assert error


def test_error_is_told_in_a_line() -> None:
    [error] = find_errors(said_by(PLANTED["error"]))
    assert error.endswith(" promise_not_renewed A KeyError: 'seq'")
    [error] = find_errors(said_by(PLANTED["a traceback"]))
    assert error == "Traceback (most recent call last): … RuntimeError: never caught"


def test_line_that_a_kill_cut_short_is_no_error() -> None:
    killed, next_one = '{"event":"order_pla', '{"event":"started","level":"info"}'
    assert list(find_errors(f"{killed}{mark_kill().decode()}{next_one}")) == []
    # Without a kill it is one, and so is whatever else stands before a kill.
    assert len(list(find_errors(f"{killed}\n{next_one}"))) == 1
    assert list(find_errors(f"Fatal Python error: x{mark_kill().decode()}")) == [
        "Fatal Python error: x"
    ]


@pytest.mark.parametrize("event", ["order_without_ticket_mended", "ticket_without_order_voided"])
def test_what_was_mended_is_found_and_counted_once(event: str) -> None:
    said = said_by(f"log.error({event!r}, order_id='A')")
    [mended] = find_mended(said)
    assert mended.endswith(f"{event} A")
    assert list(find_errors(said)) == []
    assert list(find_mended(said_by(""))) == []
