"""All readers of a gateway lose their streams and come back at the same time."""

import subprocess
import sys

import pytest

from infra.dev.settings import REPOSITORY


def test_eight_thousand_streams_break_and_come_back_at_once_and_nothing_is_lost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # In a process of its own, which may open more files than this one. It says how many streams it
    # reached where the limit on open files allows fewer, and fails when a reader missed something,
    # or was told something twice or out of order.
    ran = subprocess.run(
        [sys.executable, "-m", "infra.dev.bench_streams", "--storm", "8000"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    with capsys.disabled():
        sys.stdout.write(f"\n{ran.stdout}")
    assert ran.returncode == 0, ran.stdout
    assert "; 0 at fault" in " ".join(ran.stdout.split())
