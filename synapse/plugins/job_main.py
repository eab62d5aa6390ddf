"""The process of a job: `python -m synapse.plugins.job_main`.

The process reads a job spec, one line of JSON, from standard input, or fetches the spec with
`--order-url URL`, and runs the entrypoint in the working directory. The exit code says how the job
ended:

- 0: completed; the last line is `END` if the spec asks for that with `says_end`, and otherwise the
  code ended the process before its end, as `os._exit(0)` does
- 1: the code raised an exception, whose traceback was printed
- 3: the entrypoint is missing or can't be imported; the last line says why
- 4: the result is lost: JSON can't hold the result, or the backend refused; the last line
  says why
- n: the code called `sys.exit(n)`; 143 after SIGTERM

The end of standard input means that the starting process is gone; then this process ends itself
with everything in the process group.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import platform
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from synapse.errors import UsageError
from synapse.plugins.entrypoints import (
    EntrypointError,
    call_entrypoint,
    format_traceback,
    load_entrypoint,
)
from synapse.plugins.job_context import Context, set_current
from synapse.plugins.job_updates import UpdateSender
from synapse.plugins.log_markers import add_level
from synapse.plugins.platform_main import run_platform_package
from synapse.plugins.process_control import (
    END,
    end_with_parent,
    handle_termination,
    reserve_standard_input,
)
from synapse.plugins.specifiers import admits

if TYPE_CHECKING:
    from synapse.session import Session

__all__ = ["main"]

COMPLETED, RAISED, NOT_FOUND, RESULT_LOST = 0, 1, 3, 4

_MAX_SPEC_BYTES = 64 << 20
_SPEC_KEYS = ("job_id", "code", "version", "action", "entrypoint", "params", "base_url")

# Streams for this module's own messages: the code may close or replace the usual ones.
_message_streams: list[IO[str]] = []


def main(arguments: list[str] | None = None) -> int:
    """Run a job and return the process's exit code.

    Args:
        arguments: The command line, without the program's name.
    """
    handle_termination()
    _set_up_output()
    try:
        spec = _read_spec(sys.argv[1:] if arguments is None else arguments)
    except (UsageError, OSError) as error:
        return _fail(NOT_FOUND, f"The job spec can't be read: {error}")
    if spec.get("debug"):
        _print_log()
    job = _JobProcess(spec)
    return job.run()


class _JobProcess:
    """The one job of this process."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._spec = spec
        self._own_session: Session | None = None
        self._process: int | None = os.getpid()  # None once the end was said
        self._context = Context(
            job_id=str(spec["job_id"]),
            plugin_code=str(spec["code"]),
            version=str(spec["version"]),
            action=str(spec["action"]),
            params=spec["params"],
            debug=bool(spec.get("debug")),
            connect=self._connect_for_code,
            changed=lambda: self._sender.notify(),
        )
        self._sender = UpdateSender(self._context.reports, self._report)

    def run(self) -> int:
        """Run the code, send the last reports, and return the process's code."""
        set_current(self._context)  # for good: the code's threads may outlive its function
        atexit.register(self._say_end)  # after the last reports
        atexit.register(self._sender.close, 5.0)  # reports of such threads
        try:
            code = self._run_code()
            self._sender.close()
        except SystemExit as end:  # SIGTERM outside the plugin's code
            code = _exit_code(end)
        refusal = self._sender.refusal
        if refusal is not None:
            message = f"The backend didn't take the last report: {refusal}"
            if code == COMPLETED:
                return _fail(RESULT_LOST, message)
            _print_message(message, "warning")
        if all(
            thread.daemon or thread is threading.main_thread() for thread in threading.enumerate()
        ):
            self._say_end()
        return code

    def _say_end(self) -> None:
        """Print that nothing is left to send, except in a child that the code forked."""
        if self._process == os.getpid() and self._spec.get("says_end"):
            self._process = None
            _print_line(END)

    def _run_code(self) -> int:
        action, entrypoint = self._context.action, str(self._spec["entrypoint"])
        # The release's modules come first, except before modules that are already imported.
        here = str(Path.cwd())
        sys.path[:] = [here, *(path for path in sys.path if path not in ("", here))]
        required = self._spec.get("requires_python")
        if not admits(required, platform.python_version()):
            return _fail(
                NOT_FOUND,
                f"The release requires Python {required}, but the runner has Python "
                f"{platform.python_version()}. Use a runner with that version, or change "
                "requires.python in config.yaml.",
            )
        if self._spec.get("platform"):
            return _run_platform_package(self._spec["platform"])
        try:
            function, takes_context = load_entrypoint(entrypoint)
        except EntrypointError as error:
            return _fail(NOT_FOUND, f"The action {action!r} can't run: {error}")
        except SystemExit as end:
            return _exit_code(end)
        try:
            value = call_entrypoint(function, [self._context] if takes_context else [])
        except SystemExit as end:
            return _exit_code(end)
        except BaseException as error:
            _print_message(format_traceback(error), "error")
            return RAISED
        if value is not None and not self._context.reports.has_result:
            try:
                self._context.result(value)
            except UsageError as error:
                return _fail(RESULT_LOST, f"The returned value can't be the result: {error}")
        return COMPLETED

    def _report(self, values: dict[str, Any], seconds: float) -> None:
        """Send some fields of the job. One request."""
        if self._own_session is None:
            # The code's own session may be closed, or busy.
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

        return Session(self._spec["base_url"], **self._spec.get("credentials", {}))

    def _connect_for_code(self) -> Session:
        from synapse.orm import session_base as sessions

        session = self._connect()
        previous = sessions.set_default(session)
        if previous is not None:
            sessions.set_default(previous)
        return session


