"""A Ray cluster, as the agent's endpoints show the cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synapse.errors import ClientError, NotFound
from synapse.jobs.protocols import MachinesUnavailable

if TYPE_CHECKING:
    from synapse.clients.agent.ray import RayClient

__all__ = ["RayMachines"]


class RayMachines:
    """The machines of a Ray cluster.

    Args:
        client: Client of the cluster's head.
    """

    kind = "ray"

    def __init__(self, client: RayClient) -> None:
        self._client = client

    def nodes(self) -> list[dict[str, Any]]:
        """Return the cluster's machines."""
        return _fetch_rows(self._client.list_nodes)

    def tasks(self) -> list[dict[str, Any]]:
        """Return the cluster's tasks."""
        return _fetch_rows(self._client.list_tasks)

    def applications(self) -> list[dict[str, Any]]:
        """Return the applications of Ray Serve."""
        return _fetch_rows(self._client.list_serve_applications)

    def delete_application(self, name: str) -> bool:
        """Serve an application no longer."""
        try:
            self._client.delete_serve_application(name)
        except NotFound:
            return False
        except ClientError as error:
            raise _explain(error) from error
        return True

    def end(self, job_id: str) -> None:
        """Stop a job on the cluster, which continues without the agent that submitted the job."""
        with contextlib.suppress(ClientError):  # it is over, or the cluster isn't there
            self._client.stop_job(job_id)

    def problem(self) -> str | None:
        """Return why the cluster can't be used now, or `None`."""
        try:
            self._client.get_version()
        except ClientError as error:
            return f"The Ray cluster can't be asked: {error.detail}."
        return None


def _fetch_rows(ask: Any) -> list[dict[str, Any]]:
    try:
        return [dict(row) for row in ask() if isinstance(row, Mapping)]
    except ClientError as error:
        raise _explain(error) from error


def _explain(error: ClientError) -> MachinesUnavailable:
    return MachinesUnavailable(f"The Ray cluster can't be asked: {error}")
