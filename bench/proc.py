"""CPU time and memory of processes, as the kernel counts them in /proc (Linux).

Knows nothing of what the processes are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Resident memory in MiB: now, and the most there ever was."""

    resident: float
    peak: float


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads so far, in steps of 10 ms.

    Raises OSError when there is no such process.
    """
    fields = _stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def memory(pid: int) -> Memory:
    """The memory of a process; raises OSError when there is no such process."""
    return parse_memory((_PROC / str(pid) / "status").read_text())


def threads(pid: int) -> int:
    """The number of its threads; raises OSError when there is no such process."""
    return len(list((_PROC / str(pid) / "task").iterdir()))


def parse_memory(status: str) -> Memory:
    """The memory in the text of /proc/PID/status."""
    sizes = {name: rest for name, _, rest in (line.partition(":") for line in status.splitlines())}
    return Memory(resident=_mib(sizes["VmRSS"]), peak=_mib(sizes["VmHWM"]))


def children(parent: int) -> set[int]:
    """The processes that `parent` started and that still run."""
    return {pid for pid in _pids() if _parent_of(pid) == parent}


def _pids() -> Iterator[int]:
    return (int(path.name) for path in _PROC.iterdir() if path.name.isdigit())


def _parent_of(pid: int) -> int | None:
    try:
        return int(_stat_fields(pid)[1])
    except OSError:  # it ended meanwhile
        return None


def _stat_fields(pid: int) -> list[str]:
    """The fields after the command's name, which may hold blanks and brackets: state, parent and so on."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _mib(text: str) -> float:
    return int(text.split(maxsplit=1)[0]) / _KIB_PER_MIB
