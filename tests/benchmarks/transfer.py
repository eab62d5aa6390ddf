"""Measure the upload of one large file beside what bounds it, and beside a plain loop.

Every case runs in a process of its own, and the server, which keeps nothing, in another.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from loopback import run_server
from measured import most, ratio, take_turns

HERE = Path(__file__).parent
CASES = ("md5", "sdk", "plain")
MEBI = 1024 * 1024


def discarding() -> AbstractContextManager[str]:
    """Serve uploads that aren't kept, in a process of its own."""
    return run_server("discard_server.py")


@contextmanager
def large_file(size: int) -> Iterator[Path]:
    """Make a file of so many MiB, as many as the disk has room for; it is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="synapse-bench-") as folder:
        room = shutil.disk_usage(folder).free // MEBI // 2
        if size > room:
            print(f"There is room for {room} MiB only, instead of {size}.")
        path = Path(folder) / "large.bin"
        block = os.urandom(MEBI)
        with path.open("wb") as file:
            for _ in range(min(size, room)):
                file.write(block)
        yield path


def send(case: str, url: str, path: Path) -> dict[str, float]:
    """Run one case in a process of its own."""
    command = [sys.executable, str(HERE / "one_file.py"), case, url, str(path)]
    environment = {**os.environ, "XDG_STATE_HOME": str(path.parent)}
    figures: dict[str, float] = json.loads(subprocess.check_output(command, env=environment))
    return figures


@contextmanager
def one_file(size: int) -> Iterator[dict[str, Callable[[], dict[str, float]]]]:
    """Give the cases, ready to be run in turn.

    Args:
        size: MiB that the file has.
    """
    with discarding() as url, large_file(size) as path:
        send("md5", url, path)  # from here on the file is in the system's cache
        yield {case: lambda case=case: send(case, url, path) for case in CASES}  # type: ignore[misc]


def measure(note: Callable[..., None], number: int, size: int = 1024) -> None:
    """Note the rate beside that of the checksum and of a plain loop, and the memory."""
    with one_file(size) as ways:
        sent = take_turns(number, ways)
    note("one file: rate of sdk / rate of md5 alone", ratio(sent, "md5", "sdk"), 0.90, least=True)
    note("one file: plain loop / sdk", ratio(sent, "plain", "sdk"), 1.70, least=True)
    note("one file, memory over idle: sdk, MiB", most(sent, "sdk", "memory"), 16.0)
