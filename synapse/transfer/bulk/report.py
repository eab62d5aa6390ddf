"""Reports of transfers of many files."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any
from unicodedata import category

import attrs

__all__ = ["DownloadReport", "Failure", "UploadReport"]

_SHOWN = 10


@attrs.frozen
class Failure:
    """A file, or an item of several, that couldn't be transferred.

    Attributes:
        path: The file's path, or the item's label.
        error: The reason: an exception of `synapse.errors`.
    """

    path: str
    error: Exception

    def __str__(self) -> str:
        return _line(f"{self.path}: {type(self.error).__name__}: {self.error}")


@attrs.define
class _Report:
    """The common part of both reports."""

    skipped: int = 0
    failed: list[Failure] = attrs.field(factory=list)
    bytes: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Megabytes (of 1,000,000 bytes) per second."""
        return self.bytes / 1e6 / self.seconds if self.seconds > 0 else 0.0

    def __str__(self) -> str:
        rows = [f"{name}: {value}" for name, value in self._rows()]
        return "\n".join([", ".join(rows), *self._failures()])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name, _ in self._rows())
        values = "".join(
            f'<td style="text-align: right">{html.escape(value)}</td>' for _, value in self._rows()
        )
        text = f"<table><tr>{head}</tr><tr>{values}</tr></table>"
        if not self.failed:
            return text
        lines = "".join(
            f"<tr><td>{html.escape(_line(one.path))}</td><td>{type(one.error).__name__}</td>"
            f"<td>{html.escape(_line(str(one.error)))}</td></tr>"
            for one in self.failed[:_SHOWN]
        )
        heads = "<tr><th>path</th><th>error</th><th>why</th></tr>"
        more = f"<p>{self._more()}</p>" if self._more() else ""
        return f"{text}<table>{heads}{lines}</table>{more}"

    def _failures(self) -> Iterator[str]:
        for one in self.failed[:_SHOWN]:
            yield f"  {one}"
        if more := self._more():
            yield f"  {more}"

    def _more(self) -> str:
        rest = len(self.failed) - _SHOWN
        return f"... and {rest:,} more in report.failed" if rest > 0 else ""

    def _rows(self) -> list[tuple[str, str]]:
        raise NotImplementedError

    def _speed(self) -> list[tuple[str, str]]:
        return [
            ("failed", f"{len(self.failed):,}"),
            ("MB", f"{self.bytes / 1e6:,.1f}"),
            ("seconds", f"{self.seconds:,.1f}"),
            ("MB/s", f"{self.rate:,.1f}"),
        ]


@attrs.define
class UploadReport(_Report):
    """The report of an upload.

    Attributes:
        created: Number of created data units.
        tasks: Number of created tasks.
        skipped: Number of items done before, by an earlier run or earlier in this one.
        failed: Failed items, each with path and error.
        files_sent: Number of files sent.
        files_held: Number of files that the server had already.
        ignored: Files of the source that match no specification.
        bytes: Bytes of the sent files.
        seconds: Duration.
        collection: The collection's id.

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

    def _rows(self) -> list[tuple[str, str]]:
        rows = [("created", f"{self.created:,}")]
        rows += [("tasks", f"{self.tasks:,}")] if self.tasks else []
        rows += [("skipped", f"{self.skipped:,}")]
        rows += [("ignored", f"{self.ignored:,}")] if self.ignored else []
        return [*rows, *self._speed()]


@attrs.define
class DownloadReport(_Report):
    """The report of a download.

    Attributes:
        downloaded: Number of fetched files.
        skipped: Number of existing files, with the right size and checksum.
        failed: Failed files, each with path and error.
        bytes: Fetched bytes.
        seconds: Duration.
        folder: Folder of the files.

    Example:
        >>> print(DownloadReport(downloaded=1, skipped=2, bytes=500_000, seconds=1.0))
        downloaded: 1, skipped: 2, failed: 0, MB: 0.5, seconds: 1.0, MB/s: 0.5
    """

    downloaded: int = 0
    folder: Any = None

    def _rows(self) -> list[tuple[str, str]]:
        return [
            ("downloaded", f"{self.downloaded:,}"),
            ("skipped", f"{self.skipped:,}"),
            *self._speed(),
        ]


def _line(text: str) -> str:
    """Return a text as one line that can be printed: a file may be called anything."""
    return "".join(
        one if one.isprintable() or category(one) == "Zs" else repr(one)[1:-1] for one in text
    )
