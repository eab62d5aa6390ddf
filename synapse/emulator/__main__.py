"""The child process of :class:`~synapse.emulator.process.Emulator`.

The options come as one line of JSON on standard input; the reply is one line on standard output.
The end of standard input means that the parent is gone, and stops the server.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from synapse.emulator.errors import EmulatorError
from synapse.emulator.server import ServerInfo, serve


def main() -> int:
    """Serve as ordered, and give the exit code."""
    orders = json.loads(sys.stdin.buffer.readline())
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what is printed by anything else must not be taken for the answer

    def answer(content: dict[str, Any]) -> None:
        with answers:
            answers.write(json.dumps(content) + "\n")

    def on_ready(info: ServerInfo) -> None:
        answer({**vars(info), "data": str(info.data)})

    threading.Thread(target=_stop_with_parent, daemon=True).start()
    try:
        serve(
            host=orders["host"],
            port=orders["port"],
            data_dir=Path(orders["data"]) if orders["data"] else None,
            on_ready=on_ready,
            control_token=orders["control_token"],
            job_limits=_limits(orders["job_limits"]),
        )
    except EmulatorError as error:
        answer({"error": str(error)})
        return 1
    return 0


def _limits(given: dict[str, float] | None) -> Any:
    if given is None:  # as a rule: what isn't needed isn't imported
        return None
    from synapse.jobs.spec import Limits

    return Limits(**given)


def _stop_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
