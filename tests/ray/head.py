"""Ray nodes on loopback, and the end of everything that they started, and of nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import requests

__all__ = ["HEAD_TOKEN", "RayHead", "RayNode", "free_port"]

HEAD_TOKEN = "ab" * 32
"""What a head wants, where one wants a token."""

_UP_WITHIN = 100.0
_GONE_WITHIN = 60.0
_MARK = "SYNAPSE_TEST_RAY_HEAD"
_NODE_MARK = "SYNAPSE_TEST_RAY_NODE"
# A second node is refused by `ray start` where the first is kept on loopback: that is for machines
# where Ray knows only one. Only this check is left out; the node stays on loopback, too.
_JOIN = """
import types
from ray.scripts import scripts
scripts.ray_constants = types.SimpleNamespace(**vars(scripts.ray_constants))
scripts.ray_constants.ENABLE_RAY_CLUSTER = True
scripts.main()
"""


def free_port() -> int:
    """Return a port of loopback that nobody has now, outside of those that Ray's workers take."""
    while True:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            port: int = bound.getsockname()[1]
        if port > 20_000:
            return port


class RayHead:
    """A head with a dashboard.

    Its processes carry a mark in their environment, and are found by it when they are to end:
    `ray stop` would end those of everybody else, too.

    Args:
        cpus: What the head says that it has.
        environment: Variables for everything that runs on it.
    """

    def __init__(self, *, cpus: int = 2, environment: Mapping[str, str] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))  # sockets need a short path
        self.mark = f"{os.getpid()}-{os.urandom(8).hex()}"
        self.port = free_port()
        dashboard = free_port()
        self.url = f"http://127.0.0.1:{dashboard}"
        self.address = f"127.0.0.1:{self.port}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
            **(environment or {}),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "RAY_USAGE_STATS_ENABLED": "0",
            # Without this, a head with a loopback address listens on all of them.
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
            "RUNTIME_ENV_RETRY_TIMES": "1",  # what can't be installed isn't tried again
            _MARK: self.mark,
        }
        # What ends all of it when this process is killed, with the end of its standard input.
        self._heir = subprocess.Popen(
            [sys.executable, __file__, self.mark, str(self.folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        self._log = (self.folder / "start.log").open("wb")
        self._process = subprocess.Popen(
            [
                *(Path(sys.executable).with_name("ray"), "start", "--head", "--block"),
                *(f"--num-cpus={cpus}", "--node-ip-address=127.0.0.1", f"--port={self.port}"),
                *("--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"),
                *("--dashboard-agent-listen-port=0", f"--ray-client-server-port={free_port()}"),
                *("--min-worker-port=0", "--max-worker-port=0", "--disable-usage-stats"),
                *(f"--temp-dir={self.folder}/s", "--object-store-memory=150000000"),
            ],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait_until_up(self, token: str | None = None) -> RayHead:
        """Wait until it answers.

        Args:
            token: The one that it wants.

        Raises:
            RuntimeError: It doesn't, or it ended.
        """
        until = time.monotonic() + _UP_WITHIN
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(requests.RequestException):
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                if requests.get(f"{self.url}/api/version", headers=headers, timeout=2).ok:
                    return self
            time.sleep(0.1)
        log = (self.folder / "start.log").read_text(errors="replace")
        self.stop()
        raise RuntimeError(f"Ray didn't start: {log[-2000:]}")

    def stop(self) -> None:
        """End all of it."""
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GONE_WITHIN)
        self.kill()

    def kill(self) -> None:
        """End all of it at once, as a power failure would."""
        assert self._heir.stdin is not None
        self._heir.stdin.close()
        self._heir.wait(2 * _GONE_WITHIN)
        _end(self.processes)
        self._process.wait(_GONE_WITHIN)
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def processes(self, *, with_word: str = "") -> Iterator[int]:
        """Give the ids of its processes.

        Args:
            with_word: What their command line or environment must have, too.
        """
        yield from _processes(f"{_MARK}={self.mark}", with_word)

    def is_up(self) -> bool:
        """Say whether it hasn't ended."""
        return self._process.poll() is None


class RayNode:
    """A further node of a head's cluster; whoever started the head ends this, too.

    Args:
        head: The head.
        resources: What it has, that others don't.
    """

    def __init__(self, head: RayHead, resources: Mapping[str, float]) -> None:
        self._mark = f"{head.mark}-{os.urandom(4).hex()}"
        self._log = (head.folder / "node.log").open("wb")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", _JOIN, "start", f"--address={head.address}", "--block"),
                *("--num-cpus=1", "--node-ip-address=127.0.0.1"),
                *("--dashboard-agent-listen-port=0", "--min-worker-port=0", "--max-worker-port=0"),
                *("--disable-usage-stats", "--object-store-memory=80000000"),
                f"--resources={json.dumps(dict(resources))}",
            ],
            env={**head.environment, _NODE_MARK: self._mark},
            cwd=head.folder,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def kill(self) -> None:
        """End all of it at once, as a power failure would."""
        _end(lambda: _processes(f"{_NODE_MARK}={self._mark}"))
        self._process.wait(_GONE_WITHIN)
        self._log.close()


def _end(processes: Callable[[], Iterator[int]]) -> None:
    until = time.monotonic() + _GONE_WITHIN
    while found := list(processes()):
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if time.monotonic() > until:
            raise RuntimeError(f"These processes don't end: {found}")
        time.sleep(0.05)


def _processes(mark: str, with_word: str = "") -> Iterator[int]:
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if (folder / "stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                continue
            environment = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes()
            is_marked = mark.encode() in environment.split(b"\0")
            if is_marked and with_word.encode() in environment + command:
                yield int(folder.name)


if __name__ == "__main__":
    sys.stdin.read()
    _end(lambda: _processes(f"{_MARK}={sys.argv[1]}"))
    shutil.rmtree(sys.argv[2], ignore_errors=True)
