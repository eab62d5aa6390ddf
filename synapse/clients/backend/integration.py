"""Integration endpoints: agents, plugins, jobs, logs, served applications, storages."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from typing_extensions import Unpack

from synapse._internal.user_folders import expand_home
from synapse.clients.all_rows import AllRows
from synapse.clients.backend.base import BackendBase, Id
from synapse.clients.backend.models import AgentRecord
from synapse.clients.base import Params
from synapse.clients.keyword_aliases import accept_aliases, check_spellings, choose_one
from synapse.clients.list_method import typed_list
from synapse.clients.list_options import ListKeywords
from synapse.clients.page import Page
from synapse.clients.record import Record
from synapse.clients.url_conversion import UrlConversion
from synapse.config import TimeoutArgument
from synapse.errors import UsageError
from synapse.resources.agents import Agent, connect_path
from synapse.resources.enums import JobStatus
from synapse.resources.job_logs import Log, data_uri, is_uri
from synapse.resources.jobs import Job
from synapse.resources.plugins import Plugin, PluginRelease
from synapse.resources.serve_applications import ServeApplication
from synapse.resources.storages import Storage
from synapse.transfer.local_file import SourceArgument
from synapse.transfer.multipart_form import encode_form_value
from synapse.transfer.upload import upload_file
from synapse.transport.line_follower import follow
from synapse.transport.stream_limits import StreamLimits, StreamMeter
from synapse.transport.urls import path_segment

__all__ = ["IntegrationClientMixin"]

_PATH = (str, os.PathLike)


class IntegrationClientMixin(BackendBase):
    """Agents, plugins, jobs, logs, served applications and storages."""

    def list_agents(self, params: Params | None = None) -> list[AgentRecord]:
        """List agents, as records with attributes. One request.

        Args:
            params: Filters, `page`, `page_size`.
        """
        page = self._list(Agent.__schema__.path, params)
        return [AgentRecord(row) for row in page["results"]]

    @accept_aliases(token="agent_token")  # noqa: S106 - a keyword's name
    def health_check_agent(self, agent_token: str) -> Any:
        """Return the connection state of the agent with a token. One request.

        Args:
            agent_token: Token of the agent; `token` is an alias. Messages don't show tokens.

        Raises:
            UsageError: The token has characters that no token has.
            NotFound: No agent has this token.
        """
        path = connect_path(agent_token)
        return self._post(path, resource="agent of the token", secret=agent_token)

    def get_plugin(self, plugin_id: Id, params: Params | None = None) -> dict[str, Any]:
        """Return a plugin. One request.

        Args:
            plugin_id: Id or code of the plugin.
            params: Query parameters.

        Raises:
            NotFound: No plugin has this id.
        """
        return self._get_row(Plugin, plugin_id, params)

    def create_plugin(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Create a plugin. One request.

        Args:
            data: Fields of the plugin; at least `name`.

        Raises:
            ValidationError: The server refused a field.
        """
        row: dict[str, Any] = self._create(Plugin, data)
        return row

    def update_plugin(self, plugin_id: Id, data: Mapping[str, Any]) -> dict[str, Any]:
        """Change fields of a plugin. One request.

        Args:
            plugin_id: Id or code of the plugin.
            data: Fields to change; the others stay.

        Raises:
            NotFound: No plugin has this id.
            ValidationError: The server refused a field.
        """
        return self._update(Plugin, plugin_id, data)

    @accept_aliases(plugin_id="plugin")
    def run_plugin(self, plugin: Id, data: Mapping[str, Any]) -> dict[str, Any]:
        """Start a job. One request.

        Args:
            plugin: Id or code of the plugin; `plugin_id` is an alias.
            data: `action`, `params` (or `parameters`), `agent`, `debug`, `job_id`, each optional.

        Returns:
            The server's response, with the `job_id`.

        Raises:
            UsageError: `params` and `parameters` differ; no request was made.
            NotFound: No plugin has this id.
            ValidationError: The server refused the action or a parameter.
        """
        check_spellings(data, parameters="params")
        return self._call_action("POST", Plugin, plugin, "run/", data)

    def create_plugin_release(
        self,
        data: Mapping[str, Any],
        file: SourceArgument | None = None,
        *,
        allow_credentials: bool = False,
    ) -> dict[str, Any]:
        """Upload a release of a plugin. One request, streamed.

        Args:
            data: `plugin`, `version` and further fields of the release.
            file: A path, or a file opened for reading bytes; also as `file` in `data`.
            allow_credentials: Whether to release files that look like credentials, such as `.env`.

        Raises:
            UsageError: The file is missing or can't be read, its two places differ, or a file in
                the zip looks like credentials.
            ValidationError: The server refused the release.
        """
        file = choose_one("file", file, "data['file']", data.get("file"))
        if file is None:
            raise UsageError("A plugin release needs a file. Pass file=, a path or an open file.")
        if not allow_credentials:
            from synapse.plugins.packaging import refuse_packed_credentials

            with suppress(OSError):  # the upload reports unreadable files
                refuse_packed_credentials(expand_home(file) if isinstance(file, _PATH) else file)
        return upload_file(
            self._transport,
            PluginRelease.__schema__.path,
            file,
            # A file in memory has no name.
            name=None if isinstance(file, _PATH) or hasattr(file, "name") else "release.zip",
            fields={
                name: encode_form_value(value)
                for name, value in data.items()
                if name != "file" and value is not None
            },
            has_checksum=False,
        )

    def get_plugin_release(self, release_id: Id, params: Params | None = None) -> dict[str, Any]:
        """Return a release of a plugin. One request.

        Args:
            release_id: Id of the release.
            params: Query parameters.

        Raises:
            NotFound: No release has this id.
        """
        return self._get_row(PluginRelease, release_id, params)

    def list_plugin_releases(
        self, plugin_code: Id, params: Params | None = None
    ) -> list[dict[str, Any]]:
        """List the releases of a plugin, on one page. One request.

        Args:
            plugin_code: Code or id of the plugin.
            params: Further filters, `page`, `page_size`.

        Raises:
            UsageError: The code can't be one; no request was made.
        """
        path_segment(plugin_code)  # refuses values that can't be a code
        query = {"plugin": plugin_code, **(params or {})}
        page = self._list(str(PluginRelease.__schema__.list_path), query)
        rows: list[dict[str, Any]] = page["results"]
        return rows

    def get_plugin_release_by_lookup(
        self, lookup: str, expand: str | None = "plugin", params: Params | None = None
    ) -> dict[str, Any]:
        """Return the release with a code and version. One request.

        Args:
            lookup: `code@version`, or the id.
            expand: Relations to load with the release; `None` for none.
            params: Further query parameters.

        Raises:
            NotFound: No such release exists.
        """
        query = {"expand": expand, **(params or {})}
        row: dict[str, Any] = self._get(
            PluginRelease.__schema__.detail_path(lookup).replace("%40", "@"),
            {name: value for name, value in query.items() if value is not None},
            resource=PluginRelease.__schema__.label(lookup),
        )
        return row

    def get_job(self, job_id: Id, params: Params | None = None) -> dict[str, Any]:
        """Return a job. One request.

        Args:
            job_id: Id of the job.
            params: Query parameters.

        Raises:
            NotFound: No job has this id.
        """
        return self._get_row(Job, job_id, params)

    @typed_list
    def list_jobs(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List jobs. One request, or with `list_all` one for each page.

        Args:
            params: Filters such as `status` and `plugin`, `page`, `page_size`, `ordering`.
            url_conversion: Rule for rewriting file URLs.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.
        """
        return self._list_rows(Job, params, url_conversion, list_all, **options)

    def update_job(self, job_id: Id, data: Mapping[str, Any]) -> dict[str, Any]:
        """Update the state of a job. One request.

        Args:
            job_id: Id of the job.
            data: `status`, `progress`, `progress_record`, `metrics_record`, `console_logs`,
                `result`, each optional.

        Raises:
            NotFound: No job has this id.
            ValidationError: The server refused a field.
        """
        return self._update(Job, job_id, data)

    def list_job_console_logs(self, job_id: Id, params: Params | None = None) -> Any:
        """Return the output of a job so far, as the server sends it. One request.

        Args:
            job_id: Id of the job.
            params: Query parameters.

        Raises:
            NotFound: No job has this id.
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
        """Yield the output lines of a job until the job ends.

        After a broken connection the stream continues: no line is lost or repeated. One request,
        and another at the end; two more for each broken connection.

        Args:
            job_id: Id of the job.
            params: Query parameters.
            timeout: Seconds to connect, and seconds without a line before the client asks for the
                state of the job.
            limits: Limits of the stream; default `StreamLimits()`.

        Raises:
            NotFound: No job has this id.
            StreamLimitExceeded: The output exceeds the limits, after the lines that fit.
            ClientError: The server refused the request, or was unreachable for a minute.
        """
        path = Job.__schema__.detail_path(job_id, "tail_console_logs/")
        label = Job.__schema__.label(job_id)

        def has_ended() -> bool:
            try:
                return JobStatus(self.get_job(job_id).get("status")).is_final
            except ValueError:  # a state newer than this client
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
            data: One entry or a list: `job`, `level`, `event`, `message`, `data`, and `file`; a
                file given by its path is sent inside the request.

        Raises:
            UsageError: A file can't be read.
            ValidationError: The server refused an entry.
        """
        body = [_build_log(entry) for entry in ([data] if isinstance(data, Mapping) else data)]
        return self._create(Log, body[0] if isinstance(data, Mapping) else body)

    @typed_list
    def list_serve_applications(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List served applications. One request, or with `list_all` one for each page.

        Args:
            params: Filters, `page`, `page_size`, `ordering`.
            url_conversion: Rule for rewriting file URLs.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.
        """
        return self._list_rows(ServeApplication, params, url_conversion, list_all, **options)

    def create_serve_application(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Register a served application. One request.

        Args:
            data: Fields of the application.

        Raises:
            ValidationError: The server refused a field.
        """
        row: dict[str, Any] = self._create(ServeApplication, data)
        return row

    @typed_list
    def list_storages(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List storages without secrets. One request, or one per page.

        Args:
            params: Filters, `page`, `page_size`, `ordering`.
            url_conversion: Rule for rewriting file URLs.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.
        """
        return self._list_rows(Storage, params, url_conversion, list_all, **options)

    def get_storage(self, storage_id: Id, params: Params | None = None) -> Record:
        """Return a storage with configuration and secrets. One request.

        The values are keys and attributes: `storage["configuration"]`, `storage.configuration`.

        Args:
            storage_id: Id of the storage.
            params: Query parameters.

        Raises:
            NotFound: No storage has this id.
        """
        query = {"with_configuration": "true", **(params or {})}
        return Record(self._get_row(Storage, storage_id, query))

    def create_storage(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Create a storage. One request.

        Args:
            data: `name`, `provider`, `category` and `configuration`.

        Raises:
            ValidationError: The server refused a field.
        """
        row: dict[str, Any] = self._create(Storage, data)
        return row


def _build_log(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    file = entry.get("file")
    if isinstance(file, str) and not is_uri(file):
        file = Path(file)
    return {**entry, "file": data_uri(Path(file))} if isinstance(file, os.PathLike) else entry
