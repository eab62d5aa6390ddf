"""Control of a job's process by the starting process. Needs the standard library only."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import IO

__all__ = ["END", "TERMINATED", "end_with_parent", "handle_termination", "reserve_standard_input"]

#: Exit code after SIGTERM.
TERMINATED = 143
#: The last line of a job's process whose code is done and whose reports were sent. Without that
#: line, exit code 0 says nothing: `os._exit(0)` ends a process at once.
END = "\x1eend\x1f"

_GRACE_SECONDS = 3.0


def handle_termination() -> None:
    """Let SIGTERM run `finally` blocks; a second signal doesn't interrupt them."""
    signal.signal(signal.SIGTERM, _terminate)


def reserve_standard_input() -> IO[bytes]:
    """Reserve standard input for the caller; the code and its children get an empty one."""
    control = os.fdopen(os.dup(0), "rb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return control


def end_with_parent(control: IO[bytes]) -> None:
    """End this process when standard input ends: then the starting process is gone.

    Args:
        control: The reserved standard input.
    """
    threading.Thread(target=_watch, args=(control,), name="synapse-watch", daemon=True).start()


def _watch(control: IO[bytes]) -> None:
    while control.read(4096):
        pass
    is_leader = os.getpgrp() == os.getpid()  # otherwise the group has foreign processes
    with contextlib.suppress(OSError):
        if is_leader:
            os.killpg(0, signal.SIGTERM)
        else:
            os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    if is_leader:
        with contextlib.suppress(OSError):
            os.killpg(0, signal.SIGKILL)
    os._exit(TERMINATED)


def _terminate(number: int, frame: FrameType | None) -> None:
    del number, frame
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(TERMINATED)
