"""A Ray cluster behind an agent, as plain dicts and lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synapse.clients.agent.ids import validate_id
from synapse.clients.agent.job_log import log_text, read_log
from synapse.clients.agent.log_tail import TailProtocol, tail, validate_protocol
from synapse.clients.base import BaseClient, Params
from synapse.config import Timeout, TimeoutArgument
from synapse.errors import InvalidResponse
from synapse.transport.stream_limits import StreamLimits

__all__ = ["RayClientMixin"]


class RayClientMixin(BaseClient):
    """Jobs, nodes, tasks and served applications of a Ray cluster behind an agent.

    Attributes:
        stream_limits: Limits for following logs.
    """

    stream_limits = StreamLimits()

    def list_jobs(self, params: Params | None = None) -> list[dict[str, Any]]:
        """List the cluster's jobs. One request.

        Args:
            params: Filters, such as `{"status": "RUNNING"}`.
        """
        return self._get_rows("jobs/", params)

    def get_job(self, job_id: str) -> Any:
        """Return a job. One request.

        Raises:
            BadRequest: The id has characters that no id has; no request was made.
            NotFound: The cluster has no such job.
        """
        return self._get(f"jobs/{validate_id(job_id)}/")

    def get_job_logs(self, job_id: str) -> str:
        """Return the output of a job so far, as one text. One request.

        Raises:
            BadRequest: The id has characters that no id has; no request was made.
            NotFound: The cluster has no such job.
        """
        return log_text(read_log(self._transport, validate_id(job_id)))

    list_job_logs = get_job_logs

    def stop_job(self, job_id: str) -> Any:
        """Request the stop of a job. One request.

        Raises:
            BadRequest: The id has characters that no id has; no request was made.
            NotFound: The cluster has no such job.
        """
        return self._post(f"jobs/{validate_id(job_id)}/stop/")

    def tail_job_logs(
        self,
        job_id: str,
        timeout: TimeoutArgument | TailProtocol = 30.0,
        *,
        protocol: TailProtocol = "auto",
        limits: StreamLimits | None = None,
        patience: float = 60.0,
    ) -> Iterator[str]:
        """Yield the output lines of a job until the job ends.

        Each line comes once, in order, even over broken connections: after a cut, the stream
        continues behind the last line.

        One request for each connection, and one at the end of each; with `"poll"` one request
        every two seconds or less, more often while lines come.

        Args:
            job_id: Id of the job.
            timeout: Seconds to connect, and seconds of silence before the client asks for the
                state of the job. A text is taken for the protocol.
            protocol: `"websocket"` (needs the extra `websocket`), `"http"` for server-sent events,
                `"stream"` for streamed text, `"poll"` for polling, or `"auto"` for the first of
                WebSocket, events and polling that works.
            limits: Limits of the stream; default: the client's `stream_limits`.
            patience: Longest outage of the agent, in seconds.

        Raises:
            BadRequest: The id has characters that no id has; no request was made.
            UsageError: The protocol is unknown; no request was made.
            MissingExtra: `protocol` is `"websocket"`, and `websocket-client` isn't installed.
            NotFound: The cluster has no such job.
            StreamLimitExceeded: The output exceeds the limits, after the lines that fit.
            ConnectionFailed: The agent was unreachable for longer than `patience`.
        """
        if isinstance(timeout, str):
            protocol = timeout
            timeout = 30.0
        return tail(
            self._transport,
            validate_id(job_id),
            protocol=validate_protocol(protocol),
            limits=limits if limits is not None else self.stream_limits,
            timeout=Timeout.of(timeout),
            patience=patience,
        )

    def websocket_tail_job_logs(
        self, job_id: str, timeout: TimeoutArgument = 30.0
    ) -> Iterator[str]:
        """Yield the output lines of a job by WebSocket, as `tail_job_logs` does.

        One request for each connection, and one at the end of each.

        Args:
            job_id: Id of the job.
            timeout: Seconds to connect, and seconds of silence before the client asks for the
                state of the job.

        Raises:
            MissingExtra: `websocket-client` isn't installed.
        """
        return self.tail_job_logs(job_id, timeout, protocol="websocket")

    def stream_tail_job_logs(self, job_id: str, timeout: TimeoutArgument = 30.0) -> Iterator[str]:
        """Yield the output lines of a job by server-sent events, as `tail_job_logs` does.

        One request for each connection, and one at the end of each.

        Args:
            job_id: Id of the job.
            timeout: Seconds to connect, and seconds of silence before the client asks for the
                state of the job.
        """
        return self.tail_job_logs(job_id, timeout, protocol="http")

    def list_nodes(self, params: Params | None = None) -> list[dict[str, Any]]:
        """List the cluster's machines. One request."""
        return self._get_rows("nodes/", params)

    def get_node(self, node_id: str) -> Any:
        """Return one of the cluster's machines. One request.

        Raises:
            BadRequest: The id has characters that no id has; no request was made.
            NotFound: The cluster has no such node.
        """
        return self._get(f"nodes/{validate_id(node_id)}/")

    def list_tasks(self, params: Params | None = None) -> list[dict[str, Any]]:
        """List the cluster's tasks. One request."""
        return self._get_rows("tasks/", params)

    def get_task(self, task_id: str) -> Any:
        """Return one of the cluster's tasks. One request.

        Raises:
            BadRequest: The id has characters that no id has; no request was made.
            NotFound: The cluster has no such task.
        """
        return self._get(f"tasks/{validate_id(task_id)}/")

    def list_serve_applications(self, params: Params | None = None) -> list[dict[str, Any]]:
        """List the applications that the cluster serves. One request."""
        return self._get_rows("serve_applications/", params)

    def get_serve_application(self, name: str) -> Any:
        """Return one of the applications that the cluster serves. One request.

        Raises:
            BadRequest: The name has characters that no name has; no request was made.
            NotFound: The cluster has no such application.
        """
        return self._get(f"serve_applications/{validate_id(name)}/")

    def delete_serve_application(self, name: str) -> Any:
        """Stop serving an application. One request.

        Raises:
            BadRequest: The name has characters that no name has; no request was made.
            NotFound: The cluster has no such application.
        """
        return self._delete(f"serve_applications/{validate_id(name)}/")

    def _get_rows(self, path: str, params: Params | None) -> list[dict[str, Any]]:
        """Return a plain list; of a page, the rows."""
        rows = self._get(path, params)
        # An unrequested first page of several would pass for the whole list.
        asks_for_page = not {"page", "page_size"}.isdisjoint(params or {})
        if isinstance(rows, dict) and (asks_for_page or rows.get("next") is None):
            rows = rows.get("results")
        if not isinstance(rows, list):
            raise InvalidResponse(
                200, "the answer is not a list", response=rows, resource=path.rstrip("/")
            )
        return rows
