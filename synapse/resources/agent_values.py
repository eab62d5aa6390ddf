"""What an agent shows of itself: its jobs, releases and figures, and the machines it runs on.

These come from the agent, not from the server, so they are no resources of the session: plain,
frozen values with the verbs that the agent has for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

import attrs

from synapse.errors import InvalidQuery, InvalidResponse
from synapse.orm.convert import ValueObject, structure_hook, to_wire
from synapse.resources.enums import JobStatus

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "AgentHealth",
    "AgentJob",
    "AgentRelease",
    "ClusterTask",
    "Metrics",
    "Node",
    "OfAgent",
    "ServedApplication",
    "health_of",
    "made",
    "metrics_of",
]

T = TypeVar("T", bound="OfAgent")


class AgentApi(Protocol):
    """What asks the agent: its client, with plain dicts."""

    def health_check(self) -> Any: ...
    def get_metrics(self, panel: str) -> Any: ...
    def list_plugin_releases(self, params: Mapping[str, Any] | None = None) -> Any: ...
    def get_plugin_release(self, release: str) -> Any: ...
    def create_plugin_release(self, data: Mapping[str, Any]) -> Any: ...
    def delete_plugin_release(self, release: str) -> Any: ...
    def run_plugin_release(self, release: str, data: Mapping[str, Any]) -> Any: ...
    def list_jobs(self, params: Mapping[str, Any] | None = None) -> Any: ...
    def get_job(self, job_id: str) -> Any: ...
    def get_job_logs(self, job_id: str) -> Any: ...
    def stop_job(self, job_id: str) -> Any: ...
    def tail_job_logs(self, job_id: str, *, protocol: Any = ..., limits: Any = ...) -> Any: ...
    def list_nodes(self, params: Mapping[str, Any] | None = None) -> Any: ...
    def get_node(self, node_id: str) -> Any: ...
    def list_tasks(self, params: Mapping[str, Any] | None = None) -> Any: ...
    def get_task(self, task_id: str) -> Any: ...
    def list_serve_applications(self, params: Mapping[str, Any] | None = None) -> Any: ...
    def get_serve_application(self, name: str) -> Any: ...
    def delete_serve_application(self, name: str) -> Any: ...


@attrs.frozen(kw_only=True)
class OfAgent(ValueObject):
    """The base of what comes from an agent."""

    #: Where a field is found under another name, by the field's own.
    names: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @property
    def _api(self) -> AgentApi:
        api: AgentApi | None = getattr(self, "_context", None)
        if api is None:
            raise InvalidQuery(
                f"This {type(self).__name__} came from no agent: get it by session.agents."
            )
        return api


@attrs.frozen(kw_only=True)
class AgentJob(OfAgent):
    """A job as the agent that runs it sees it.

    Attributes:
        id: The job's id, which is that of the session's `Job`.
        plugin: The plugin's code.
        version: The release's version.
        action: Which of the plugin's actions.
        params: The parameters that it was started with.
        status: How far it is, whichever spelling the agent has.
        message: Why it failed or was stopped.
        lines: How many lines it has printed.
        created: When the agent got it.
        started: When its code began to run.
        completed: When it ended.
    """

    names: ClassVar[Mapping[str, tuple[str, ...]]] = {"id": ("submission_id", "job_id")}

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
        """Whether it has ended. Makes no request."""
        return isinstance(self.status, JobStatus) and self.status.is_final

    def refresh(self) -> Self:
        """Return the job as it is now. One request.

        Raises:
            NotFound: The agent doesn't know it any more.
        """
        return made(type(self), self._api.get_job(self.id), self._api)

    def logs(self) -> list[str]:
        """Return the lines that it has printed so far. One request."""
        answer = self._api.get_job_logs(self.id)
        text = answer.get("logs", "") if isinstance(answer, Mapping) else answer
        return str(text).removesuffix("\n").split("\n") if text else []

    def follow(self, *, protocol: str = "auto", limits: Any = None) -> Iterator[str]:
        """Give the lines that it prints as they come, until it has ended.

        Args:
            protocol: How, as `AgentClient.tail_job_logs` says.
            limits: How much is followed at most, as a `StreamLimits`.

        Raises:
            StreamLimitExceeded: It prints more than the limits allow; what came before was given.
            ClientError: The agent can't be reached any more.
        """
        lines: Iterator[str] = self._api.tail_job_logs(self.id, protocol=protocol, limits=limits)
        return lines

    def stop(self) -> Self:
        """Ask for its end, and return the job as it is now. Two requests.

        It is over when its status says so, some seconds later: what it does in `finally` is done.
        """
        self._api.stop_job(self.id)
        return self.refresh()


@attrs.frozen(kw_only=True)
class AgentRelease(OfAgent):
    """A plugin's release that the agent keeps.

    Attributes:
        id: The release's id at the backend.
        key: How the agent calls it: `code@version`.
        plugin: The plugin's code.
        version: The release's version.
        checksum: The SHA-256 of the zip, in hex.
        size: The bytes of the zip.
        config: What its `config.yaml` says.
        created: When the agent fetched it.
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

        `plugin.run(action, agent=agent)` runs it with yours.

        Args:
            action: Which one; it may be left out where there is only one.
            params: Its parameters.
            debug: Whether to run it for debugging.

        Raises:
            ValidationError: The action or a parameter is refused.
        """
        body: dict[str, Any] = {"params": to_wire(params or {}), "debug": debug}
        if action is not None:
            body["action"] = action
        answer = self._api.run_plugin_release(self.key, body)
        if not isinstance(answer, Mapping) or "job_id" not in answer:
            raise InvalidResponse(
                200, "the answer has no job_id", response=answer, resource=f"release {self.key}"
            )
        return made(AgentJob, self._api.get_job(answer["job_id"]), self._api)

    def delete(self) -> None:
        """Have the agent drop it. One request."""
        self._api.delete_plugin_release(self.key)


@attrs.frozen(kw_only=True)
class Node(OfAgent):
    """A machine that jobs run on.

    Attributes:
        id: The machine's id.
        name: Its name.
        ip: Its address in the cluster.
        is_head: Whether it is the one that leads.
        state: Whether it is there, such as `ALIVE` or `DEAD`.
        resources: What it has: `CPU` as a number of cores, `memory` in bytes, and so on.
        labels: What is said of it besides.
    """

    names: ClassVar[Mapping[str, tuple[str, ...]]] = {
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
        """Whether it is there. Makes no request."""
        return self.state == "ALIVE"


@attrs.frozen(kw_only=True)
class ClusterTask(OfAgent):
    """Something that runs on a machine: a process of a job, or one of Ray's tasks.

    Attributes:
        id: Its id.
        name: What it is called.
        type: What it is: `PROCESS`, or a kind of Ray's.
        state: How far it is.
        job_id: The job that it belongs to, in the words of what runs it.
        node_id: The machine that it is on.
        pid: Its process there.
    """

    names: ClassVar[Mapping[str, tuple[str, ...]]] = {"id": ("task_id",), "pid": ("worker_pid",)}

    id: str
    name: str | None = None
    type: str | None = None
    state: str | None = None
    job_id: str | None = None
    node_id: str | None = None
    pid: int | None = None


@attrs.frozen(kw_only=True)
class ServedApplication(OfAgent):
    """An application that Ray Serve answers requests with.

    Attributes:
        name: Its name.
        status: How it stands, such as `RUNNING` or `DEPLOY_FAILED`.
        message: Why, where there is something to say.
        route_prefix: Below which path it answers.
    """

    name: str
    status: str | None = None
    message: str | None = None
    route_prefix: str | None = None

    def delete(self) -> None:
        """Serve it no longer. One request."""
        self._api.delete_serve_application(self.name)


@attrs.frozen(kw_only=True)
class Metrics(OfAgent):
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


@attrs.frozen(kw_only=True)
class AgentHealth(OfAgent):
    """How an agent stands.

    Attributes:
        status: `ok`, or else what it says.
        version: The version of its software.
        runner: What it runs jobs on: `local` or `ray`.
        connected: Whether it has reached its backend.
        detail: What is wrong.
    """

    status: str | None = None
    version: str | None = None
    runner: str | None = None
    connected: bool | None = None
    detail: str | None = None

    @property
    def is_ok(self) -> bool:
        """Whether nothing is wrong. Makes no request."""
        return self.status == "ok"


def health_of(api: AgentApi) -> AgentHealth:
    """Ask an agent how it stands. One request."""
    return made(AgentHealth, api.health_check(), api)


def metrics_of(api: AgentApi, panel: str) -> Metrics:
    """Ask an agent for the figures of a panel. One request."""
    return made(Metrics, api.get_metrics(panel), api)


def made(kind: type[T], row: Any, api: AgentApi) -> T:
    """Make a thing out of a row, from wherever its fields are in it."""
    if not isinstance(row, Mapping):
        raise InvalidResponse(200, f"the answer is no {kind.__name__}", response=row)
    known = dict(row)
    for name, others in kind.names.items():
        for other in others:
            if known.get(name) is None and known.get(other) is not None:
                known[name] = known.pop(other)
    try:
        one: T = structure_hook(kind)(known)
    except (TypeError, ValueError) as error:
        raise InvalidResponse(
            200, f"the answer is no {kind.__name__}: {error}", response=row
        ) from error
    object.__setattr__(one, "_context", api)
    return one
