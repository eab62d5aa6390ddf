"""Download of all files of a collection, or of a project's tasks.

A thread lists the units and stores the lines of `units.jsonl` or `annotations.jsonl` page by page;
`workers` threads fetch the files:

    pages of units -- read --> [200 files] -- fetch (workers) --> dest/<unit id>/<name>

After a stop, the next call lists the units after the last stored page. Its workers check the files
of stored pages, and list only those pages again that miss a file.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import attrs

from synapse._internal import log_events
from synapse._internal.block_file import BlockFile, StoredBlock, digest_facts
from synapse._internal.interrupts import explain_interrupt
from synapse._internal.key_order import KeyOrder, Place
from synapse._internal.user_folders import expand_home
from synapse._internal.validate import validate_int
from synapse.errors import BadRequest, InvalidResponse, SynapseError, UsageError
from synapse.transfer.bulk.layout import build_file_names, build_folder_name
from synapse.transfer.bulk.pipeline import Pipeline
from synapse.transfer.bulk.report import DownloadReport, ReportBuilder, convert_error
from synapse.transfer.checksum import is_checksum_of
from synapse.transfer.download import download
from synapse.transfer.progress import ProgressArgument, describe_stop, show_progress
from synapse.transport import Transport
from synapse.transport.page import KEY
from synapse.transport.paging import WORKERS, Page, walk
from synapse.transport.seen_ids import SeenIds

__all__ = ["download_tasks", "download_units"]

_BLOCK_SIZE = 1024 * 1024
_QUEUE_SIZE = 200

Row = Mapping[str, Any]
# Ids of units, each with size and checksum of its files by path.
_Units = list[tuple[Any, dict[str, tuple[int | None, str | None]]]]


def download_units(
    transport: Transport,
    path: str,
    collection: Any,
    dest: str | os.PathLike[str],
    *,
    workers: int = 8,
    progress: ProgressArgument = None,
    dry_run: bool = False,
    resume: bool = True,
    page_size: int | None = None,
) -> DownloadReport:
    """Download a collection's files, see `DataCollection.download`."""
    params = [("data_collection", collection), *_page_size(page_size)]
    units = _UnitList(
        transport, path, params, "data units", "units.jsonl", ("collection", collection)
    )
    return _DownloadRun(units, dest, workers, dry_run=dry_run).run(progress, resume=resume)


def download_tasks(
    transport: Transport,
    path: str,
    project: Any,
    dest: str | os.PathLike[str],
    *,
    workers: int = 8,
    progress: ProgressArgument = None,
    dry_run: bool = False,
    resume: bool = True,
    page_size: int | None = None,
) -> DownloadReport:
    """Download the files of a project's tasks, see `Project.download`."""
    params = [("project", project), ("expand", "data_unit"), *_page_size(page_size)]
    tasks = _TaskList(transport, path, params, "tasks", "annotations.jsonl", ("project", project))
    return _DownloadRun(tasks, dest, workers, dry_run=dry_run).run(progress, resume=resume)


def _page_size(rows: int | None) -> list[tuple[str, Any]]:
    return [] if rows is None else [("page_size", rows)]


@attrs.frozen
class _UnitList:
    """The units to download.

    Attributes:
        transport: The transport.
        path: The list's path.
        params: The query.
        resource: Name of the listed resource, for messages.
        file_name: Name of the file with a line for each row.
        owner: Kind and id of the object that has the rows.
    """

    transport: Transport
    path: str
    params: list[tuple[str, Any]]
    resource: str
    file_name: str
    owner: tuple[str, Any]

    def read_unit(self, row: Row) -> Row:
        """Return the unit of a row."""
        return row

    def make_line(self, row: Row, unit: Row, files: dict[str, str]) -> dict[str, Any]:
        """Return the line of a row."""
        return {"id": row.get("id"), "files": files, "meta": unit.get("meta")}

    @property
    def identity(self) -> dict[str, str]:
        """The facts that two calls for the same rows share."""
        settings, (kind, key) = self.transport.settings, self.owner
        digest = digest_facts([settings.base_url, settings.tenant])
        return {"server": settings.base_url, kind: str(key), "digest": digest}

    def walk(
        self, after: Place | None = None, until: Place | None = None, *, workers: int = WORKERS
    ) -> Generator[Page, None, None]:
        """Yield the pages, of all rows or of those between two places. One request for each.

        In the order of the key: the server's own may begin alike, and a call that goes on after a
        place would miss rows.
        """
        params = list(self.params)
        for place, bound in ((after, "gt"), (until, "lte")):
            if place is not None:
                params.append((f"{KEY}__{bound}", place.key))
        params.append(("ordering", KEY))
        return walk(self.transport, self.path, params, workers=workers, resource=self.resource)


