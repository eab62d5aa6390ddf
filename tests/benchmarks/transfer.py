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
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
CASES = ("md5", "sdk", "plain")
MEBI = 1024 * 1024


@contextmanager
def discarding() -> Iterator[str]:
    """Serve uploads that aren't kept, in a process of its own."""
    command = [sys.executable, str(HERE / "discard_server.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.stdin.close()


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
