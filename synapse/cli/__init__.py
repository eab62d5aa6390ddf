"""The command line, which needs the `cli` extra."""

from __future__ import annotations

import errno
import os
import signal
import sys
from contextlib import suppress
from io import TextIOWrapper

__all__ = ["main"]

# Exit code that shells give a process that SIGINT ended.
_INTERRUPTED = 130
# Characters of an unexpected error.
_LONGEST = 2000
# Errors of a disk that takes no more output; not faults of the SDK.
_DISK_ERRORS = {errno.ENOSPC, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)}


def main() -> None:
    """Run the command `synapse`; without the extra, exit with the command that installs it.

    `synapse --version` needs no extra. Unexpected errors are one line, and a traceback with
    `--verbose`.
    """
    _open_streams()
    try:
        code = _run()
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except BrokenPipeError:
        code = 1
    # Until here, Ctrl-C is an exception that the command ends by. From here on, it ends the process
    # at once: a traceback of the interpreter's own shutdown would help nobody.
    with suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_flush() or code)


def _open_streams() -> None:
    """Open streams that the caller closed: input is empty, and output is lost."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _run() -> int:
    try:
        return _run_command()
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as error:  # a fault of the SDK, which a user can report but not mend
        if _is_interrupt(error):
            _complain("Interrupted.")
            return _INTERRUPTED
        from synapse._internal.described import cut
        from synapse._internal.printable import clean
        from synapse._internal.redaction import redacted

        if "--verbose" in sys.argv:
            import traceback  # slow to load, and few runs need it

            for line in redacted("".join(traceback.format_exception(error))).splitlines():
                _complain(clean(line))
            return 1
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
            _complain_of_disk(error)
            return 1
        reason = cut(clean(redacted(f"{type(error).__name__}: {error}")), _LONGEST)
        _complain(
            f"synapse: unexpected {reason}. Run the command with --verbose to see the traceback, "
            "and report it."
        )
        return 1


def _run_command() -> int:
    if sys.argv[1:] in (["--version"], ["-V"]):
        from synapse._version import __version__

        sys.stdout.write(f"synapse-sdk {__version__}\n")
        return 0
    try:
        from synapse.cli.app import app
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("synapse"):
            raise
        from synapse._internal.installation import install_command

        sys.exit(
            f"synapse: the command line needs {error.name}, which isn't installed: "
            f"{install_command('cli')}"
        )
    for stream in (sys.stdout, sys.stderr):
        # A name that a terminal can't show, or that isn't valid text, must not end a command.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="synapse")  # also as `python -m synapse`, whose name no shell completes
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0


def _is_interrupt(error: BaseException | None) -> bool:
    """Return whether Ctrl-C caused the error; Python wraps it while a class is being made."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _complain_of_disk(error: OSError) -> None:
    place = f" {error.filename}" if error.filename else " the output"
    _complain(
        f"synapse: writing{place} failed: {error.strerror}. Free disk space, or write elsewhere."
    )


def _complain(text: str) -> None:
    with suppress(OSError, ValueError):  # standard error may be full or closed, too
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def _flush() -> int:
    """Write the rest of the output; return 1 if it can't be written."""
    try:
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        pass  # the reader of a pipe is gone
    except OSError as error:
        _complain_of_disk(error)
    else:
        return 0
    # The interpreter flushes again at its end, and would complain.
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
