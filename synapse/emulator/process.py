"""The local backend as a child process. Nothing here imports Django."""

import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlencode

from typing_extensions import Self

from synapse._internal.own_modules import build_module_command
from synapse._internal.user_folders import expand_home
from synapse.emulator.admin_client import send_admin_request
from synapse.emulator.behaviours import ChangedBehaviour, validate_behaviour
from synapse.emulator.child import end_process, read_log, wait_until_ready
from synapse.emulator.errors import EmulatorError, require_extra
from synapse.emulator.faults import Fault, build_fault
from synapse.jobs.local.protection import remove

if TYPE_CHECKING:
    from synapse.jobs.spec import Limits

_STOP_TIMEOUT = 15.0  # jobs have some seconds to end
# Variables that would turn the child into another Django project, database or client.
_FOREIGN = ("DJANGO_", "SYNAPSE_", "PYTHONWARNINGS")


@dataclass(frozen=True)
class TenantCredentials:
    """A tenant of the local backend, with the tokens."""

    tenant: str
    api_token: str
    agent_token: str


class Emulator:
    """A local backend in a child process, by default on a free port.

    The backend ends with the ``with`` block, and in any case with the parent process. A stopped
    backend can be started again.

    Args:
        data: Folder for everything; a temporary one, removed at the end, if None.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        start_timeout: Longest start in seconds.
        database_url: A database instead of SQLite in the folder, such as
            ``postgresql://user@host/name``. No environment variable names one.
        job_limits: Limits of each job, as `synapse.jobs.spec.Limits`.
        share_database: Whether the database may have tables of another project.
        agent_timeout: Seconds without a heartbeat until an agent's jobs fail; 600 if None.
        job_token_lifetime: Seconds for which a job's token is valid at most; seven days if None.
        workers: Number of processes that answer requests, for a server that many clients use.

    Example:
        >>> with Emulator() as emulator:
        ...     emulator.url.startswith("http://127.0.0.1:")
        True
    """

    def __init__(
        self,
        data: str | Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        start_timeout: float = 60,
        *,
        database_url: str | None = None,
        job_limits: "Limits | None" = None,
        share_database: bool = False,
        agent_timeout: float | None = None,
        job_token_lifetime: float | None = None,
        workers: int = 1,
    ) -> None:
        self._wanted_data = None if data is None else expand_home(data)
        self._host = host
        self._port = port
        self._start_timeout = start_timeout
        self._database_url = database_url
        self._job_limits = job_limits
        self._share_database = share_database
        self._agent_timeout = agent_timeout
        self._job_token_lifetime = job_token_lifetime
        self._workers = workers
        self._control_token = secrets.token_hex(20)
        self._child: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._owner = 0
        self._info: dict[str, str] = {}

    def start(self) -> Self:
        """Start the server and wait for the first answer; does nothing for a running server.

        Raises:
            EmulatorError: The server could not be started; the message says why.
        """
        if self._child is not None:
            return self
        require_extra()
        log = tempfile.TemporaryFile()  # noqa: SIM115 # closed by `stop`
        # A session of its own: Ctrl-C in the terminal reaches this process, which then stops the
        # child.
        child = subprocess.Popen(  # noqa: S603 # our own module, by our own interpreter
            build_module_command("synapse.emulator"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=self._environment(),
            start_new_session=True,
        )
        try:
            self._info = wait_until_ready(child, log, self._child_options(), self._start_timeout)
        except BaseException:
            end_process(child, timeout=0)
            log.close()
            raise
        self._child, self._log, self._owner = child, log, os.getpid()
        return self

    def stop(self) -> None:
        """Stop the server within some seconds; does nothing for a stopped server."""
        child, self._child = self._child, None
        log, self._log = self._log, None
        if child is None or log is None:
            return
        log.close()
        if self._owner != os.getpid():  # a fork of the starting process
            return
        end_process(child, timeout=_STOP_TIMEOUT)
        if self._wanted_data is None:  # a killed child can't remove the folder
            remove(Path(self._info["data"]))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = self._info["url"] if self._child is not None else "stopped"
        return f"<{type(self).__name__} {state}>"

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        return self._read_info("url")

    @property
    def tenant(self) -> str:
        """Code of the first tenant."""
        return self._read_info("tenant")

    @property
    def api_token(self) -> str:
        """The API token of that tenant's user."""
        return self._read_info("api_token")

    @property
    def agent_token(self) -> str:
        """The token of that tenant's agent."""
        return self._read_info("agent_token")

    @property
    def data(self) -> Path:
        """The data folder."""
        return Path(self._read_info("data"))

    @property
    def pid(self) -> int:
        """The process id of the server."""
        self._read_info("url")
        assert self._child is not None  # noqa: S101 # for the type checker: `_read_info` checked
        return self._child.pid

    @property
    def log(self) -> str:
        """The server's output about faults, such as the traceback of a 500."""
        return "" if self._log is None else read_log(self._log)

    def create_tenant(
        self, name: str | None = None, *, member: str | None = None
    ) -> TenantCredentials:
        """Create an empty tenant with a user and an agent (one request).

        Args:
            name: Display name; the code is made up in any case.
            member: An API token whose user becomes a member of the tenant too.

        Raises:
            EmulatorError: The server isn't running, or refused.
        """
        body = {"name": name, "member": member}
        body = {key: value for key, value in body.items() if value is not None}
        return TenantCredentials(**self._ask("POST", "tenants/", body))

    def add_ground_truths(
        self,
        tenant: str,
        items: Iterable[Mapping[str, Any]],
        version: str = "1",
        dataset: str = "default",
    ) -> int:
        """Add ground truths to a tenant, which the platform's API can't (one request).

        Dataset and version are created if missing. A data unit has one ground truth in a dataset
        and one event in a version: a second one replaces the first; other versions keep theirs.

        Args:
            tenant: The tenant's code, or a token of the user or agent.
            items: The ground truths, as ``{"data_unit": id, "data": document, "category": "train",
                "project": id, "meta": {}}``; the last two are optional. The category is ``train``,
                ``validation`` or ``test``.
            version: Name of the version.
            dataset: Name of the dataset.

        Returns:
            The id of the version, to filter ``sdk/ground_truth_events/`` by.

        Raises:
            EmulatorError: The server isn't running, or refused; nothing was added.

        Example:
            >>> with Emulator() as emulator:
            ...     emulator.add_ground_truths(emulator.tenant, [], version="2024-05")
            1
        """
        body = {
            "tenant": tenant,
            "items": [dict(item) for item in items],
            "version": version,
            "dataset": dataset,
        }
        answer = self._ask("POST", "ground_truths/", body)
        key: int = answer["version"]
        return key

    def fault(
        self,
        kind: str | int,
        *,
        count: int = 1,
        method: str | None = None,
        path: str | None = None,
        after: int = 0,
        tenant: str | None = None,
        seconds: float | None = None,
        retry_after: float | str | None = None,
        status: int | None = None,
    ) -> Fault:
        """Make the next responses faulty (one request).

        A request gets one fault at most: the first armed one that matches.

        Args:
            kind: Kind of the fault.

                The server refuses without processing: ``"429"``, ``"500"``, ``"503"``; a proxy
                answers an ``"html"`` page; or the connection is closed, ``"refused-before"``.

                The server processes the request, and the response comes late (``"slow"``), a byte
                at a time (``"drip"``), as an ``"empty"`` 200, or ends in the middle of the body
                (``"cut"``) or of the headers (``"cut-headers"``); or no response comes, and the
                connection ends (``"lost"``) or is reset (``"reset"``).
            count: Number of responses.
            method: Only responses to this HTTP method.
            path: Only responses for this path below the base URL, such as ``projects/``; ``*``
                stands for any text.
            after: Number of matching responses to leave alone first.
            tenant: Only responses to this tenant's tokens; the code.
            seconds: Delay of a ``"slow"`` response, and pause of a ``"drip"`` after each byte.
            retry_after: Header ``Retry-After`` of ``"429"`` and ``"503"``: seconds, or an HTTP
                date.
            status: Status of the ``"html"`` page; by default 502.

        Raises:
            EmulatorError: No such kind exists, or the server isn't running.

        Example:
            >>> from synapse import Session
            >>> with Emulator() as emulator, Session(emulator.url, emulator.api_token) as session:
            ...     with emulator.fault("503", retry_after=0, method="GET") as fault:
            ...         print(session.projects.count(), fault.served, session.request_count)
            0 1 2
        """
        body = build_fault(
            kind,
            count=count,
            method=method,
            path=path,
            after=after,
            tenant=tenant,
            seconds=seconds,
            retry_after=retry_after,
            status=status,
        )
        key = self._ask("POST", "faults/", body)["id"]
        return Fault(body["kind"], lambda verb: self._ask(verb, f"faults/{key}/"))

    def clear_faults(self, *, tenant: str | None = None) -> None:
        """Remove all remaining faults (one request).

        Args:
            tenant: Only faults for this tenant; the code.

        Raises:
            EmulatorError: The server isn't running.
        """
        only = "" if tenant is None else "?" + urlencode({"tenant": tenant})
        self._ask("DELETE", f"faults/{only}")

    def behave(self, *, tenant: str | None = None, **values: Any) -> ChangedBehaviour:
        """Make the server behave like an older or a different one (one request).

        Args:
            tenant: Only towards this tenant's tokens; the code.
            **values: Behaviours: `unordered_ties`, `checksums`, `max_query`, `max_page`,
                `row_delay`, `file_url_lifetime`, `multipart_above`, `part_size`, `upload_lifetime`,
                `storage_port`, `inline_limit`;
                `synapse.emulator.behaviours.Behaviour` describes them.

        Raises:
            EmulatorError: No such behaviour exists, or the server isn't running, or refused.

        Example:
            >>> from synapse import Session
            >>> with Emulator() as emulator, Session(emulator.url, emulator.api_token) as session:
            ...     with emulator.behave(max_page=600):
            ...         print(session.projects.count())
            0
        """
        validate_behaviour(values)
        target = {} if tenant is None else {"tenant": tenant}
        only = "?" + urlencode(target) if target else ""
        self._ask("POST", "behaviours/", {**target, **values})
        return ChangedBehaviour(values, lambda: self._clear_behaviours(only))

    def _clear_behaviours(self, only: str) -> None:
        self._ask("DELETE", f"behaviours/{only}")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return send_admin_request(self.url, self._control_token, method, f"_emulator/{path}", body)

    def _read_info(self, name: str) -> str:
        if self._child is None:
            raise EmulatorError("The local backend is not running. Call start() first.")
        return self._info[name]

    def _environment(self) -> dict[str, str]:
        return {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}

    def _child_options(self) -> dict[str, Any]:
        limits = self._job_limits
        return {
            "host": self._host,
            "port": self._port,
            "data": None if self._wanted_data is None else str(self._wanted_data.absolute()),
            "control_token": self._control_token,
            "database_url": self._database_url,
            "share_database": self._share_database,
            "agent_timeout": self._agent_timeout,
            "job_token_lifetime": self._job_token_lifetime,
            "workers": self._workers,
            "job_limits": None
            if limits is None
            else {
                "timeout": limits.timeout,
                "memory": limits.memory,
                "output": limits.output,
            },
        }
