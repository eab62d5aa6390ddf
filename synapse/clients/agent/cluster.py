"""A Ray cluster as an agent shows it, with plain dicts and lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synapse.clients.agent.ids import checked_id
from synapse.clients.base import BaseClient, Params
from synapse.config import TimeoutArgument

__all__ = ["RayClientMixin"]


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
