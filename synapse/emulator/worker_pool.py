"""Keep a number of workers running, which answer a server's requests."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any

from synapse._internal import log_events
from synapse._internal.own_modules import build_module_command
from synapse.emulator.child import end_process, wait_until_ready
from synapse.emulator.errors import EmulatorError

__all__ = ["WorkerPool", "validate_workers"]

_MOST_WORKERS = 64
_START_TIMEOUT = 60.0
# Seconds that a worker's threads get for their last responses.
_STOP_TIMEOUT = 12.0
# Seconds before another attempt to start a worker.
_PAUSE = 1.0


def validate_workers(workers: int) -> None:
    """Check a number of workers.

    Raises:
        EmulatorError: The number is out of range, or this system can't share sockets.
    """
    if isinstance(workers, bool) or not isinstance(workers, int):
        raise EmulatorError(f"workers is {workers!r}: it must be a whole number.")
    if not 1 <= workers <= _MOST_WORKERS:
        raise EmulatorError(f"workers is {workers}: it must be from 1 to {_MOST_WORKERS}.")
    if workers > 1 and sys.platform == "win32":
        raise EmulatorError("Workers cannot share sockets on Windows. Use workers=1.")


class WorkerPool:
    """Workers on the main process's sockets; one that ends is replaced.

    Args:
        count: Number of workers.
        options: What each worker gets on standard input.
        descriptors: Files that each worker inherits.
        on_replaced: Called after another worker has taken the place of a dead one.
    """

    def __init__(
        self,
        count: int,
        options: dict[str, Any],
        descriptors: tuple[int, ...],
        on_replaced: Callable[[], None],
    ) -> None:
        self._options = options
        self._descriptors = descriptors
        self._on_replaced = on_replaced
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._workers: list[subprocess.Popen[bytes] | None] = [None] * count
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start all workers, and wait until they answer.

        Raises:
            EmulatorError: A worker could not be started.
        """
        children = [self._open() for _ in self._workers]
        try:
            for number, child in enumerate(children):
                self._greet(child)
                self._workers[number] = child
        except BaseException:
            for child in children:
                end_process(child, timeout=0)
            raise
        for number, child in enumerate(children):
            name = f"synapse-worker-{number}"
            thread = threading.Thread(
                target=self._keep, args=(number, child), name=name, daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def announce_stop(self) -> None:
        """Let waiting requests end; the workers go on answering."""
        with self._lock:
            self._closing.set()
            for worker in self._workers:
                if worker is not None and worker.stdin is not None:
                    with contextlib.suppress(OSError):  # it died just now
                        worker.stdin.write(b".")
                        worker.stdin.flush()

    def close(self) -> None:
        """End all workers, after their last responses."""
        self.announce_stop()
        for worker in self._workers:
            if worker is not None and worker.stdin is not None:
                with contextlib.suppress(OSError):
                    worker.stdin.close()
        for worker in self._workers:
            if worker is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    worker.wait(_STOP_TIMEOUT)
                end_process(worker, timeout=0)
        for thread in self._threads:
            thread.join()

    def _keep(self, number: int, child: subprocess.Popen[bytes]) -> None:
        """Wait for a worker's end, and start another one, until the pool closes."""
        while True:
            code = child.wait()
            with self._lock:
                if self._closing.is_set():
                    return
                self._workers[number] = None
            log_events.EMULATOR_FAILED.log(
                "Worker %s ended with %s. Another one takes its place.",
                child.pid,
                code,
                reason=f"a worker ended with {code}",
            )
            end_process(child, timeout=0)  # closes the pipes
            replaced = self._replace(number)
            if replaced is None:
                return
            child = replaced
            self._on_replaced()

    def _replace(self, number: int) -> subprocess.Popen[bytes] | None:
        while not self._closing.is_set():
            child = None
            try:
                child = self._open()
                self._greet(child)
            except (EmulatorError, OSError) as error:
                if child is not None:
                    end_process(child, timeout=0)
                log_events.EMULATOR_FAILED.log(
                    "A worker could not be started: %s", error, reason="a worker did not start"
                )
                self._closing.wait(_PAUSE)
                continue
            with self._lock:
                if not self._closing.is_set():
                    self._workers[number] = child
                    return child
            end_process(child, timeout=0)
        return None

    def _open(self) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C in the terminal reaches the main process alone.
        return subprocess.Popen(  # noqa: S603 # our own module, by our own interpreter
            build_module_command("synapse.emulator.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=self._descriptors,
            start_new_session=True,
        )

    def _greet(self, child: subprocess.Popen[bytes]) -> None:
        # The log is empty: a worker inherits this process's standard error.
        with tempfile.TemporaryFile() as log:
            wait_until_ready(child, log, self._options, _START_TIMEOUT, "A worker")
