"""The lists of an agent: jobs and releases, and the work of the cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

from synapse._internal.described import Described, Description
from synapse._internal.hints import suggestion
from synapse.errors import InvalidQuery
from synapse.resources.agent_values import (
    AgentApi,
    AgentJob,
    AgentRelease,
    AgentValue,
    ClusterTask,
    Node,
    ServedApplication,
    build_value,
)
from synapse.resources.enums import JobStatus

__all__ = ["AgentJobs", "AgentReleases", "ClusterTasks", "Nodes", "ServedApplications"]

T = TypeVar("T", bound=AgentValue)


class _AgentCollection(Described, Generic[T]):
    """Objects of an agent, listed or fetched by key. Iterating makes one request."""

    def __init__(
        self, kind: type[T], api: AgentApi, list_: Callable[..., Any], get: Callable[[str], Any]
    ) -> None:
        self._kind = kind
        self._api = api
        self._list = list_
        self._get = get

    def __iter__(self) -> Iterator[T]:
        return self._rows({})

    def all(self) -> list[T]:
        """Return all of them. One request."""
        return list(self)

    def get(self, key: str) -> T:
        """Return one element. One request.

        Raises:
            BadRequest: The key is malformed; no request was made.
            NotFound: No element has this key.
        """
        return build_value(self._kind, self._get(key), self._api)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._api!r}>"

    def _describe(self) -> Description:
        fields = [("class", self._kind.__name__), ("agent", repr(self._api))]
        note = "Not read yet. all() and a loop make one request."
        return Description(type(self).__name__, fields=fields, notes=[note])

    def _rows(self, params: Mapping[str, Any]) -> Iterator[T]:
        for row in self._list(params):
            yield build_value(self._kind, row, self._api)


class AgentJobs(_AgentCollection[AgentJob]):
    """The jobs that an agent has run, and runs, in the order in which they came."""

    def __init__(self, api: AgentApi) -> None:
        super().__init__(AgentJob, api, api.list_jobs, api.get_job)

    def filter(self, *, status: JobStatus | str) -> Iterator[AgentJob]:
        """Yield the jobs in a state. One request.

        Args:
            status: The state, in any spelling.

        Raises:
            InvalidQuery: No such state exists.
        """
        try:
            state = JobStatus(status)
        except ValueError:
            hint = suggestion(status, [state.value for state in JobStatus])
            raise InvalidQuery(f"{status!r} is not a status{hint}") from None
        return self._rows({"status": list(state.spellings)})


class AgentReleases(_AgentCollection[AgentRelease]):
    """The plugin releases that an agent keeps. Iterating makes one request for each page."""

    def __init__(self, api: AgentApi) -> None:
        list_all = partial(api.list_plugin_releases, list_all=True)
        super().__init__(AgentRelease, api, list_all, api.get_plugin_release)

    def fetch(self, plugin: Any, version: str) -> AgentRelease:
        """Make the agent fetch a release, unless the agent has that release. One request.

        Args:
            plugin: The plugin, or the code.
            version: The release's version.

        Raises:
            NotFound: The backend has no such release.
        """
        code = plugin if isinstance(plugin, str) else plugin.code
        release = self._api.create_plugin_release(code, version)
        return build_value(self._kind, release, self._api)


class Nodes(_AgentCollection[Node]):
    """The machines that an agent's jobs run on."""

    def __init__(self, api: AgentApi) -> None:
        super().__init__(Node, api, api.list_nodes, api.get_node)


class ClusterTasks(_AgentCollection[ClusterTask]):
    """The processes and tasks on an agent's machines."""

    def __init__(self, api: AgentApi) -> None:
        super().__init__(ClusterTask, api, api.list_tasks, api.get_task)


class ServedApplications(_AgentCollection[ServedApplication]):
    """The applications that an agent's cluster serves; without Ray, none."""

    def __init__(self, api: AgentApi) -> None:
        super().__init__(
            ServedApplication, api, api.list_serve_applications, api.get_serve_application
        )
