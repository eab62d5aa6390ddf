"""An agent as a child process, started by `synapse.testing.agents.RunningAgent`.

The options come as one line of JSON on standard input, so that the token is in no list of
processes; the reply is one line on standard output. The end of standard input means that the parent
is gone, and stops the agent.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from synapse.agent.service import AgentOptions, serve
from synapse.errors import SynapseError
from synapse.jobs.spec import Limits


def main() -> int:
    """Serve as ordered, and give the exit code."""
    orders = json.loads(sys.stdin.buffer.readline())
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # other prints must not look like the reply

    def answer(content: dict[str, Any]) -> None:
        with answers:
            answers.write(json.dumps(content) + "\n")

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    try:
        options = AgentOptions(
            **{**orders, "data": Path(orders["data"]), "limits": Limits(**orders["limits"])}
        )
        serve(options, on_ready=lambda url: answer({"url": url}))
    except SynapseError as error:
        if answers.closed:
            raise
        answer({"error": str(error)})
        return 1
    return 0


def _stop_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
