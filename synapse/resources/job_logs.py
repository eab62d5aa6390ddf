"""Log entries of a job, beside the job's output."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from synapse._internal.user_folders import expand_home
from synapse.errors import UsageError
from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import BulkCreates
from synapse.orm.relations import ForeignKeyId, ManagerDescriptor, to_one
from synapse.orm.resource import Resource
from synapse.resources.enums import LogLevel

if TYPE_CHECKING:
    from synapse.resources._typed import TypedLogManager
    from synapse.resources.jobs import Job
else:
    TypedLogManager = BulkCreates["Log"]

__all__ = ["Log", "LogManager", "data_uri", "is_uri"]


class LogManager(TypedLogManager):
    """Log entries: write one or many. The server doesn't list them."""

    __slots__ = ()

    def _body(self, values: Mapping[str, Any], extra: Mapping[str, Any] | None = None) -> Any:
        """Encode a file as a data URI, the form of files inside JSON."""
        file = values.get("file")
        if isinstance(file, os.PathLike):
            values = {**values, "file": data_uri(Path(file))}
        return super()._body(values, extra)


@resource("logs/", manager=LogManager, list_path=None, summary=["level", "message"])
class Log(Resource):
    """An entry of a job's log.

    Attributes:
        id: The entry's id.
        job: The entry's job, if any.
        job_id: The job's id, without loading the job.
        level: Severity.
        message: Text of the entry.
        data: Structured data.
        file: An attached file; a `Path` is sent inside the request.
        created: Time of writing.
    """

    objects: ClassVar[ManagerDescriptor[LogManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    job: Job | None = to_one("Job")
    job_id = ForeignKeyId["str | None"]("job")
    level: LogLevel | str = field()
    message: str = field()
    data: dict[str, Any] | None = field()
    file: str | None = field()
    created: datetime = field(read_only=True)


def data_uri(path: Path) -> str:
    """Return a file as a data URI, the form of files inside JSON.

    Raises:
        UsageError: The file can't be read.
    """
    path = expand_home(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror or error}.") from error
    return f"data:application/octet-stream;base64,{base64.b64encode(content).decode()}"


def is_uri(text: str) -> bool:
    """Return whether a text is the address or content of a file, and not a path."""
    return text.startswith(("data:", "http://", "https://"))
