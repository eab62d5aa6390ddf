"""The memory of this process."""

from __future__ import annotations

import resource
from pathlib import Path


def read_memory(key: str) -> float:
    """Return this process's memory in MiB: `VmRSS` now, or `VmHWM` at most.

    The peak of `getrusage()` begins at that of the process that started this one.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