class _TaskList(_UnitList):
    """The tasks to download, with their units."""

    def read_unit(self, row: Row) -> Row:
        """Return the unit of a task."""
        value = row.get("data_unit")
        unit = value if isinstance(value, Mapping) else {"id": value}
        return {**unit, "files": unit.get("files") or row.get("files")}

    def make_line(self, row: Row, unit: Row, files: dict[str, str]) -> dict[str, Any]:
        """Return the line of a task."""
        return {
            "task": row.get("id"),
            "status": row.get("status"),
            "data": row.get("data"),
            "data_unit": unit.get("id"),
            "files": files,
            "meta": unit.get("meta"),
        }


class _StoredPage:
    """A page that a stopped call has stored, listed again when a file is missing.

    No call stores URLs: signed ones are credentials, and expire.

    Args:
        rows: The list.
        after: The place before the page.
        until: The place after the page.
    """

    def __init__(self, rows: _UnitList, after: Place | None, until: Place | None) -> None:
        self._rows = rows
        self._bounds = after, until
        self._files: dict[str, Any] | None = None
        self._lock = threading.Lock()

    def find_file(self, path: str) -> Any:
        """Return the server's row of a file. One request for the first file.

        Raises:
            UsageError: The server doesn't list the file.
        """
        with self._lock:
            if self._files is None:
                pages = self._rows.walk(*self._bounds, workers=1)
                units = (self._rows.read_unit(row) for page in pages for row in page.rows)
                self._files = {
                    path: unit["files"][name]
                    for unit in units
                    for name, path in _list_paths(unit).items()
                }
        if path not in self._files:
            raise UsageError(
                "The server no longer lists the file. The next call lists all units again."
            )
        return self._files[path]


@attrs.frozen
class _RemoteEntry:
    """A file to download.

    Attributes:
        path: Path below the folder, with slashes.
        url: Address of the file; empty for a file of a stored page.
        size: Size in bytes, if known.
        checksum: The server's checksum, if known.
        page: The page that a stopped call has stored.
    """

    path: str
    url: str
    size: int | None
    checksum: str | None
    page: _StoredPage | None = None

    @classmethod
    def read(cls, path: str, value: Any) -> _RemoteEntry:
        """Return the entry of a server's row.

        Raises:
            InvalidResponse: The row has no URL.
        """
        row = value if isinstance(value, Mapping) else {}
        url, size, checksum = row.get("url"), row.get("size"), row.get("checksum")
        if not isinstance(url, str):
            raise InvalidResponse(200, "the response has no URL of the file", response=value)
        return cls(
            path,
            url,
            size if isinstance(size, int) else None,
            checksum.lower() if isinstance(checksum, str) and checksum else None,
        )

    def is_present(self, folder: Path) -> bool:
        """Return whether the file exists in a folder with the right size and checksum."""
        path = folder / self.path
        try:
            if self.checksum is None or path.stat().st_size != self.size:
                return False
            with path.open("rb", buffering=0) as file:
                return is_checksum_of(self.checksum, iter(lambda: file.read(_BLOCK_SIZE), b""))
        except OSError:
            return False


