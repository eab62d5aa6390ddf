"""Reports of transfers of many files, and their builder."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, Generic, Literal, TypeVar
from unicodedata import category

import attrs

from synapse._internal.described import (
    Described,
    DescribedTable,
    Description,
    cut,
)
from synapse.errors import (
    AuthenticationError,
    ClientError,
    SessionClosed,
    SynapseError,
    UsageError,
)
from synapse.transfer.bulk.pipeline import Pipeline
from synapse.transfer.bulk.server_units import SyncEntry

__all__ = [
    "DownloadReport",
    "Failure",
    "OnError",
    "ReportBuilder",
    "SyncReport",
    "UploadReport",
    "convert_error",
    "is_server_failure",
    "validate_on_error",
]

OnError = Literal["collect", "raise"]

_MAX_SHOWN = 10
# Consecutive failures of the server, not of a file, that mean an outage.
_OUTAGE = 24


@attrs.frozen
class Failure:
    """A file, or an item of several files, that couldn't be transferred.

    Attributes:
        path: Path of the file, or name of the item.
        error: The reason: an exception of `synapse.errors`.
    """

    path: str
    error: Exception

    def __str__(self) -> str:
        return _escape_line(f"{self.path}: {type(self.error).__name__}: {self.error}")


@attrs.define(repr=False)
class _Report(Described):
    """Attributes of both directions."""

    skipped: int = 0
    failed: list[Failure] = attrs.field(factory=list)
    bytes: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Megabytes (1,000,000 bytes) per second."""
        return self.bytes / 1e6 / self.seconds if self.seconds > 0 else 0.0

    def __str__(self) -> str:
        columns = [f"{name}: {value}" for name, value in self._columns()]
        return "\n".join([", ".join(columns), *self._failures()])

    def __repr__(self) -> str:
        columns = " ".join(f"{name}={value}" for name, value in self._columns())
        return f"<{type(self).__name__} {columns}>"

    def _describe(self) -> Description:
        rows = [
            (
                cut(_escape_line(failure.path), 120),
                type(failure.error).__name__,
                cut(_escape_line(str(failure.error)), 300),
            )
            for failure in self.failed[:_MAX_SHOWN]
        ]
        return Description(
            type(self).__name__,
            fields=self._columns(),
            table=DescribedTable(("path", "error", "why"), rows, len(self.failed))
            if rows
            else None,
            notes=self._notes(),
        )

    def _notes(self) -> list[str]:
        return []

    def _failures(self) -> Iterator[str]:
        for failure in self.failed[:_MAX_SHOWN]:
            yield f"  {failure}"
        if more := self._more():
            yield f"  {more}"

    def _more(self) -> str:
        rest = len(self.failed) - _MAX_SHOWN
        return f"... and {rest:,} more in report.failed" if rest > 0 else ""

    def _columns(self) -> list[tuple[str, str]]:
        raise NotImplementedError

    def _dry_columns(self) -> list[tuple[str, str]]:
        return self._common_columns()[:2]

    def _common_columns(self) -> list[tuple[str, str]]:
        return [
            ("failed", f"{len(self.failed):,}"),
            ("MB", f"{self.bytes / 1e6:,.1f}"),
            ("seconds", f"{self.seconds:,.1f}"),
            ("MB/s", f"{self.rate:,.1f}"),
        ]


