"""Values that an agent shows: jobs, releases, figures and machines.

They come from the agent, not from the server, so they aren't resources of the session but frozen
values with the verbs that the agent offers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

import attrs

from synapse._internal.json_values import to_json
from synapse.errors import InvalidResponse, UsageError
from synapse.orm.convert import ValueObject, structure_hook
from synapse.resources.enums import JobStatus

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "AgentHealth",
    "AgentJob",
    "AgentRelease",
    "AgentValue",
    "ClusterTask",
    "Metrics",
    "Node",
    "ServedApplication",
    "build_value",
    "fetch_health",
    "fetch_metrics",
]

T = TypeVar("T", bound="AgentValue")


class AgentApi(Protocol):
    """The agent's client, with plain dicts."""

    def health_check(self) -> Any: ...
    def get_metrics(self, panel: str) -> Any: ...
    def list_plugin_releases(
        self, params: Mapping[str, Any] | None = None, *, list_all: bool = False
    ) -> Any: ...
    def get_plugin_release(self, lookup: str) -> Any: ...
    def create_plugin_release(self, plugin: str, version: str) -> Any: ...
    def delete_plugin_release(self, lookup: str) -> Any: ...
    def run_plugin_release(self, lookup: str, *, data: Mapping[str, Any]) -> Any: ...
    def list_jobs(self, params: Mapping[str, Any] | None = None) -> Any: ...
    def get_job(self, job_id: str) -> Any: ...
    def get_job_logs(self, job_id: str) -> str: ...
    def stop_job(self, job_id: str) -> Any: ...
    def tail_job_logs(self, job_id: str, *, protocol: Any = ..., limits: Any = ...) -> Any: ...
    def list_nodes(self, params: Mapping[str, Any] | None = None) -> Any: ...
    def get_node(self, node_id: str) -> Any: ...
    def list_tasks(self, params: Mapping[str, Any] | None = None) -> Any: ...
    def get_task(self, task_id: str) -> Any: ...
    def list_serve_applications(self, params: Mapping[str, Any] | None = None) -> Any: ...
    def get_serve_application(self, name: str) -> Any: ...
    def delete_serve_application(self, name: str) -> Any: ...


class _ClientSlot(ValueObject):
    """Base class with a slot for the client, which isn't a field."""

    __slots__ = ("_client",)


@attrs.frozen(kw_only=True, repr=False)
class AgentValue(_ClientSlot):
    """Base of values that come from an agent."""

    #: Other names of fields in agents' responses.
    aliases: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @property
    def _api(self) -> AgentApi:
        client: AgentApi | None = getattr(self, "_client", None)
        if client is None:
            raise UsageError(
                f"This {type(self).__name__} has no agent. Get one from session.agents.get(token)."
            )
        return client


@attrs.frozen(kw_only=True, repr=False)
class AgentJob(AgentValue):
    """A job as the agent sees the job.

    Attributes:
        id: The job's id, the same as of the session's `Job`.
        plugin: The plugin's code.
        version: The release's version.
        action: Name of the plugin's action.
        params: Parameters of the job.
        status: State of the job, in one spelling.
        message: Reason of a failure or a stop.
        lines: Number of printed lines.
        created: Time of arrival at the agent.
        started: Time when the code began to run.
        completed: Time of the end.
    """

    aliases: ClassVar[Mapping[str, tuple[str, ...]]] = {"id": ("submission_id", "job_id")}

    id: str
    plugin: str | None = None
    version: str | None = None
    action: str | None = None
    params: dict[str, Any] | None = attrs.field(default=None, repr=False)
    status: JobStatus | str | None = None
    message: str | None = None
    lines: int | None = None
    created: datetime | None = None
    started: datetime | None = None
    completed: datetime | None = None

    @property
    def is_final(self) -> bool:
        """True if the job has ended. Makes no request."""
        return isinstance(self.status, JobStatus) and self.status.is_final

    def refresh(self) -> Self:
        """Return the job's current value. One request.

        Raises:
            NotFound: The agent doesn't know the job any more.
        """
        return build_value(type(self), self._api.get_job(self.id), self._api)

    def logs(self) -> list[str]:
        """Return the lines printed so far. One request."""
        text = self._api.get_job_logs(self.id)
        return text.removesuffix("\n").split("\n") if text else []

    def follow(self, *, protocol: str = "auto", limits: Any = None) -> Iterator[str]:
        """Yield the printed lines as they come, until the job has ended.

        Args:
            protocol: Protocol, as for `AgentClient.tail_job_logs`.
            limits: Limits of the following, as a `StreamLimits`.

        Raises:
            StreamLimitExceeded: The output passes the limits; earlier lines were yielded.
            ClientError: The agent can't be reached any more.
        """
        lines: Iterator[str] = self._api.tail_job_logs(self.id, protocol=protocol, limits=limits)
        return lines

    def stop(self) -> Self:
        """Request the job's end, and return the job's current value. Two requests.

        The job ends some seconds later, after the code's `finally` blocks; then the status says so.
        """
        self._api.stop_job(self.id)
        return self.refresh()


