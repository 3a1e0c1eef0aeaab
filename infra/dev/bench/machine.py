"""The machine a run is made on: what its figures can't be compared without."""

import os
import platform
import statistics
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

SYNCS = 100
SYNCED_BYTES = 512


def processor() -> str:
    """The processor's name as Linux tells it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def file_system_of(folder: Path, mounts: str) -> str:
    """The kind of file system ``folder`` is on, by the text of ``/proc/mounts``."""
    best, kind = "", "unknown"
    for line in mounts.splitlines():
        _, mounted_at, its_kind, *_ = line.split(" ")
        if folder.is_relative_to(mounted_at) and len(mounted_at) >= len(best):
            best, kind = mounted_at, its_kind
    return kind


def sync_ms(folder: Path) -> float:
    """The median time, in ms, of a small write to ``folder`` that is synced to disk."""
    file = folder / "synced"
    times = []
    with file.open("wb", buffering=0) as written:
        for _ in range(SYNCS):
            began_at = time.perf_counter()
            written.write(b"\0" * SYNCED_BYTES)
            os.fdatasync(written.fileno())
            times.append(time.perf_counter() - began_at)
    file.unlink()
    return statistics.median(times) * 1000


def redis_version(server: Path) -> str:
    """What ``redis-server --version`` says its version is."""
    said = subprocess.run([str(server), "--version"], capture_output=True, text=True, check=True)
    version = next((word for word in said.stdout.split() if word.startswith("v=")), "v=?")
    return version.removeprefix("v=")


def now() -> str:
    """The date and time, UTC, to the minute."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
