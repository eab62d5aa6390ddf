"""A Ray cluster as an agent shows it, with plain dicts and lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synapse.clients.agent.ids import checked_id
from synapse.clients.agent.tailing import TailProtocol, checked_protocol, tail
from synapse.clients.base import BaseClient, Params
from synapse.config import Timeout, TimeoutArgument
from synapse.transport.stream_limits import StreamLimits

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

    def tail_job_logs(
        self,
        job_id: str,
        protocol: TailProtocol = "auto",
        limits: StreamLimits | None = None,
        *,
        timeout: TimeoutArgument = (5, 60),
        patience: float = 60.0,
    ) -> Iterator[str]:
        """Follow what a job prints, line by line, until it ends.

        Every line is given once, in order, also over connections that break: after a cut, the log
        is opened again behind the last line that was given.

        One request for each connection, and one at each end of one; with `"http"` one request
        every two seconds at least, more often while lines come.

        Args:
            job_id: The job's id.
            protocol: `"websocket"` (needs the extra `websocket`), `"stream"` for a streamed
                answer, `"http"` for asking again and again, or `"auto"` for the first of them that
                works.
            limits: How much is followed at most; the defaults of `StreamLimits` if None.
            timeout: Seconds to connect, and of silence after which the job is asked for.
            patience: Seconds for which the agent may be unreachable at a time.

        Raises:
            BadRequest: The id can't be one; no request was made.
            UsageError: There is no such protocol; no request was made.
            MissingExtra: It is `"websocket"`, and `websocket-client` isn't installed.
            NotFound: There is no such job.
            StreamLimitExceeded: It prints more than the limits allow; what came before was given.
            ConnectionFailed: The agent can't be reached for longer than `patience`.
        """
        return tail(
            self._transport,
            checked_id(job_id),
            protocol=checked_protocol(protocol),
            limits=limits if limits is not None else StreamLimits(),
            timeout=Timeout.of(timeout),
            patience=patience,
        )

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