@attrs.frozen(kw_only=True, repr=False)
class AgentRelease(AgentValue):
    """A plugin's release that the agent keeps.

    Attributes:
        id: The release's id at the backend.
        key: The agent's name for the release: `code@version`.
        plugin: The plugin's code.
        version: The release's version.
        checksum: SHA-256 of the zip, in hex.
        size: Size of the zip in bytes.
        config: Content of the `config.yaml`.
        created: Time of fetching.
    """

    id: int | None = None
    key: str
    plugin: str | None = None
    version: str | None = None
    checksum: str | None = attrs.field(default=None, repr=False)
    size: int | None = None
    config: dict[str, Any] | None = attrs.field(default=None, repr=False)
    created: datetime | None = None

    def run(
        self,
        action: str | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        debug: bool = False,
    ) -> AgentJob:
        """Run an action on the agent, with the agent's own rights. Two requests.

        `plugin.run(action, agent=agent)` runs the action with yours.

        Args:
            action: Name of the action; optional for a release with one action.
            params: The action's parameters.
            debug: Whether to run for debugging.

        Raises:
            ValidationError: The action or a parameter is refused.
        """
        body: dict[str, Any] = {"params": to_json(params or {}, "params"), "debug": debug}
        if action is not None:
            body["action"] = action
        response = self._api.run_plugin_release(self.key, data=body)
        if not isinstance(response, Mapping) or "job_id" not in response:
            raise InvalidResponse(
                200, "the response has no job_id", response=response, resource=f"release {self.key}"
            )
        return build_value(AgentJob, self._api.get_job(response["job_id"]), self._api)

    def delete(self) -> None:
        """Delete the release on the agent. One request."""
        self._api.delete_plugin_release(self.key)


@attrs.frozen(kw_only=True, repr=False)
class Node(AgentValue):
    """A machine that jobs run on.

    Attributes:
        id: The machine's id.
        name: Display name.
        ip: Address in the cluster.
        is_head: Whether the machine leads the cluster.
        state: State, such as `ALIVE` or `DEAD`.
        resources: Capacity: `CPU` as a number of cores, `memory` in bytes, and so on.
        labels: Labels of the machine.
    """

    aliases: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "id": ("node_id",),
        "name": ("node_name",),
        "ip": ("node_ip",),
        "is_head": ("is_head_node",),
        "resources": ("resources_total",),
    }

    id: str
    name: str | None = None
    ip: str | None = None
    is_head: bool | None = None
    state: str | None = None
    resources: dict[str, Any] | None = None
    labels: dict[str, Any] | None = attrs.field(default=None, repr=False)

    @property
    def is_alive(self) -> bool:
        """True if the machine is up. Makes no request."""
        return self.state == "ALIVE"


@attrs.frozen(kw_only=True, repr=False)
class ClusterTask(AgentValue):
    """Work on a machine: a process of a job, or one of Ray's tasks.

    Attributes:
        id: The task's id.
        name: Display name.
        type: Kind: `PROCESS`, or a kind of Ray's.
        state: State of the task.
        job_id: The task's job, by the runner's id.
        node_id: The task's machine.
        pid: Process id on that machine.
    """

    aliases: ClassVar[Mapping[str, tuple[str, ...]]] = {"id": ("task_id",), "pid": ("worker_pid",)}

    id: str
    name: str | None = None
    type: str | None = None
    state: str | None = None
    job_id: str | None = None
    node_id: str | None = None
    pid: int | None = None


@attrs.frozen(kw_only=True, repr=False)
class ServedApplication(AgentValue):
    """An application that Ray Serve serves.

    Attributes:
        name: Name of the application.
        status: State, such as `RUNNING` or `DEPLOY_FAILED`.
        message: Reason of the state, if any.
        route_prefix: Path prefix of the application's requests.
    """

    name: str
    status: str | None = None
    message: str | None = None
    route_prefix: str | None = None

    def delete(self) -> None:
        """Stop serving the application. One request."""
        self._api.delete_serve_application(self.name)


@attrs.frozen(kw_only=True, repr=False)
class Metrics(AgentValue):
    """The figures of one panel, as they were at a moment.

    Attributes:
        panel: Which panel.
        time: When.
        values: The figures by name: sizes in bytes, percentages from 0 to 100.
    """

    panel: str
    time: datetime | None = None
    values: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


@attrs.frozen(kw_only=True, repr=False)
class AgentHealth(AgentValue):
    """The health of an agent.

    Attributes:
        status: `ok`, or the agent's own word.
        version: Version of the agent's software.
        runner: Name of the runner: `local` or `ray`.
        connected: Whether the agent has reached the backend.
        detail: Description of the fault.
    """

    status: str | None = None
    version: str | None = None
    runner: str | None = None
    connected: bool | None = None
    detail: str | None = None

    @property
    def is_ok(self) -> bool:
        """True without a fault. Makes no request."""
        return self.status == "ok"


def fetch_health(client: AgentApi) -> AgentHealth:
    """Fetch an agent's health. One request."""
    return build_value(AgentHealth, client.health_check(), client)


def fetch_metrics(client: AgentApi, panel: str) -> Metrics:
    """Ask an agent for the figures of a panel. One request."""
    return build_value(Metrics, client.get_metrics(panel), client)


def build_value(kind: type[T], row: Any, client: AgentApi) -> T:
    """Build a value from a row, whose fields may have other names."""
    if not isinstance(row, Mapping):
        raise InvalidResponse(200, f"the response is not a {kind.__name__}", response=row)
    fields = dict(row)
    for name, aliases in kind.aliases.items():
        for alias in aliases:
            if fields.get(name) is None and fields.get(alias) is not None:
                fields[name] = fields.pop(alias)
    try:
        value: T = structure_hook(kind)(fields)
    except (TypeError, ValueError) as error:
        raise InvalidResponse(
            200, f"the response is not a {kind.__name__}: {error}", response=row
        ) from error
    object.__setattr__(value, "_client", client)
    return value
