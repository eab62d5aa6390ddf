"""One program of a job: start under a supervisor, read, watch, and end."""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from synapse.jobs.local import supervisor
from synapse.jobs.local.output_splitter import Output
from synapse.jobs.local.process_tree import MARK, ProcessTree
from synapse.jobs.spec import Limits, Outcome

__all__ = ["StopRequest", "run"]

_BLOCK = 1 << 16
_PERIOD = 0.2
_REST = 2.0
# Seconds that a supervisor takes at most to end its processes.
_LONGEST = 20.0


class StopRequest:
    """The reason to end a job early; the first reason counts.

    Args:
        limits: The job's limits.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.outcome: Outcome | None = None
        self._lock = threading.Lock()
        self._is_over = False
        self._changed = threading.Event()
        self._end = float("inf")

    def start(self) -> None:
        """Let the job's time begin."""
        self._end = time.monotonic() + self.limits.timeout

    def reach(self, outcome: Outcome) -> bool:
        """Request the job's end, unless the job has ended.

        Returns:
            Whether the job is being ended, for this or an earlier reason.
        """
        with self._lock:
            if self._is_over:
                return False
            self.outcome = self.outcome or outcome
        self._changed.set()
        return True

    def fail(self, reason: str) -> None:
        """Request the job's end as failed."""
        self.reach(Outcome("failed", reason))

    def close(self) -> Outcome | None:
        """Return the final reason; later requests change nothing."""
        with self._lock:
            self._is_over = True
            return self.outcome

    def wait(self, seconds: float) -> bool:
        """Wait for news; return whether the job has to end."""
        if self.outcome is None:
            seconds = min(seconds, max(0.0, self._end - time.monotonic()))
        self._changed.wait(seconds)
        self._changed.clear()
        return self.check()

    def check(self) -> bool:
        """Return whether the job has to end, also because of its timeout."""
        if time.monotonic() >= self._end:
            self.fail(f"It ran for longer than {self.limits.timeout:g} s.")
        return self.outcome is not None

    def wake(self) -> None:
        """End a wait."""
        self._changed.set()


def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    mark: str,
    output: Output,
    verdict: StopRequest,
    grace: float,
    order: bytes = b"",
    started: Callable[[ProcessTree], object] | None = None,
) -> int:
    """Run a command until it exits or is told to stop early.

    On Linux no process remains afterwards, wherever it moved. Elsewhere a process can remain that
    lost its parent, left the session and cleared its environment.

    Args:
        command: The program and the arguments.
        folder: Working directory.
        environment: The whole environment.
        mark: Value that marks the job's processes, in that environment.
        output: Receives the output.
        verdict: The stop request.
        grace: Seconds between a stop request and the kill.
        order: Content of standard input, which stays open afterwards.
        started: Called with the command's processes.

    Returns:
        The exit code; the negative signal number after a signal.

    Raises:
        FileNotFoundError: The program is missing.
    """
    if shutil.which(command[0], path=environment.get("PATH")) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), command[0])
    child = subprocess.Popen(  # noqa: S603 # the engine's own command
        [sys.executable, "-I", "-S", supervisor.__file__, mark, *command],
        cwd=folder,
        # Without the mark: a search that ends the marked processes of a killed engine leaves the
        # supervisor the time to end the others.
        env={name: value for name, value in environment.items() if name != MARK},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        bufsize=0,
    )
    family = ProcessTree(child.pid, mark)
    if started is not None:
        started(family)
    guard = _Watchdog(child, family, verdict, grace)
    guard.start()
    assert child.stdin is not None  # noqa: S101 # for the type checker: both are pipes
    assert child.stdout is not None  # noqa: S101
    feeder = threading.Thread(target=_feed, args=(child.stdin.fileno(), order), daemon=True)
    feeder.start()
    try:
        with selectors.DefaultSelector() as selector:
            os.set_blocking(child.stdout.fileno(), False)
            selector.register(child.stdout, selectors.EVENT_READ)
            _read(selector, child, output, verdict)
            guard.end()
            family.sweep()
            _drain(selector, output)
    finally:
        guard.end()
        family.kill()  # of use only when reading failed
        feeder.join(_REST)
        child.stdin.close()
        child.stdout.close()
        code = _wait(child)
    return code


def _wait(supervisor: subprocess.Popen[bytes]) -> int:
    """Return the exit code; a supervisor that the job's code suspended is killed."""
    try:
        return supervisor.wait(_LONGEST)
    except subprocess.TimeoutExpired:
        supervisor.kill()
        return supervisor.wait()


def _feed(pipe: int, order: bytes) -> None:
    """Write the job spec, on a thread, because a spec can be larger than a pipe holds."""
    view = memoryview(order)
    with contextlib.suppress(BrokenPipeError):  # it ended before it read all
        while view:
            view = view[os.write(pipe, view) :]


def _read(
    selector: selectors.BaseSelector,
    child: subprocess.Popen[bytes],
    output: Output,
    verdict: StopRequest,
) -> None:
    """Read until the process has ended; the output may have been closed before."""
    while not _has_ended(child):
        if selector.get_map():
            if not selector.select(output.patience):
                output.flush()
            else:
                _take(selector, output)
        else:
            time.sleep(0.01)
        output.flush(due=True)
        if output.is_full:
            verdict.fail(f"It printed more than {verdict.limits.output:g} MiB.")


def _take(selector: selectors.BaseSelector, output: Output) -> None:
    """Read the available output; unregister the pipe at the end."""
    for key in list(selector.get_map().values()):
        data = os.read(key.fd, _BLOCK)
        if data:
            output.feed(data)
        else:
            selector.unregister(key.fd)


def _drain(selector: selectors.BaseSelector, output: Output) -> None:
    """Read the rest of the pipe, which an unknown process may hold open."""
    end = time.monotonic() + _REST
    while selector.get_map() and time.monotonic() < end:
        if selector.select(_PERIOD):
            _take(selector, output)
    output.finish()


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Return whether the process has ended, without reaping the process and the number."""
    try:
        return psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class _Watchdog(threading.Thread):
    """Enforces the stop request, however busy the reading thread is."""

    def __init__(
        self,
        supervisor: subprocess.Popen[bytes],
        family: ProcessTree,
        verdict: StopRequest,
        grace: float,
    ) -> None:
        super().__init__(name="synapse-guard", daemon=True)
        self._supervisor = supervisor
        self._family = family
        self._verdict = verdict
        self._grace = grace
        self._over = threading.Event()

    def run(self) -> None:
        kill_at: float | None = None
        while not self._over.is_set():
            left = _PERIOD if kill_at is None else min(_PERIOD, kill_at - time.monotonic())
            condemned = self._verdict.wait(max(left, 0.0))
            if self._over.is_set() or not (condemned or self._check_memory()):
                continue
            if kill_at is None:
                self._family.terminate()
                kill_at = time.monotonic() + self._grace
            elif time.monotonic() >= kill_at:
                self._family.kill()
                # The job's code may have suspended the supervisor, which would never end.
                if not self._over.wait(_REST):
                    self._supervisor.kill()
                return

    def end(self) -> None:
        """Let go of the process."""
        self._over.set()
        self._verdict.wake()
        if self.is_alive():
            self.join()

    def _check_memory(self) -> bool:
        most = self._verdict.limits.memory
        if self._family.memory() <= most * 2**20 or self._family.exact_memory() <= most * 2**20:
            return False
        self._verdict.fail(f"It used more than {most:g} MiB of memory.")
        self._family.kill()  # it may well grow faster than it would end
        return True
