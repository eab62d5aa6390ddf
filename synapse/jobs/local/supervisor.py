"""Supervise one program of a job, and end the processes that the program leaves behind.

Run by its path: `python -I -S supervisor.py MARK COMMAND...`; needs the standard library only.

On Linux this process is a child subreaper: a process below whose parent has ended becomes a child
of this process, whatever its session and environment. Hence no process is left once this process
has no child. Elsewhere only the command itself is known here.

The command has a process group of its own, which gets SIGTERM when this process gets it. The end of
standard input means that the starting process is gone: then everything is ended. The exit code, or
the signal, is the command's.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import NoReturn

__all__ = ["VARIABLE", "Supervisor", "main"]

#: Environment variable that marks every process of a job, so that orphans can be found.
VARIABLE = "SYNAPSE_JOB_ID"

_PR_SET_CHILD_SUBREAPER = 36
_NO_COMMAND = 127
# Seconds between SIGTERM and SIGKILL after the end of the starting process.
_GRACE = 3.0
# Seconds for which to wait for killed processes: one that hangs in the kernel can't be ended.
_LONGEST = 10.0


def main(arguments: Sequence[str]) -> NoReturn:
    """Run a command, and exit as the command did once none of its processes is left.

    Args:
        arguments: The mark, and the command.
    """
    mark, *command = arguments
    _end_as(Supervisor(mark, command).run())


class Supervisor:
    """The command, and its processes.

    Args:
        mark: Value that marks the job's processes.
        command: The program and its arguments.
    """

    def __init__(self, mark: str, command: Sequence[str]) -> None:
        self._mark = mark
        self._command = list(command)
        self._leader = 0
        self._status: int | None = None
        self._poll = select.poll()

    def run(self) -> int:
        """Return the exit code; the negative signal number after a signal."""
        _adopt_orphans()
        waking = self._watch_signals()
        self._start()
        self._poll.register(0, 0)  # the end is reported in any case
        kill_at: float | None = None
        while self._status is None:
            left = None if kill_at is None else max(0.0, kill_at - time.monotonic())
            events = dict(self._poll.poll(None if left is None else left * 1000))
            if waking in events:
                os.read(waking, 4096)
            if 0 in events:
                self._poll.unregister(0)
                self._terminate()
                kill_at = time.monotonic() + _GRACE
            if kill_at is not None and time.monotonic() >= kill_at:
                break
            self._reap()
        self._end_all(waking)
        return os.waitstatus_to_exitcode(self._status or 0)

    def _watch_signals(self) -> int:
        """Let signals end a wait; return the pipe that tells of them."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore)
        self._poll.register(reader, select.POLLIN)
        return reader

    def _start(self) -> None:
        # SIGTERM has to find either no command, or one that it reaches.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        self._leader = os.fork()
        if self._leader == 0:
            _become(self._command, {**os.environ, VARIABLE: self._mark})
        with contextlib.suppress(OSError):  # it has done so itself
            os.setpgid(self._leader, self._leader)
        signal.signal(signal.SIGTERM, self._terminate)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])

    def _terminate(self, number: int = signal.SIGTERM, frame: FrameType | None = None) -> None:
        """Ask the command's process group to end, unless the command has ended."""
        del frame
        if self._status is None:
            with contextlib.suppress(OSError):
                os.killpg(self._leader, number)

    def _reap(self) -> bool:
        """Read the exit codes of ended children; return whether there are more children."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._leader:
                    self._status = ended[1]
            return True
        return False

    def _end_all(self, waking: int) -> None:
        """Kill the children until there are none: those of a killed one become children here."""
        end = time.monotonic() + _LONGEST
        while self._reap() and time.monotonic() < end:
            # A child that wasn't reaped keeps its number, so no foreign process is killed.
            for child in _list_children():
                with contextlib.suppress(OSError):
                    os.kill(child, signal.SIGKILL)
            if select.select([waking], [], [], 0.02)[0]:
                os.read(waking, 4096)


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _become(command: list[str], environment: dict[str, str]) -> NoReturn:
    """Replace this new process by the command."""
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        os.execvpe(command[0], command, environment)  # noqa: S606 # the engine's own command
    except OSError as error:
        os.write(2, f"{command[0]} cannot be started: {error.strerror}\n".encode())
    finally:
        os._exit(_NO_COMMAND)


def _list_children() -> Iterator[int]:
    try:
        names = os.listdir("/proc")  # noqa: PTH208 # pathlib would slow each start
    except OSError:  # not Linux: nothing is adopted
        return
    for name in filter(str.isdigit, names):
        with contextlib.suppress(OSError):
            stream = open(f"/proc/{name}/stat", "rb")  # noqa: PTH123, SIM115 # as above
            with stream:
                # Behind the name, which may contain anything: the state, and the parent.
                if int(stream.read().rpartition(b")")[2].split()[1]) == os.getpid():
                    yield int(name)


def _end_as(code: int) -> NoReturn:
    """End this process as another one ended."""
    if code < 0:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 128 - code)


def _ignore(number: int, frame: FrameType | None) -> None:
    del number, frame


if __name__ == "__main__":
    main(sys.argv[1:])
