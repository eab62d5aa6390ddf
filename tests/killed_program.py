"""Programs that are killed at a chosen step."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from synapse._internal.block_file import BlockFile
from synapse._internal.part_files import find_part_path

STORING = """
import sys
import threading
from pathlib import Path
import synapse
from synapse._internal import block_file

lock = threading.Lock()

def tell(*_):
    with lock:  # pages that are read ahead come from several threads
        print("at", flush=True)
        sys.stdin.read(1)

def write(descriptor, content):
    for piece in (content[: len(content) // 2], content[len(content) // 2 :]):
        tell()
        write_all(descriptor, piece)

def step(function):
    def told(*args, **options):
        tell()
        return function(*args, **options)
    return told

write_all, block_file.write_all = block_file.write_all, write
for name in ("unlink", "replace"):
    setattr(Path, name, step(getattr(Path, name)))
url, target = sys.argv[1:]

def connect(**options):
    return synapse.Session(url, "some-token", on_request=tell, on_response=tell, **options)
"""
"""Begin of a script that stores rows: tells each request and each write of `BlockFile`.

Half of each block is a step of its own. The script's arguments are `url` and `target`.
"""


def run_and_kill(script: str, *arguments: str, steps: int) -> bool:
    """Run a script that prints a line before each step, and then waits for one.

    Args:
        script: The script.
        arguments: The script's arguments.
        steps: Number of steps after which the script is killed.

    Returns:
        Whether the script was killed, and not done before.
    """
    command = [sys.executable, "-c", script, *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number, _ in enumerate(process.stdout):
            if number == steps:
                os.kill(process.pid, signal.SIGKILL)
                break
            process.stdin.write("\n")
            process.stdin.flush()
        process.stdout.read()
    assert process.returncode in (0, -signal.SIGKILL)
    return process.returncode != 0


def count_stored(target: Path, copy: Path) -> int:
    """Return the number of rows that a killed program has stored.

    Args:
        target: Path of the final file.
        copy: Folder for a copy, which is emptied.
    """
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    if find_part_path(target).exists():
        shutil.copy(find_part_path(target), copy)
    file = BlockFile(copy / target.name, {})
    rows = sum(block.rows for block in file.blocks())
    file.close(keep=False)
    return rows
