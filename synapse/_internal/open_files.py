"""The number of files and connections that a server may have open."""

from __future__ import annotations

import contextlib

__all__ = ["allow_open_files"]


def allow_open_files(wanted: int) -> int:
    """Raise this process's limit of open files, as far as allowed, and return the limit.

    Args:
        wanted: Number of files; a higher limit stays.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    allowed = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    while soft < allowed:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
            break
        allowed //= 2  # macOS has a lower limit beside the hard one
    return max(soft, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