def _run_platform_package(variables: Mapping[str, str]) -> int:
    try:
        run_platform_package(variables)
    except SystemExit as end:
        return _exit_code(end)
    except BaseException as error:
        _print_message(format_traceback(error), "error")
        return RAISED
    return COMPLETED


def _read_spec(arguments: list[str]) -> dict[str, Any]:
    """Read the job spec.

    Raises:
        UsageError: The input isn't a job spec.
        OSError: The spec can't be fetched.
    """
    control = None
    if not arguments:
        control = reserve_standard_input()
        text = control.readline(_MAX_SPEC_BYTES)
    elif arguments[0] == "--order-url" and len(arguments) == 2:
        text = _fetch_spec(arguments[1])
    else:
        raise UsageError("unknown arguments. Pass none, or --order-url URL.")
    try:
        spec = json.loads(text)
    except ValueError as error:
        raise UsageError("not a line of JSON.") from error
    if not isinstance(spec, dict) or not isinstance(spec.get("params"), dict):
        raise UsageError("not a JSON object with params.")
    if missing := [name for name in _SPEC_KEYS if not spec.get(name) and name != "params"]:
        raise UsageError(f"missing keys: {', '.join(missing)}.")
    if control is not None and spec.get("watch", True):
        end_with_parent(control)
    return spec


def _fetch_spec(url: str) -> bytes:
    """Fetch the spec from an agent, on the machine's network, without a proxy."""
    from urllib.request import ProxyHandler, build_opener

    if not url.startswith(("http://", "https://")):
        raise UsageError("the URL is neither http nor https.")
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=30) as response:
            text: bytes = response.read(_MAX_SPEC_BYTES)
    except OSError as error:
        # Without the URL, which gives access to the spec.
        raise UsageError(f"the agent refused: {getattr(error, 'reason', error)}") from None
    return text


def _set_up_output() -> None:
    for stream in (sys.stdout, sys.stderr):
        # By lines, and without encoding errors.
        stream.reconfigure(  # type: ignore[union-attr] # both are text files
            encoding="utf-8", errors="backslashreplace", line_buffering=True
        )
    _message_streams[:] = [os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace")]


def _print_log() -> None:
    """Print the SDK's log, each message with a level."""
    import logging

    from synapse.plugins.log_markers import LEVELS

    class PrintHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            name = record.levelname.lower()
            level = name if name in LEVELS else "info"
            _print_message(f"{record.name}: {self.format(record)}", level)

    logger = logging.getLogger("synapse")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(PrintHandler())


def _exit_code(end: SystemExit) -> int:
    """Return the exit code of a `SystemExit`, as the system sees the code."""
    if end.code is None:
        return COMPLETED
    if isinstance(end.code, int):
        # The system keeps eight bits: 256 must not become a success.
        return (end.code & 0xFF) or (COMPLETED if end.code == 0 else RAISED)
    _print_message(str(end.code), "error")
    return RAISED


def _fail(code: int, message: str) -> int:
    _print_message(message, "error")
    return code


def _print_message(message: str, level: str) -> None:
    _print_line(add_level(message.rstrip("\n"), level))


def _print_line(line: str) -> None:
    for stream in (sys.stdout, sys.stderr):  # earlier output comes first
        with contextlib.suppress(Exception):
            stream.flush()
    with contextlib.suppress(OSError):  # no reader
        for stream in _message_streams:
            stream.write(f"{line}\n")
            stream.flush()


if __name__ == "__main__":
    sys.exit(main())
