"""`RayClient`: a Ray cluster, through an agent or by its head's dashboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from synapse.clients.base import BaseClient, Params
from synapse.config import Settings, Timeout, TimeoutArgument, checked_url
from synapse.errors import BadRequest
from synapse.transport import Transport

__all__ = ["RayClient", "RayClientMixin", "checked_id"]

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


def checked_id(value: Any) -> str:
    """Return an id as a segment of a path.

    Raises:
        BadRequest: It has other characters than letters, digits, `-` and `_`, or more than 100 of
            them; no request was made.
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, (str, int))
        or not _ID.fullmatch(str(value))
    ):
        raise BadRequest(
            400,
            f"{value!r} can't be an id",
            hint="Ids have letters, digits, '-' and '_', at most 100 of them.",
        )
    return str(value)


class RayClientMixin(BaseClient):
    """Jobs, nodes, tasks and served applications of a Ray cluster, as an agent shows them."""

    def list_jobs(self, params: Params | None = None) -> Any:
        """List the cluster's jobs. One request."""
        return self._get("jobs/", params)

    def get_job(self, job_id: str) -> Any:
        """Return a job. One request.

        Raises:
            BadRequest: The id can't be one; no request was made.
            NotFound: There is no such job.
        """
        return self._get(f"jobs/{checked_id(job_id)}/")

    def get_job_logs(self, job_id: str) -> Any:
        """Return what a job has printed so far. One request.

        Raises:
            BadRequest: The id can't be one; no request was made.
            NotFound: There is no such job.
        """
        return self._get(f"jobs/{checked_id(job_id)}/logs/")

    def stop_job(self, job_id: str) -> Any:
        """Ask for a job to be stopped. One request.

        Raises:
            BadRequest: The id can't be one; no request was made.
            NotFound: There is no such job.
        """
        return self._post(f"jobs/{checked_id(job_id)}/stop/")

    def tail_job_logs(self, job_id: str, timeout: TimeoutArgument = (5, 300)) -> Iterator[str]:
        """Follow what a job prints, line by line, until it ends. One request.

        Args:
            job_id: The job's id.
            timeout: Seconds to connect, and to wait for each next line.

        Raises:
            BadRequest: The id can't be one; no request was made.
            NotFound: There is no such job.
            ClientError: The stream broke off.
        """
        path = f"ray/jobs/{checked_id(job_id)}/logs/stream/"
        return self._transport.lines(path, timeout=timeout, resource=f"job {job_id}")

    def list_nodes(self, params: Params | None = None) -> Any:
        """List the cluster's machines. One request."""
        return self._get("nodes/", params)

    def get_node(self, node_id: str) -> Any:
        """Return one of the cluster's machines. One request.

        Raises:
            BadRequest: The id can't be one; no request was made.
            NotFound: There is no such node.
        """
        return self._get(f"nodes/{checked_id(node_id)}/")

    def list_tasks(self, params: Params | None = None) -> Any:
        """List the cluster's tasks. One request."""
        return self._get("tasks/", params)

    def get_task(self, task_id: str) -> Any:
        """Return one of the cluster's tasks. One request.

        Raises:
            BadRequest: The id can't be one; no request was made.
            NotFound: There is no such task.
        """
        return self._get(f"tasks/{checked_id(task_id)}/")

    def list_serve_applications(self, params: Params | None = None) -> Any:
        """List what the cluster serves. One request."""
        return self._get("serve_applications/", params)

    def get_serve_application(self, name: str) -> Any:
        """Return one of the applications that the cluster serves. One request.

        Raises:
            BadRequest: The name can't be one; no request was made.
            NotFound: There is no such application.
        """
        return self._get(f"serve_applications/{checked_id(name)}/")

    def delete_serve_application(self, name: str) -> Any:
        """Stop serving an application. One request.

        Raises:
            BadRequest: The name can't be one; no request was made.
            NotFound: There is no such application.
        """
        return self._delete(f"serve_applications/{checked_id(name)}/")


class RayClient(RayClientMixin):
    """A client of a Ray cluster's interface.

    Args:
        base_url: Its address.
        timeout: Seconds: one number, a pair (connect, read), or a mapping with those names.

    Raises:
        ConfigurationError: The address or a setting is malformed.

    Example:
        >>> RayClient("http://127.0.0.1:8265")
        RayClient('http://127.0.0.1:8265')
    """

    def __init__(self, base_url: str, *, timeout: TimeoutArgument = None) -> None:
        settings = Settings(
            base_url=checked_url(base_url, "the argument base_url"),
            credentials={},
            timeout=Timeout.of(timeout),
        )
        super().__init__(transport=Transport(settings))
