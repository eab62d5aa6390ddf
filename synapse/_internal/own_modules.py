"""Run this package's code in processes of its own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

__all__ = ["build_command", "build_module_command"]

# Isolated, because `-m` and PYTHONPATH put folders before the standard library: a `queue.py` of the
# user's would replace the real one. (`-P` exists from Python 3.11 on, and leaves PYTHONPATH.) Then
# the places of the starting process, and at last those of the interpreter.
_PLACES = """
import json, site, sys
standard, places = sys.path[:], json.loads(sys.argv.pop(1))
site.main()
sys.path[:] = dict.fromkeys([*standard, *places, *sys.path])
"""
_RUN = """
import runpy
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


def build_command(code: str, *arguments: str) -> list[str]:
    """Return the command of a child that runs code, and imports what this process imports.

    The standard library comes first. The working folder is among the child's places only if this
    package is in that folder.

    Args:
        code: The code, which finds the module `sys` imported.
        arguments: Values of `sys.argv` from 1 on.
    """
    here, own = Path.cwd(), str(Path(__file__).parents[2])
    places = [place for place in map(os.fspath, sys.path) if place and Path(place) != here]
    if own not in places:
        places.insert(0, own)
    flags = ["-I", "-S", "-B"] if sys.dont_write_bytecode else ["-I", "-S"]
    return [sys.executable, *flags, "-c", _PLACES + code, json.dumps(places), *arguments]


def build_module_command(module: str) -> list[str]:
    """Return the command of a child that runs a module of this package, as `python -m` does."""
    return build_command(_RUN, module)
