"""Jobs: runs of plugins, and what they log."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from synapse.core.convert import Nested, structure_hook, to_wire
from synapse.core.declaration import resource
from synapse.core.fields import field
from synapse.core.manager import BulkCreates, Manager
from synapse.core.relations import RelatedId, Root, to_one
from synapse.core.resource import Resource
from synapse.core.verbs import Editable
from synapse.errors import InvalidQuery
from synapse.resources.values import JobStatus, LogLevel

if TYPE_CHECKING:
    from typing_extensions import Self

    from synapse.resources.plugins import Plugin, PluginRelease

__all__ = ["ConsoleLine", "Job", "JobManager", "Log", "LogManager", "data_uri"]


@attrs.frozen(kw_only=True)
class ConsoleLine(Nested):
    """A line that a job printed.

    Attributes:
        message: The line.
        level: How serious it is, where the server says so.
        created: When it was printed, where the server says so.
    """

    message: str
    level: LogLevel | str | None = None
    created: datetime | None = None


class JobManager(Manager["Job"]):
    """Jobs: read. `plugin.run()` starts one."""

    __slots__ = ()


@resource("jobs/", manager=JobManager)
class Job(Editable):
    """A run of a plugin.

    Attributes:
        id: The job's id, a UUID.
        plugin: What runs.
        plugin_id: The id of that, without loading it.
        plugin_release: Which version of it.
        plugin_release_id: The id of that, without loading it.
        action: Which of its actions.
        status: How far it is: queued, running, succeeded, failed or stopped, whichever spelling
            the server has.
        progress: How much is done, from 0 to 100.
        progress_record: The progress by category.
        metrics_record: The metrics that it reported.
        params: The parameters that it was started with.
        result: What it returned.
        is_active: Whether it still counts.
        created: When it was started.
        updated: When it last changed.
        completed: When it ended.
    """

    objects: ClassVar[Root[JobManager]] = Root()

    id: str = field(read_only=True)
    plugin: Plugin = to_one("Plugin", read_only=True)
    plugin_id = RelatedId[int]("plugin")
    plugin_release: PluginRelease | None = to_one("PluginRelease", read_only=True)
    plugin_release_id = RelatedId["int | None"]("plugin_release")
    action: str | None = field(read_only=True)
    status: JobStatus | str = field()
    progress: float | None = field()
    progress_record: dict[str, Any] | None = field()
    metrics_record: dict[str, Any] | None = field()
    params: dict[str, Any] | None = field(read_only=True)
    result: Any = field()
    is_active: bool = field(read_only=True)
    created: datetime = field(read_only=True)
    updated: datetime = field(read_only=True)
    completed: datetime | None = field(read_only=True)

    @property
    def changes(self) -> dict[str, Any]:
        """What `save()` would send, the status as this server spells it. Makes no request."""
        found = super().changes
        status = self.status if "status" in found else None
        if isinstance(status, JobStatus):
            older, newer = status.spellings
            found["status"] = newer if str(self._raw.get("status")).isupper() else older
        return found

    def update(self, *, console_logs: Any = None, **values: Any) -> Self:
        """Report on the job: set fields and save them. One request.

        Args:
            console_logs: Lines to add to the console log, as the server takes them.
            **values: `status`, `progress`, `progress_record`, `metrics_record`, `result`.

        Returns:
            The job itself.

        Raises:
            AttributeError: There is no such field, or only the server sets it.
            ValidationError: The server refused a value; the job is as it was before.
        """
        with self._tentatively(values):
            if console_logs is None:
                return self.save()
            changes = self.changes
            path = type(self).__schema__.detail_path(self._key)
            body = {**changes, "console_logs": to_wire(console_logs)}
            self._take(self._ask("PATCH", path, json=body), sent=changes, saved=True)
        return self

    def logs(self) -> list[ConsoleLine]:
        """Return what the job has printed so far. One request."""
        path = type(self).__schema__.detail_path(self._key, "console_logs/")
        answer = self._ask("GET", path)
        lines = answer.get("results", answer) if isinstance(answer, Mapping) else answer
        hook = structure_hook(ConsoleLine)
        return [
            hook(line) if isinstance(line, Mapping) else ConsoleLine(message=str(line))
            for line in lines
        ]


class LogManager(BulkCreates["Log"]):
    """Log entries: write one or many. The server doesn't list them."""

    __slots__ = ()

    def _body(self, values: Mapping[str, Any], extra: Mapping[str, Any] | None = None) -> Any:
        """Turn a file into what travels in JSON: a data URI."""
        body = super()._body(values, extra)
        file = values.get("file")
        if isinstance(file, os.PathLike):
            body["file"] = data_uri(Path(file))
        return body


@resource("logs/", manager=LogManager, list_path=None)
class Log(Resource):
    """An entry of a job's log.

    Attributes:
        id: The entry's id.
        job: The job, if it belongs to one.
        job_id: The id of that, without loading it.
        level: How serious it is.
        message: The text.
        data: Structured data with it.
        file: A file with it; given as a `Path`, it travels inside the request.
        created: When it was written.
    """

    objects: ClassVar[Root[LogManager]] = Root()

    id: int = field(read_only=True)
    job: Job | None = to_one("Job")
    job_id = RelatedId["str | None"]("job")
    level: LogLevel | str = field()
    message: str = field()
    data: dict[str, Any] | None = field()
    file: str | None = field()
    created: datetime = field(read_only=True)


def data_uri(path: Path) -> str:
    """Return a file as it travels inside JSON.

    Raises:
        InvalidQuery: It can't be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidQuery(f"{path} can't be read: {error.strerror or error}.") from error
    return f"data:application/octet-stream;base64,{base64.b64encode(content).decode()}"
