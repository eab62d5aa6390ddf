"""The process of a job: `python -m synapse.plugins.job_main`.

The process reads a job spec, one line of JSON, from standard input, or fetches the spec with
`--order-url URL`, and runs the entrypoint in the working directory. The exit code says how the job
ended:

- 0: completed
- 1: the code raised an exception, whose traceback was printed
- 3: the entrypoint is missing or can't be imported; the last line says why
- 4: the result can't be kept: JSON can't hold the result, or the backend refused; the last line
  says why
- n: the code called `sys.exit(n)`; 143 after SIGTERM

The end of standard input means that the starting process is gone; then this process ends itself
with everything in its process group.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, Any

from synapse.errors import UsageError
from synapse.plugins.entrypoints import EntrypointError, call, find, printed_traceback
from synapse.plugins.job_context import Context, enter
from synapse.plugins.job_updates import UpdateSender
from synapse.plugins.log_markers import marked

if TYPE_CHECKING:
    from synapse.session import Session

__all__ = ["main"]

COMPLETED, RAISED, NOT_FOUND, NOT_KEPT, TERMINATED = 0, 1, 3, 4, 143

_MOST = 64 << 20
_GRACE = 3.0
_ORDERED = ("job_id", "code", "version", "action", "entrypoint", "params", "base_url")

# Where what the driver itself has to say goes: a stream of its own, as the code may close or
# replace the usual ones.
_own_output: list[IO[str]] = []


def main(arguments: list[str] | None = None) -> int:
    """Run a job and return the process's exit code.

    Args:
        arguments: The command line, without the program's name.
    """
    signal.signal(signal.SIGTERM, _terminate)
    _set_up_output()
    try:
        order = _order(sys.argv[1:] if arguments is None else arguments)
    except (UsageError, OSError) as error:
        return _fail(NOT_FOUND, f"The job's order can't be read: {error}")
    if order.get("debug"):
        _print_log()
    job = _Job(order)
    return job.run()


class _Job:
    """The one job of this process."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._order = order
        self._own_session: Session | None = None
        self._context = Context(
            job_id=str(order["job_id"]),
            plugin_code=str(order["code"]),
            version=str(order["version"]),
            action=str(order["action"]),
            params=order["params"],
            debug=bool(order.get("debug")),
            connect=self._connect_for_code,
            changed=self._changed,
        )
        self._sender = UpdateSender(self._context.reports, self._report)

    def run(self) -> int:
        """Run the code, send the last reports, and return the process's code."""
        enter(self._context)  # for good: threads of the code may go on until the process ends
        atexit.register(self._sender.close, 5.0)  # what those report
        try:
            code = self._run_code()
            self._sender.close()
        except SystemExit as end:  # SIGTERM, in our own code
            code = _code_of(end)
        refusal = self._sender.refusal
        if refusal is not None:
            message = f"The backend didn't take the last report: {refusal}"
            if code == COMPLETED:
                return _fail(NOT_KEPT, message)
            _say(message, "warning")
        return code

    def _run_code(self) -> int:
        action, entrypoint = self._context.action, str(self._order["entrypoint"])
        # The release's own modules come first; but not before those that are imported already.
        here = str(Path.cwd())
        sys.path[:] = [here, *(path for path in sys.path if path not in ("", here))]
        try:
            function, takes_context = find(entrypoint)
        except EntrypointError as error:
            return _fail(NOT_FOUND, f"The action {action!r} can't run: {error}")
        except SystemExit as end:
            return _code_of(end)
        try:
            value = call(function, [self._context] if takes_context else [])
        except SystemExit as end:
            return _code_of(end)
        except BaseException as error:
            _say(printed_traceback(error), "error")
            return RAISED
        if value is not None and not self._context.reports.has_result:
            try:
                self._context.result(value)
            except UsageError as error:
                return _fail(NOT_KEPT, f"The returned value can't be the result: {error}")
        return COMPLETED

    def _changed(self) -> None:
        self._sender.notify()

    def _report(self, values: dict[str, Any], seconds: float) -> None:
        """Send some fields of the job. One request."""
        if self._own_session is None:
            # Not the code's own, which may be closed, and whose requests may have to wait.
            self._own_session = self._connect()
        job_id = self._context.job_id
        self._own_session.transport.request(
            "PATCH",
            f"jobs/{job_id}/",
            json=values,
            deadline=seconds,
            resource=f"Job {job_id}",
        )

    def _connect(self) -> Session:
        from synapse.session import Session

        return Session(self._order["base_url"], **self._order.get("credentials", {}))

    def _connect_for_code(self) -> Session:
        from synapse.orm import session_base as sessions

        session = self._connect()
        before = sessions.set_default(session)
        if before is not None:
            sessions.set_default(before)
        return session


