"""One of several processes that answer a server's requests, on the main process's sockets.

The options come as one line of JSON on standard input; the reply is one line on standard output.
A further byte on standard input says that the server is about to stop. The end of standard input
stops the worker, so a worker also stops when the main process is killed.
"""

import contextlib
import gc
import json
import os
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from django.apps import apps

from synapse.emulator.folder import DataFolder
from synapse.emulator.server import Listener, build_worker_application, start_waitress

__all__ = ["main"]


def main() -> int:
    """Answer requests until the main process ends, and return the exit code."""
    options = json.loads(_read_line())
    was_announced = True
    try:
        was_announced = _answer_requests(options)
    finally:
        # A process's pipes are closed before its children get another parent.
        if not was_announced or os.getppid() != options["main"]:  # it was killed
            shutil.rmtree(Path(options["state"]["path"]).parent, ignore_errors=True)
    return 0


def _answer_requests(options: dict[str, Any]) -> bool:
    """Answer until the end of standard input, and return whether that was announced."""
    # The main process decides what an interrupt from the terminal means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # other prints must not look like the reply
    application = build_worker_application(
        DataFolder(Path(options["data"])), lambda: _set_up(options)
    )
    stops = [
        start_waitress(application, Listener(socket.socket(fileno=descriptor), *limits))
        for descriptor, *limits in options["listeners"]
    ]
    gc.collect()
    gc.freeze()
    with contextlib.suppress(BrokenPipeError), output:  # the main process was killed just now
        output.write(json.dumps({"pid": str(os.getpid())}) + "\n")
    stopping: Any = apps.get_app_config("emulator").stopping  # type: ignore[attr-defined] # ours
    while os.read(0, 1):
        stopping.set()
    was_announced = bool(stopping.is_set())  # each stop below sets it
    for stop in stops:
        stop()
    return was_announced


def _read_line() -> bytes:
    """Read up to the end of a line and nothing beyond, as a buffered stream would."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line


def _set_up(options: dict[str, Any]) -> None:
    from synapse.emulator.shared_state import use_shared_state  # needs Django's models

    config: Any = apps.get_app_config("emulator")
    for name, value in options["config"].items():
        setattr(config, name, value)
    use_shared_state(options["state"])


if __name__ == "__main__":
    sys.exit(main())