@attrs.define(repr=False)
class UploadReport(_Report):
    """The result of an upload.

    Attributes:
        created: Number of created data units.
        tasks: Number of created tasks.
        skipped: Number of items that were done before, in an earlier run or earlier in this one.
        failed: Failed files and items, each with path and error.
        files_sent: Number of files whose bytes were sent.
        files_held: Number of files that the server had before, and that weren't sent again.
        ignored: Number of files in the source that match no specification, or were left out.
        bytes: Bytes of the sent files.
        seconds: Duration of the upload.
        collection: Id of the collection.
        notes: Remarks on the source: folders without a file for the collection, links to the same
            file, and names that differ only in spelling.
        dry_run: Whether the run only read the source, and sent nothing: `created`, `files_sent` and
            `bytes` then count everything in the source.

    Example:
        >>> print(UploadReport(created=2, files_sent=2, bytes=3_000_000, seconds=1.5))
        created: 2, skipped: 0, failed: 0, MB: 3.0, seconds: 1.5, MB/s: 2.0
    """

    created: int = 0
    tasks: int = 0
    files_sent: int = 0
    files_held: int = 0
    ignored: int = 0
    collection: Any = None
    notes: list[str] = attrs.field(factory=list)
    dry_run: bool = False

    def __str__(self) -> str:
        return "\n".join(
            [super().__str__(), *(f"  note: {_escape_line(note)}" for note in self.notes)]
        )

    def _notes(self) -> list[str]:
        return [cut(_escape_line(note), 300) for note in self.notes[:_MAX_SHOWN]]

    def _columns(self) -> list[tuple[str, str]]:
        if self.dry_run:
            return [
                ("would create", f"{self.created:,}"),
                ("files", f"{self.files_sent:,}"),
                *self._dry_columns(),
            ]
        columns = [("created", f"{self.created:,}")]
        columns += [("tasks", f"{self.tasks:,}")] if self.tasks else []
        columns += [("skipped", f"{self.skipped:,}")]
        columns += [("ignored", f"{self.ignored:,}")] if self.ignored else []
        return [*columns, *self._common_columns()]


@attrs.define(repr=False)
class SyncReport(UploadReport):
    """The result of a sync.

    The lists of units are in a temporary file and are read when used, so they need no memory.

    Attributes:
        new: Units that the collection lacked; without ids after `dry_run`.
        changed: Units whose files or `meta` differed, with the ids of the new units, or of the
            newest old units if none were created.
        unchanged: Units that the collection had.
        gone: Units of the collection whose key the source lacks.
        twice: Units that exist more than once with the same key and content.
        moved: Ids of the tasks that moved to another unit.
        replaced: Ids of the units that were deleted because a new unit replaces them.
        deleted: Ids of the units that were deleted because they are gone.
        kept: Ids of the units that were not deleted, because of annotations or ground truths.
        dry_run: Whether the run only compared, and created, moved and deleted nothing.
        created: Number of created data units.
        tasks: Number of created tasks.
        skipped: Number of items for which nothing was created.
        failed: Failed files and items, each with path and error.
        files_sent: Number of files whose bytes were sent.
        files_held: Number of files of new units that the server had before.
        ignored: Number of files in the source that match no specification, or were left out.
        bytes: Bytes of the sent files.
        seconds: Duration of the sync.
        collection: Id of the collection.
        notes: Remarks on the source, and on units that were not replaced or deleted.

    Example:
        >>> print(SyncReport(created=2, seconds=1.5))
        new: 0, changed: 0, unchanged: 0, gone: 0, created: 2, failed: 0, MB: 0.0, seconds: 1.5, \
MB/s: 0.0
    """

    new: Sequence[SyncEntry] = ()
    changed: Sequence[SyncEntry] = ()
    unchanged: Sequence[SyncEntry] = ()
    gone: Sequence[SyncEntry] = ()
    twice: Sequence[SyncEntry] = ()
    moved: list[int] = attrs.field(factory=list)
    replaced: list[int] = attrs.field(factory=list)
    deleted: list[int] = attrs.field(factory=list)
    kept: list[int] = attrs.field(factory=list)

    def _columns(self) -> list[tuple[str, str]]:
        columns = [
            (name, f"{len(getattr(self, name)):,}")
            for name in ("new", "changed", "unchanged", "gone")
        ]
        columns += [("created", f"{self.created:,}")]
        columns += [("tasks", f"{self.tasks:,}")] if self.tasks else []
        columns += [
            (name, f"{len(getattr(self, name)):,}")
            for name in ("moved", "replaced", "deleted", "kept", "twice")
            if len(getattr(self, name))
        ]
        columns += [("ignored", f"{self.ignored:,}")] if self.ignored else []
        return [*columns, *self._common_columns()]