class _DownloadRun:
    """One download."""

    def __init__(
        self, rows: _UnitList, dest: str | os.PathLike[str], workers: int, *, dry_run: bool
    ) -> None:
        self._rows = rows
        self._workers = validate_int("workers", workers, maximum=256)
        self._folder = expand_home(dest)
        self._pipeline = Pipeline("synapse-download")
        report = DownloadReport(folder=self._folder, dry_run=dry_run)
        self._report = ReportBuilder(report, self._pipeline, "collect")
        self._to_fetch = self._pipeline.add_queue(_QUEUE_SIZE)
        self._seen = SeenIds()

    def run(self, progress: ProgressArgument, *, resume: bool) -> DownloadReport:
        """Fetch all files, and write the lines to a file."""
        if self._report.report.dry_run:
            for page in self._rows.walk():
                self._count(self._read_page(page)[0])
            return self._report.finish()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{self._folder} can't be a folder: {error.strerror}.") from error
        advice = f"The same call goes on, and fetches the files that {self._folder} lacks."
        with (
            self._open_lines(resume=resume) as self._lines,
            show_progress(progress, "Download") as self._progress,
            explain_interrupt(lambda: describe_stop(self._progress, advice)),
        ):
            self._pipeline.add_thread("read", self._read)
            self._pipeline.add_stage(
                "fetch", self._fetch_all, self._to_fetch, workers=self._workers
            )
            self._pipeline.run()
            with self._explain_failure():
                self._lines.publish(self._write_lines)
        return self._report.finish()

    # -- Lines ------------------------------------------------------------------------------------

    @contextmanager
    def _open_lines(self, *, resume: bool) -> Iterator[BlockFile]:
        """Open the stored lines of a stopped call, or new ones."""
        with self._explain_failure():
            lines = BlockFile(self._folder / self._rows.file_name, self._rows.identity)
        try:
            with self._explain_failure():
                if resume:
                    lines.resume()
                else:
                    lines.clear()
            yield lines
        finally:
            lines.close(keep=True)

    @contextmanager
    def _explain_failure(self) -> Iterator[None]:
        """Raise a `UsageError` for a failure of the disk."""
        try:
            yield
        except OSError as error:
            path = self._folder / self._rows.file_name
            reason = error.strerror or error
            raise UsageError(
                f"{path} can't be written: {reason}. Mend this, and make the same call again."
            ) from error

    def _write_lines(self, path: Path) -> int:
        """Write the lines to a file, and return their number."""
        rows = 0
        with path.open("xb") as file:
            for block in self._lines.blocks():
                file.write(block.content.partition(b"\n")[2])
                rows += block.rows
        return rows

    # -- The list ---------------------------------------------------------------------------------

    def _read(self) -> None:
        """Store the pages after the stored ones, and queue all files."""
        pages = self._find_pages()
        stored = self._lines.rows
        order = KeyOrder(KEY, 1, self._lines.place)
        for page in pages:
            self._pipeline.check()
            if not page.rows:
                continue
            entries, units, lines = self._read_page(page)
            content = "".join(f"{json.dumps(line)}\n" for line in [units, *lines])
            place = order.follow(page.rows)
            with self._explain_failure():
                self._lines.add_block(content.encode(), len(lines), place)
            self._queue(entries)
        # Last: signed URLs of pages that are read ahead could expire while files are compared.
        with self._explain_failure():
            self._queue_stored(stored)
        self._to_fetch.close()

    def _find_pages(self) -> Iterator[Page]:
        """Return the pages after the stored ones.

        If the server can't list them alone, remove the stored ones, and return all pages.
        """
        place = self._lines.place
        if place is None:
            return self._rows.walk()
        pages = self._rows.walk(place)
        try:
            first = next(pages)
            has_bounds = place.is_before(row.get(KEY) for row in first.rows)
        except BadRequest:
            has_bounds = False
        if has_bounds:
            with self._explain_failure():
                self._note_stored()
            name, rows = self._rows.file_name, self._lines.rows
            log_events.DOWNLOAD_RESUMED.log("%s: goes on after %d rows", name, rows, file=name)
        else:
            pages = self._rows.walk()
            first = next(pages)
            with self._explain_failure():
                self._lines.clear()
        return chain([first], pages)

    def _note_stored(self) -> None:
        """Remember the units of the stored pages."""
        for block in self._lines.blocks():
            for unit, _ in _read_units(block):
                self._seen.add(unit)

    def _read_page(self, page: Page) -> tuple[list[_RemoteEntry], _Units, list[dict[str, Any]]]:
        """Return a page's files to fetch, its new units, and its lines."""
        entries: list[_RemoteEntry] = []
        units: _Units = []
        lines = []
        for row in page.rows:
            unit = self._rows.read_unit(row)
            paths = _list_paths(unit)
            lines.append(self._rows.make_line(row, unit, paths))
            if not paths or not self._seen.add(unit.get("id")):  # several tasks may share a unit
                continue
            files: dict[str, tuple[int | None, str | None]] = {}
            for name, path in paths.items():
                entry = self._read_file(path, unit["files"][name])
                files[path] = (None, None) if entry is None else (entry.size, entry.checksum)
                if entry is not None:
                    entries.append(entry)
            units.append((unit.get("id"), files))
        return entries, units, lines

    def _read_file(self, path: str, value: Any) -> _RemoteEntry | None:
        """Return the entry of a server's row; report a failure if the row has no URL."""
        try:
            return _RemoteEntry.read(path, value)
        except InvalidResponse as error:
            self._report.record_failure(str(self._folder / path), error)
            return None

    def _queue_stored(self, rows: int) -> None:
        """Queue the files of the first rows, which a stopped call has stored."""
        after: Place | None = None
        for block in self._lines.blocks():
            if rows <= 0:
                return
            rows -= block.rows
            page = _StoredPage(self._rows, after, block.place)
            after = block.place
            self._queue(
                [
                    _RemoteEntry(path, "", size, checksum, page)
                    for _, files in _read_units(block)
                    for path, (size, checksum) in files.items()
                ]
            )

    def _queue(self, entries: list[_RemoteEntry]) -> None:
        self._progress.expect(sum(entry.size or 0 for entry in entries), files=len(entries))
        self._to_fetch.put(*entries)

    # -- Files ------------------------------------------------------------------------------------

    def _count(self, entries: list[_RemoteEntry]) -> None:
        """Count the files that are missing, for a dry run."""
        for entry in entries:
            if entry.is_present(self._folder):
                self._report.add("skipped")
            else:
                self._report.add("downloaded")
                self._report.add("bytes", entry.size or 0)

    def _fetch_all(self, entries: list[_RemoteEntry]) -> None:
        for entry in entries:
            try:
                self._fetch(entry)
            except (SynapseError, OSError) as error:  # noqa: PERF203
                if error is self._progress.error:
                    raise
                path = self._folder / entry.path
                self._report.record_failure(str(path), convert_error(error))

    def _fetch(self, entry: _RemoteEntry) -> None:
        is_present = entry.is_present(self._folder)
        if not is_present and entry.page is not None:
            entry = _RemoteEntry.read(entry.path, entry.page.find_file(entry.path))
            is_present = entry.is_present(self._folder)
        path = self._folder / entry.path
        if is_present:
            with self._progress.file(path.name, entry.size or 0) as file_progress:
                file_progress.at(entry.size or 0, is_resumed=True)
            self._report.add("skipped")
            return
        path.parent.mkdir(exist_ok=True)
        if path.is_dir():
            raise UsageError("A folder has the file's name. Rename or remove the folder.")
        download(
            self._rows.transport,
            entry.url,
            path.absolute(),
            size=entry.size,
            checksum=entry.checksum,
            progress=self._progress,
        )
        self._report.record_success()
        self._report.add("downloaded")
        self._report.add("bytes", path.stat().st_size)


def _list_paths(unit: Row) -> dict[str, str]:
    """Return the paths of a unit's files below the folder, by specification."""
    files = unit.get("files")
    if not isinstance(files, Mapping) or not files:
        return {}
    folder = build_folder_name(unit.get("id"))
    names = build_file_names(files)
    return {name: f"{folder}/{names[name]}" for name in names}


def _read_units(block: StoredBlock) -> _Units:
    """Return the units of a block with size and checksum of their files."""
    units: _Units = json.loads(block.content.partition(b"\n")[0])
    return units