def _order(arguments: list[str]) -> dict[str, Any]:
    """Read the job spec.

    Raises:
        UsageError: The input isn't a job spec.
        OSError: The spec can't be fetched.
    """
    control = None
    if not arguments:
        control = _keep_standard_input()
        text = control.readline(_MOST)
    elif arguments[0] == "--order-url" and len(arguments) == 2:
        text = _fetched(arguments[1])
    else:
        raise UsageError("the arguments are none, or --order-url URL.")
    try:
        order = json.loads(text)
    except ValueError as error:
        raise UsageError("it is not a line of JSON.") from error
    if not isinstance(order, dict) or not isinstance(order.get("params"), dict):
        raise UsageError("it is not an object with params.")
    if missing := [name for name in _ORDERED if not order.get(name) and name != "params"]:
        raise UsageError(f"it has no {', '.join(missing)}.")
    if control is not None and order.get("watch", True):
        threading.Thread(target=_watch, args=(control,), name="synapse-watch", daemon=True).start()
    return order


def _keep_standard_input() -> IO[bytes]:
    """Reserve standard input for this module; the code and its children get an empty one."""
    control = os.fdopen(os.dup(0), "rb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return control


def _fetched(url: str) -> bytes:
    """Fetch the order from an agent, on the machine's own network: not through a proxy."""
    from urllib.request import ProxyHandler, build_opener

    if not url.startswith(("http://", "https://")):
        raise UsageError("the URL is not one of http or https.")
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=30) as answer:
            text: bytes = answer.read(_MOST)
    except OSError as error:
        # Not the URL: whoever has it could have asked for the order.
        raise UsageError(f"the agent doesn't give it: {getattr(error, 'reason', error)}") from None
    return text


def _watch(control: IO[bytes]) -> None:
    """End everything when the standard input ends: who started this is gone."""
    while control.read(4096):
        pass
    leads = os.getpgrp() == os.getpid()  # else others are in the group that aren't ours
    with contextlib.suppress(OSError):
        if leads:
            os.killpg(0, signal.SIGTERM)
        else:
            os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    if leads:
        with contextlib.suppress(OSError):
            os.killpg(0, signal.SIGKILL)
    os._exit(TERMINATED)


def _terminate(number: int, frame: FrameType | None) -> None:
    """Let `finally` blocks run; once, so that they can end."""
    del number, frame
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(TERMINATED)


def _set_up_output() -> None:
    for stream in (sys.stdout, sys.stderr):
        # A line at a time, and nothing that the code prints may fail.
        stream.reconfigure(  # type: ignore[union-attr] # both are text files here
            encoding="utf-8", errors="backslashreplace", line_buffering=True
        )
    _own_output[:] = [os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace")]


def _print_log() -> None:
    """Print the SDK's log, each message with its level."""
    import logging

    from synapse.plugins.log_markers import LEVELS

    class Printed(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            name = record.levelname.lower()
            level = name if name in LEVELS else "info"
            _say(f"{record.name}: {self.format(record)}", level)

    logger = logging.getLogger("synapse")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(Printed())


def _code_of(end: SystemExit) -> int:
    """Return the exit code of a `SystemExit`, as the system sees the code."""
    if end.code is None:
        return COMPLETED
    if isinstance(end.code, int):
        # The system keeps eight bits: 256 must not become a success.
        return (end.code & 0xFF) or (COMPLETED if end.code == 0 else RAISED)
    _say(str(end.code), "error")
    return RAISED


def _fail(code: int, message: str) -> int:
    _say(message, "error")
    return code


def _say(message: str, level: str) -> None:
    for stream in (sys.stdout, sys.stderr):  # what was printed before comes before
        with contextlib.suppress(Exception):
            stream.flush()
    with contextlib.suppress(OSError):  # nobody reads
        for own in _own_output:
            own.write(marked(message.rstrip("\n"), level) + "\n")
            own.flush()


if __name__ == "__main__":
    sys.exit(main())