@attrs.define(repr=False)
class DownloadReport(_Report):
    """The result of a download.

    Attributes:
        downloaded: Number of fetched files.
        skipped: Number of files that existed with the right size and checksum.
        failed: Failed files, each with path and error.
        bytes: Fetched bytes.
        seconds: Duration of the download.
        folder: Folder of the files.
        dry_run: Whether nothing was fetched: `downloaded` and `bytes` then count the files that are
            missing.

    Example:
        >>> print(DownloadReport(downloaded=1, skipped=2, bytes=500_000, seconds=1.0))
        downloaded: 1, skipped: 2, failed: 0, MB: 0.5, seconds: 1.0, MB/s: 0.5
    """

    downloaded: int = 0
    folder: Any = None
    dry_run: bool = False

    def _columns(self) -> list[tuple[str, str]]:
        if self.dry_run:
            return [
                ("would download", f"{self.downloaded:,}"),
                ("skipped", f"{self.skipped:,}"),
                *self._dry_columns(),
            ]
        return [
            ("downloaded", f"{self.downloaded:,}"),
            ("skipped", f"{self.skipped:,}"),
            *self._common_columns(),
        ]


R = TypeVar("R", bound=_Report)


class ReportBuilder(Generic[R]):
    """Count results from several threads, and stop a hopeless transfer.

    Args:
        report: The report.
        pipeline: The pipeline to stop.
        on_error: Whether to collect failures, or to stop at the first one.
    """

    def __init__(self, report: R, pipeline: Pipeline, on_error: OnError) -> None:
        self.report: R = report
        self._pipeline = pipeline
        self._on_error = on_error
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._consecutive_failures = 0

    def add(self, name: str, number: int = 1) -> None:
        """Add to one of the report's numbers."""
        with self._lock:
            setattr(self.report, name, getattr(self.report, name) + number)

    def record_success(self) -> None:
        """Reset the count of consecutive failures."""
        self._consecutive_failures = 0

    def record_failure(self, path: str, error: Exception) -> None:
        """Add a failure, and stop the pipeline if further requests are hopeless."""
        with self._lock:
            self.report.failed.append(Failure(path, error))
            failures = self._consecutive_failures + 1 if is_server_failure(error) else 0
            self._consecutive_failures = failures
        is_hopeless = isinstance(error, (AuthenticationError, SessionClosed))
        if self._on_error == "raise" or failures >= _OUTAGE or is_hopeless:
            self._pipeline.stop(error)

    def finish(self) -> R:
        """Return the report."""
        self.report.seconds = time.monotonic() - self._started
        return self.report


def is_server_failure(error: Exception) -> bool:
    """Return whether the server caused an error, not a file."""
    return isinstance(error, ClientError) and (error.is_transient or error.may_have_been_processed)


def validate_on_error(value: object) -> OnError:
    """Return the argument `on_error`.

    Raises:
        UsageError: The value is neither `'collect'` nor `'raise'`.
    """
    if value == "collect" or value == "raise":
        return value
    raise UsageError(f"on_error={value!r} is not valid. Pass 'collect' or 'raise'.")


def convert_error(error: SynapseError | OSError) -> SynapseError:
    """Return a `SynapseError`, built from an `OSError` if necessary."""
    if isinstance(error, SynapseError):
        return error
    return UsageError(f"{error.strerror or error}.")


def _escape_line(text: str) -> str:
    """Return a text as one printable line."""
    return "".join(
        letter if letter.isprintable() or category(letter) == "Zs" else repr(letter)[1:-1]
        for letter in text
    )
