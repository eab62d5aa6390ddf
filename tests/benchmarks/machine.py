"""The machine and the versions that results belong to."""

from __future__ import annotations

import datetime as dt
import os
import platform
from importlib import metadata
from pathlib import Path

_LIBRARIES = "requests", "urllib3", "attrs", "cattrs", "cachetools", "orjson", "pandas", "pyarrow"
_PEERS = "pynetbox", "python-gitlab"


def describe() -> dict[str, object]:
    """Return the processor, the memory, the system and the versions of the libraries."""
    installed = {found.name: found.version for found in metadata.distributions()}
    versions = {name: installed[name] for name in (*_LIBRARIES, *_PEERS) if name in installed}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": dt.datetime.now(dt.timezone.utc).date().isoformat(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "processor": _name_processor(),
        "cores": os.cpu_count(),
        "memory": f"{memory:.0f} GiB",
        "versions": versions,
    }


def sentence(described: dict[str, object]) -> str:
    """Return the machine in one line."""
    return (
        f"Python {described['python']}, {described['system']}, {described['cores']} cores "
        f"({described['processor']}), {described['memory']}, load {os.getloadavg()[0]:.1f}"
    )


def _name_processor() -> str:
    """Return the processor's name, as Linux has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
