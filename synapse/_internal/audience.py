"""Find out who looks at the progress of this process: the one place that decides."""

from __future__ import annotations

import os
import sys
from enum import Enum
from typing import Any

from synapse.errors import ConfigurationError

__all__ = ["Audience", "find_audience", "get_shell", "in_notebook"]

VARIABLE = "SYNAPSE_PROGRESS"


class Audience(Enum):
    """Place where progress is seen."""

    NOTEBOOK = "notebook"
    TERMINAL = "terminal"
    LOG = "log"
    NOBODY = "nobody"


def find_audience() -> Audience:
    """Return who looks: a notebook, a terminal, a log, or nobody. Makes no request.

    The environment variable `SYNAPSE_PROGRESS` may be `auto`, `lines` (a log) or `off` (nobody).

    Raises:
        ConfigurationError: The variable has another value.
    """
    setting = os.environ.get(VARIABLE, "").strip().lower() or "auto"
    if setting not in ("auto", "lines", "off"):
        raise ConfigurationError(
            f"{VARIABLE}={setting!r} is not valid. Set the variable to 'auto', 'lines' or 'off'."
        )
    if setting == "off":
        return Audience.NOBODY
    if setting == "lines":
        return Audience.LOG
    if in_notebook():
        return Audience.NOTEBOOK
    try:
        is_terminal = sys.stderr is not None and sys.stderr.isatty()
    except ValueError:  # closed
        is_terminal = False
    return Audience.TERMINAL if is_terminal else Audience.LOG


def in_notebook() -> bool:
    """Return whether this process is a notebook's kernel, which shows outputs without a terminal.

    Makes no request.
    """
    # A kernel's forked worker has the kernel's shell, and no connection to the notebook.
    processes = sys.modules.get("multiprocessing")
    if processes is not None and processes.parent_process() is not None:
        return False
    return "IPKernelApp" in getattr(get_shell(), "config", ())


def get_shell() -> Any:
    """Return IPython's shell, or `None` outside IPython. Imports nothing."""
    ipython = sys.modules.get("IPython")
    get = getattr(ipython, "get_ipython", None)  # missing while IPython is being imported
    return get() if get is not None else None
