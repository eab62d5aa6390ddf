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
    """Serve with the parent's options, and return the exit code."""
    options = json.loads(sys.stdin.buffer.readline())
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # other prints must not look like the reply

    def reply(content: dict[str, Any]) -> None:
        with output:
            output.write(json.dumps(content) + "\n")

    def on_ready(info: ServerInfo) -> None:
        reply({**vars(info), "data": str(info.data)})

    threading.Thread(target=_stop_with_parent, daemon=True).start()
    try:
        serve(
            host=options["host"],
            port=options["port"],
            data_dir=Path(options["data"]) if options["data"] else None,
            on_ready=on_ready,
            control_token=options["control_token"],
            database_url=options["database_url"],
            share_database=options["share_database"],
            job_limits=_build_limits(options["job_limits"]),
            agent_timeout=options["agent_timeout"],
            job_token_lifetime=options["job_token_lifetime"],
            workers=options["workers"],
        )
    except EmulatorError as error:
        reply({"error": str(error)})
        return 1
    return 0


def _build_limits(limits: dict[str, float] | None) -> Any:
    if limits is None:  # the usual case, which saves an import
        return None
    from synapse.jobs.spec import Limits

    return Limits(**limits)


def _stop_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
