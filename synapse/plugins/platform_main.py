"""The process of a job that the platform's package runs. Needs the standard library only.

The process reads the package's environment variables, one line of JSON, from standard input: in
this way, no list of processes shows the credentials. The code runs in the working directory.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from synapse.plugins.process_control import (
    END,
    end_with_parent,
    handle_termination,
    reserve_standard_input,
)

__all__ = ["main", "run_platform_package"]

_MAX_BYTES = 64 << 20
# A system's limit for one variable of a child process is 128 KiB.
_LONGEST_VARIABLE = 100_000
_PARAMS = "SYNAPSE_ACTION_PARAMS"
_MODULE = "synapse_sdk.plugins.entrypoint"


def main() -> None:
    """Read the variables from standard input, and run the platform's package."""
    handle_termination()
    control = reserve_standard_input()
    variables = json.loads(control.readline(_MAX_BYTES))
    end_with_parent(control)
    # The code must import this SDK from its own environment only, or not at all.
    for name in [name for name in sys.modules if name.partition(".")[0] == "synapse"]:
        del sys.modules[name]
    messages = os.dup(2)  # the code may close the usual streams
    process = os.getpid()
    try:
        run_platform_package(variables)
    except SystemExit as end:
        if end.code not in (None, 0):
            raise
    if os.getpid() == process:  # not a child that the code forked
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        with contextlib.suppress(OSError):  # no reader
            os.write(messages, f"{END}\n".encode())


def run_platform_package(variables: Mapping[str, str]) -> None:
    """Run the package's entry module in this process, as `python -m` does.

    Args:
        variables: The package's environment variables.
    """
    for name, value in variables.items():
        if name == _PARAMS and len(value.encode()) > _LONGEST_VARIABLE:
            descriptor, path = tempfile.mkstemp(prefix="synapse-params-", suffix=".json")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(value)
            os.environ[f"{_PARAMS}_FILE"] = path
        else:
            os.environ[name] = value
    here = str(Path.cwd())
    sys.path[:] = [here, *(path for path in sys.path if path not in ("", here))]
    sys.argv[:] = [_MODULE]
    runpy.run_module(_MODULE, run_name="__main__", alter_sys=True)
