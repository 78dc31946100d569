"""What Go is told so that a build costs little processor time; the programs do the same as ever.

Knows nothing of what is built.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["COMPILER", "ENVIRONMENT", "at_once"]

# Passes that make programs faster, and that the compiler itself calls optional.
_PASSES = (
    "addressing_modes",
    "branchelim",
    "check_bce",
    "dse",
    "early_deadcode",
    "early_fuse",
    "early_phielim_and_copyelim",
    "generic_cse",
    "late_deadcode",
    "late_fuse",
    "likelyadjust",
    "loop_rotate",
    "lowered_cse",
    "lowered_deadcode_for_cse",
    "memcombine",
    "phi_tighten",
    "phiopt",
    "pre-opt_deadcode",
    "prove",
    "sccp",
    "short_circuit",
)
# Without inlining and debug information a third less is to be compiled, and nobody debugs these programs.
COMPILER = f"-gcflags=all=-l -c=1 -dwarf=false -d={','.join(f'ssa/{each}/off' for each in _PASSES)}"
# A compiler lives for a moment: it collects garbage only where it needs more memory, for a few packages.
# Compilers of one thread each cost less than threads that wait for each other.
ENVIRONMENT = {"GOGC": "off", "GOMEMLIMIT": "600MiB", "GOMAXPROCS": "1"}
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def at_once(cores: int | None = None, quota: Path = _QUOTA) -> int:
    """How many compilers are to run at once: one for each core that this process may use.

    ``quota`` is the file in which the kernel tells a container how much of the cores is its own.
    """
    mine = cores or len(os.sched_getaffinity(0))
    try:
        share, period = quota.read_text(encoding="ascii").split()
        mine = min(mine, -(-int(share) // int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        pass  # no quota: the file is absent, or says "max"
    return max(mine, 1)
