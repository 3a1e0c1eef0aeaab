"""What Linux knows of processes: the CPU time they used and the memory they hold."""

import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
MIB = 1024


@dataclass(frozen=True)
class Memory:
    """Memory of one process, in MiB.

    Attributes:
        uss: what would be free if it ended.
        pss: that, and its share of what it has in common with others.
        rss: all it has mapped in; what is common is counted in each process.
    """

    uss: float
    pss: float
    rss: float


def cpu_seconds(pid: int) -> float:
    """The CPU time the process has used so far, all threads, in user and kernel mode.

    That of its children counts when they have ended: Redis rewrites its file in one.

    Raises:
        FileNotFoundError: there is no such process.
    """
    return parse_cpu_ticks((PROC / str(pid) / "stat").read_text()) / TICKS_PER_SECOND


def parse_cpu_ticks(stat: str) -> int:
    """utime, stime, cutime and cstime of a ``/proc/<pid>/stat``: fields 14 to 17 in proc(5)."""
    # The name, in parentheses, may hold spaces and parentheses itself.
    fields = stat.rpartition(")")[2].split()
    return sum(map(int, fields[11:15]))


def busy_seconds() -> float:
    """The CPU time all processes of the machine have used since it was started, ours included."""
    first_line, _, _ = (PROC / "stat").read_text().partition("\n")
    return parse_busy_ticks(first_line) / TICKS_PER_SECOND


def parse_busy_ticks(line: str) -> int:
    """All but idle and iowait of the ``cpu`` line of ``/proc/stat``.

    The time stolen by other virtual machines counts: it was not ours. The last two fields, the
    time of guests, are part of the first two.
    """
    user, nice, system, _, _, irq, softirq, steal = (int(field) for field in line.split()[1:9])
    return user + nice + system + irq + softirq + steal


def memory(pid: int) -> Memory:
    """What the process holds now. Raises FileNotFoundError where there is no such process."""
    return parse_memory((PROC / str(pid) / "smaps_rollup").read_text())


def parse_memory(rollup: str) -> Memory:
    """The memory a ``/proc/<pid>/smaps_rollup`` tells."""
    kib: dict[str, int] = {}
    for line in rollup.splitlines()[1:]:
        name, _, rest = line.partition(":")
        kib[name] = int(rest.split()[0])
    return Memory(
        uss=(kib["Private_Clean"] + kib["Private_Dirty"]) / MIB,
        pss=kib["Pss"] / MIB,
        rss=kib["Rss"] / MIB,
    )
