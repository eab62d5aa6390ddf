"""Programs that are killed at a chosen step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys


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
