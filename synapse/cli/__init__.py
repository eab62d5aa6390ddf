"""The command line, which needs the `cli` extra."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from contextlib import suppress
from io import TextIOWrapper

__all__ = ["main"]

# As shells write the end by SIGINT.
_INTERRUPTED = 130
# Letters of an unexpected error.
_LONGEST = 2000


def main() -> None:
    """Run the command `synapse`; without the extra, exit with the command that installs it.

    `synapse --version` needs no extra. Unexpected errors are one line, and a traceback with
    `--verbose`.
    """
    if sys.argv[1:] in (["--version"], ["-V"]):
        from synapse._version import __version__

        sys.stdout.write(f"synapse-sdk {__version__}\n")
        return
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


def _run() -> int:
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
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as error:  # a fault of the SDK, which a user can report but not mend
        from synapse._internal.described import cut
        from synapse._internal.printable import clean
        from synapse._internal.redaction import redacted

        if "--verbose" in sys.argv:
            for line in redacted("".join(traceback.format_exception(error))).splitlines():
                sys.stderr.write(f"{clean(line)}\n")
            return 1
        reason = cut(clean(redacted(f"{type(error).__name__}: {error}")), _LONGEST)
        sys.stderr.write(
            f"synapse: unexpected {reason}. Run the command with --verbose to see the traceback, "
            "and report it.\n"
        )
        return 1
    return 0


def _flush() -> int:
    """Write the rest of the output; return 1 if the reader of a pipe is gone."""
    try:
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        pass
    else:
        return 0
    # The interpreter flushes again at its end, and would complain.
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
