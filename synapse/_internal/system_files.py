"""Names of files that systems, programs and network drives leave in folders."""

from __future__ import annotations

import re

__all__ = ["is_system_name"]

_NAMES = re.compile(
    r"""
    (eh)?thumbs(_vista)?\.db | desktop\.ini | icon\r      # previews and looks of folders
    | \$recycle\.bin | recycler | system\ volume\ information | lost\+found | \#recycle
    | @eadir | \#snapshot | @tmp | @recycle | \.@__thumb  # network drives
    | __macosx | \._.* | __pycache__
    | ~\$.* | .+~ | .*\.(part|partial|crdownload|filepart|tmp|temp|swp)  # in use, unfinished
    """,
    re.VERBOSE | re.IGNORECASE,
)


def is_system_name(name: str) -> bool:
    """Return whether a system or program made a file or folder, judging by its name.

    Example:
        >>> is_system_name("Thumbs.db"), is_system_name("@eaDir"), is_system_name("photo.jpg.part")
        (True, True, True)
        >>> is_system_name("thumbs.png")
        False
    """
    return _NAMES.fullmatch(name) is not None
