"""Integration: agents, plugins, jobs, logs, served applications and storages."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from synapse.clients.backend.base import BackendBase, Id
from synapse.clients.base import Params
from synapse.clients.page import Page
from synapse.clients.url_conversion import UrlConversion
from synapse.config import TimeoutArgument
from synapse.errors import InvalidQuery
from synapse.resources.agents import connect_path
from synapse.resources.enums import JobStatus
from synapse.resources.job_logs import Log, data_uri
from synapse.resources.jobs import Job
from synapse.resources.plugins import Plugin, PluginRelease
from synapse.resources.serve_applications import ServeApplication
from synapse.resources.storages import Storage
from synapse.transfer.upload import upload_file
from synapse.transport.decoding import dumps
from synapse.transport.line_follower import follow
from synapse.transport.stream_limits import StreamLimits, StreamMeter

__all__ = ["IntegrationClientMixin"]

_PATH = (str, os.PathLike)


class IntegrationClientMixin(BackendBase):
    """Agents, plugins, jobs, logs, served applications and storages."""

    def health_check_agent(self, token: str) -> Any:
        """Ask whether the agent of a token is connected. One request.

        Args:
            token: The agent's token. No message shows it.

        Raises:
            InvalidQuery: The token can't be one.
            NotFound: No agent has this token.
        """
        return self._post(connect_path(token), resource="agent of the token", secret=token)

    def get_plugin(self, plugin_id: Id, params: Params | None = None) -> dict[str, Any]:
        """Return a plugin. One request.

        Args:
            plugin_id: Its id or code.
            params: Query parameters.

        Raises:
            NotFound: There is no such plugin.
        """
        return self._one(Plugin, plugin_id, params)

    def create_plugin(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Make a plugin. One request.

        Args:
            data: Its fields; `name` at least.

        Raises:
            ValidationError: The server refused a field.
        """
        row: dict[str, Any] = self._make(Plugin, data)
        return row

    def update_plugin(self, plugin_id: Id, data: Mapping[str, Any]) -> dict[str, Any]:
        """Change fields of a plugin. One request.

        Args:
            plugin_id: Its id or code.
            data: The fields to change; the others stay.

        Raises:
            NotFound: There is no such plugin.
            ValidationError: The server refused a field.
        """
        return self._change(Plugin, plugin_id, data)

    def run_plugin(self, plugin_id: Id, data: Mapping[str, Any]) -> dict[str, Any]:
        """Start a job. One request.

        Args:
            plugin_id: The plugin's id or code.
            data: `action`, `params` (or `parameters`), `agent`, `debug`, `job_id`, each optional.

        Returns:
            What the server answers; `job_id` is in it.

        Raises:
            NotFound: There is no such plugin.
            ValidationError: The server refused the action or a parameter.
        """
        return self._act("POST", Plugin, plugin_id, "run/", data)

    def create_plugin_release(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Upload a release of a plugin. One request, streamed.

        Args:
            data: `plugin`, `version` and `file`, a path or a file opened for reading bytes, and
                what else the release has.

        Raises:
            UsageError: There is no file, or it can't be read.
            ValidationError: The server refused it.
        """
        file = data.get("file")
        if file is None:
            raise InvalidQuery("A plugin release needs a file: a path, or an open file.")
        return upload_file(
            self._transport,
            PluginRelease.__schema__.path,
            file,
            # A file in memory has no name of its own.
            name=None if isinstance(file, _PATH) or hasattr(file, "name") else "release.zip",
            fields={
                name: _form_value(value)
                for name, value in data.items()
                if name != "file" and value is not None
            },
            has_checksum=False,
        )

    def get_plugin_release(self, release_id: Id, params: Params | None = None) -> dict[str, Any]:
        """Return a release of a plugin. One request.

        Args:
            release_id: Its id.
            params: Query parameters.

        Raises:
            NotFound: There is no such release.
        """
        return self._one(PluginRelease, release_id, params)

    def get_job(self, job_id: Id, params: Params | None = None) -> dict[str, Any]:
        """Return a job. One request.

        Args:
            job_id: Its id.
            params: Query parameters.

        Raises:
            NotFound: There is no such job.
        """
        return self._one(Job, job_id, params)

    def list_jobs(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
    ) -> Page | list[dict[str, Any]]:
        """List jobs. One request, or with `list_all` one for each page.

        Args:
            params: Filters such as `status` and `plugin`, `page`, `page_size`, `ordering`.
            url_conversion: How to rewrite file URLs.
            list_all: Whether to answer all rows as a list, instead of one page.
        """
        return self._rows(Job, params, url_conversion, list_all)

    def update_job(self, job_id: Id, data: Mapping[str, Any]) -> dict[str, Any]:
        """Report on a job. One request.

        Args:
            job_id: Its id.
            data: `status`, `progress`, `progress_record`, `metrics_record`, `console_logs`,
                `result`, each optional.

        Raises:
            NotFound: There is no such job.
            ValidationError: The server refused a field.
        """
        return self._change(Job, job_id, data)

    def list_job_console_logs(self, job_id: Id, params: Params | None = None) -> Any:
        """Return what a job has printed so far, as the server answers it. One request.

        Args:
            job_id: Its id.
            params: Query parameters.

        Raises:
            NotFound: There is no such job.
        """
        path = Job.__schema__.detail_path(job_id, "console_logs/")
        return self._get(path, params, resource=Job.__schema__.label(job_id))

    def tail_job_console_logs(
        self,
        job_id: Id,
        params: Params | None = None,
        timeout: TimeoutArgument = (5, 300),
        *,
        limits: StreamLimits | None = None,
    ) -> Iterator[str]:
        """Follow what a job prints, line by line, until it ends.

        A connection that breaks is made again: no line is lost, and none comes twice. One request,
        and another one at the end; two more for each time that a connection breaks.

        Args:
            job_id: Its id.
            params: Query parameters.
            timeout: Seconds to connect, and to wait for each next line before it is asked whether
                the job still runs.
            limits: How much is followed at most; the defaults of `StreamLimits` if None.

        Raises:
            NotFound: There is no such job.
            StreamLimitExceeded: It prints more than the limits allow; what came before was given.
            ClientError: The server refused, or couldn't be reached for a minute.
        """
        path = Job.__schema__.detail_path(job_id, "tail_console_logs/")
        label = Job.__schema__.label(job_id)

        def has_ended() -> bool:
            try:
                return JobStatus(self.get_job(job_id).get("status")).is_final
            except ValueError:  # a state that isn't known here
                return False

        return follow(
            lambda start: self._transport.lines_from(
                start, path, params=params, timeout=timeout, resource=label
            ),
            has_ended,
            meter=StreamMeter(limits or StreamLimits(), label),
            retries_first=False,
            resource=label,
        )

    def create_logs(self, data: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Any:
        """Write log entries. One request.

        Args:
            data: One entry or a list: `job`, `level`, `message`, `data`, and `file`, which may be a
                `Path` and then travels inside the request.

        Raises:
            UsageError: A file can't be read.
            ValidationError: The server refused an entry.
        """
        body = _log_entry(data) if isinstance(data, Mapping) else [_log_entry(one) for one in data]
        return self._make(Log, body)

    def list_serve_applications(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
    ) -> Page | list[dict[str, Any]]:
        """List served applications. One request, or with `list_all` one for each page.

        Args:
            params: Filters, `page`, `page_size`, `ordering`.
            url_conversion: How to rewrite file URLs.
            list_all: Whether to answer all rows as a list, instead of one page.
        """
        return self._rows(ServeApplication, params, url_conversion, list_all)

    def create_serve_application(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Make a served application known. One request.

        Args:
            data: Its fields.

        Raises:
            ValidationError: The server refused a field.
        """
        row: dict[str, Any] = self._make(ServeApplication, data)
        return row

    def list_storages(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
    ) -> Page | list[dict[str, Any]]:
        """List storages, without their secrets. One request, or one for each page.

        Args:
            params: Filters, `page`, `page_size`, `ordering`.
            url_conversion: How to rewrite file URLs.
            list_all: Whether to answer all rows as a list, instead of one page.
        """
        return self._rows(Storage, params, url_conversion, list_all)

    def get_storage(self, storage_id: Id, params: Params | None = None) -> dict[str, Any]:
        """Return a storage with its configuration, secrets included. One request.

        Args:
            storage_id: Its id.
            params: Query parameters.

        Raises:
            NotFound: There is no such storage.
        """
        query = {"with_configuration": "true", **(params or {})}
        return self._one(Storage, storage_id, query)

    def create_storage(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Make a storage. One request.

        Args:
            data: `name`, `provider`, `category` and `configuration`.

        Raises:
            ValidationError: The server refused a field.
        """
        row: dict[str, Any] = self._make(Storage, data)
        return row


def _form_value(value: Any) -> str:
    """Write a field as a form carries it; what is more than a text or number is JSON there."""
    return dumps(value).decode() if isinstance(value, (bool, dict, list)) else str(value)


def _log_entry(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    file = entry.get("file")
    return {**entry, "file": data_uri(Path(file))} if isinstance(file, os.PathLike) else entry
