"""A real agent for a test: a separate process beside the local backend."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from synapse._internal.closing import Closing
from synapse._internal.own_modules import build_module_command
from synapse._internal.user_folders import expand_home
from synapse.emulator.child import end_process, read_log, wait_until_ready

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["RunningAgent"]

_STOP_TIMEOUT = 20.0
# Variables that would make the child a client of another server.
_FOREIGN = ("SYNAPSE_", "PYTHONWARNINGS")


class RunningAgent(Closing):
    """An agent in a child process, by default on a free port.

    The agent ends with the `with` block, and in any case with the parent process. A stopped agent
    can be started again, with the old state.

    Args:
        backend: The backend's address.
        token: The agent's token at the backend.
        data: Folder of the agent's state; a temporary one, removed at the end, if None.
        port: The port; 0 takes a free one, and keeps that over a restart.
        start_timeout: Longest start in seconds.
        limits: Limits of one job: `timeout` in seconds, `memory` and `output` in MiB.
        **options: Other options of `synapse.agent.service.AgentOptions`: `workers`, `ray`, `url`
            ...

    Attributes:
        token: The agent's token.

    Example:
        >>> with RunningAgent(tenant.url, tenant.agent_token) as agent:
        ...     agent.url.startswith("http://127.0.0.1:")
        True
    """

    def __init__(
        self,
        backend: str,
        token: str,
        *,
        data: str | os.PathLike[str] | None = None,
        port: int = 0,
        start_timeout: float = 60.0,
        limits: dict[str, float] | None = None,
        **options: Any,
    ) -> None:
        self.token = token
        self._backend = backend
        self._data = None if data is None else expand_home(data)
        self._port = port
        self._start_timeout = start_timeout
        self._options = {**options, "limits": limits or {}}
        self._folder: Path | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._url = ""

    def start(self) -> Self:
        """Start the agent and wait for the first answer; does nothing for a running agent.

        Raises:
            EmulatorError: The agent could not be started; the message says why.
        """
        if self._child is not None:
            return self
        if self._folder is None:
            self._folder = self._data or Path(tempfile.mkdtemp(prefix="synapse-agent-"))
        options = {
            "backend": self._backend,
            "token": self.token,
            "data": str(self._folder),
            "port": self._port,
            "name": "agent",
            **self._options,
        }
        log = tempfile.TemporaryFile()  # noqa: SIM115 # closed by `stop`
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)
        }
        child = subprocess.Popen(  # noqa: S603 # this package, by this interpreter
            build_module_command("synapse.agent"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
        try:
            ready = wait_until_ready(child, log, options, self._start_timeout, "The agent")
        except BaseException:
            end_process(child, timeout=0)
            log.close()
            raise
        self._child, self._log, self._url = child, log, ready["url"]
        if "url" not in self._options:  # otherwise others may use a proxy's address
            self._port = int(self._url.rpartition(":")[2])
        return self

    def stop(self) -> None:
        """Stop the agent and the jobs, as Ctrl-C does; does nothing for a stopped agent."""
        self._end(_STOP_TIMEOUT)

    def kill(self) -> None:
        """Kill the agent, as a power cut would, without a last word."""
        self._end(0)

    def close(self) -> None:
        """Stop the agent, and remove a temporary folder."""
        self.stop()
        if self._data is None and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> Self:
        return self.start()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._url if self._child is not None else 'stopped'}>"

    @property
    def url(self) -> str:
        """The agent's address."""
        return self._url

    @property
    def log(self) -> str:
        """The agent's output about faults."""
        return "" if self._log is None else read_log(self._log)

    def _end(self, timeout: float) -> None:
        child, self._child = self._child, None
        if child is not None:
            end_process(child, timeout=timeout)
        log, self._log = self._log, None
        if log is not None:
            log.close()
