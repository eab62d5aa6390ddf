"""Run pip so that the code that pip builds sees neither pip's settings nor the server's home.

Run by its path: `python pip_main.py FD ARGUMENTS...`; needs the standard library and pip only. The
settings, variables as one line of JSON, are read from the file descriptor. They never are in the
process's initial environment, which other processes of the user can read.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and sys.path and sys.path[0] == __file__.rpartition("/")[0]:
    del sys.path[0]  # the modules beside this one have common names

import contextlib
import json
import os
import runpy
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["SettingsHiding", "main"]

# Programs that fetch sources or credentials for pip. Everything else may be code that pip builds.
_HELPERS = frozenset({"bzr", "git", "hg", "keyring", "svn"})
# pip itself, as pip starts itself for the requirements of builds.
_PIP = frozenset({"__pip-runner__.py", "pip"})


def main(arguments: Sequence[str]) -> None:
    """Run pip.

    Args:
        arguments: The file descriptor of the settings, and pip's arguments.
    """
    descriptor, *rest = arguments
    with os.fdopen(int(descriptor), "rb", closefd=descriptor != "0") as stream:
        settings: dict[str, str] = json.loads(stream.readline())
    SettingsHiding.settings = settings
    SettingsHiding.plain = dict(os.environ)
    os.environ.update(settings)
    subprocess.Popen = SettingsHiding  # type: ignore[misc] # its subclass
    sys.argv = ["pip", *rest]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


class SettingsHiding(subprocess.Popen[Any]):
    """Starts programs without pip's settings, except pip itself and the programs that fetch.

    Attributes:
        settings: The settings, by variable.
        plain: The environment without the settings.
    """

    settings: Mapping[str, str] = {}
    plain: Mapping[str, str] = {}

    def __init__(self, args: Any, *others: Any, **options: Any) -> None:
        is_one = isinstance(args, (str, bytes, os.PathLike))
        command: list[Any] = [args] if is_one else list(args)
        if options.get("shell") or _name(command[0]) not in _HELPERS:
            options["env"] = self._hide(options.get("env"))
        if len(command) < 2 or _name(command[1]) not in _PIP:
            super().__init__(args, *others, **options)
            return
        with _sent(self.settings) as descriptor:
            command[1] = __file__
            command.insert(2, str(descriptor))
            options["pass_fds"] = (*options.get("pass_fds", ()), descriptor)
            super().__init__(command, *others, **options)

    def _hide(self, environment: Mapping[str, str] | None) -> dict[str, str]:
        own = dict(os.environ if environment is None else environment)
        for name in self.settings:
            own.pop(name, None)
            if name in self.plain:
                own[name] = self.plain[name]
        return own


@contextlib.contextmanager
def _sent(settings: Mapping[str, str]) -> Iterator[int]:
    """Yield the reading end of a pipe with the settings, which fit into a pipe."""
    reader, writer = os.pipe()
    try:
        with os.fdopen(writer, "wb") as stream:
            stream.write(json.dumps(dict(settings)).encode() + b"\n")
        yield reader
    finally:
        os.close(reader)


def _name(program: Any) -> str:
    return Path(os.fsdecode(program)).name


if __name__ == "__main__":
    main(sys.argv[1:])
