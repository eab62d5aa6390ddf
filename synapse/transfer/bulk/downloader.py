"""Download of all files of a collection, or of a project's tasks.

A thread lists the units and writes `units.jsonl` or `annotations.jsonl`; `workers` threads fetch
the files:

    pages of units -- read --> [200 files] -- fetch (workers) --> dest/<unit id>/<name>
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import attrs

from synapse._internal.interrupts import explain_interrupt
from synapse._internal.user_folders import expand_home
from synapse._internal.validate import validate_int
from synapse.errors import InvalidResponse, SynapseError, UsageError
from synapse.transfer.bulk.layout import build_file_names, build_folder_name
from synapse.transfer.bulk.pipeline import Pipeline
from synapse.transfer.bulk.report import DownloadReport, ReportBuilder, convert_error
from synapse.transfer.checksum import is_checksum_of
from synapse.transfer.download import download
from synapse.transfer.progress import ProgressArgument, describe_stop, show_progress
from synapse.transport import Transport
from synapse.transport.paging import walk
from synapse.transport.seen_ids import SeenIds

__all__ = ["download_tasks", "download_units"]

_BLOCK_SIZE = 1024 * 1024
_QUEUE_SIZE = 200


@attrs.frozen
class _RemoteEntry:
    """A file to download."""

    path: Path
    url: str
    size: int | None
    checksum: str | None


def download_units(
    transport: Transport,
    path: str,
    collection: Any,
    dest: str | os.PathLike[str],
    *,
    workers: int = 8,
    progress: ProgressArgument = None,
    dry_run: bool = False,
) -> DownloadReport:
    """Download a collection's files, see `DataCollection.download`."""
    params = [("data_collection", collection)]

    def read_lines(run: _DownloadRun) -> Iterator[dict[str, Any]]:
        for page in walk(transport, path, params, resource="data units"):
            for row in page.rows:
                files = run.fetch_unit(row.get("id"), row.get("files"))
                yield {"id": row.get("id"), "files": files, "meta": row.get("meta")}

    run = _DownloadRun(transport, dest, workers, dry_run=dry_run)
    return run.run(read_lines, "units.jsonl", progress)


def download_tasks(
    transport: Transport,
    path: str,
    project: Any,
    dest: str | os.PathLike[str],
    *,
    workers: int = 8,
    progress: ProgressArgument = None,
    dry_run: bool = False,
) -> DownloadReport:
    """Download the files of a project's tasks, see `Project.download`."""
    params = [("project", project), ("expand", "data_unit")]

    def read_lines(run: _DownloadRun) -> Iterator[dict[str, Any]]:
        for page in walk(transport, path, params, resource="tasks"):
            for row in page.rows:
                value = row.get("data_unit")
                unit = value if isinstance(value, Mapping) else {"id": value}
                files = run.fetch_unit(unit.get("id"), unit.get("files") or row.get("files"))
                yield {
                    "task": row.get("id"),
                    "status": row.get("status"),
                    "data": row.get("data"),
                    "data_unit": unit.get("id"),
                    "files": files,
                    "meta": unit.get("meta"),
                }

    run = _DownloadRun(transport, dest, workers, dry_run=dry_run)
    return run.run(read_lines, "annotations.jsonl", progress)


class _DownloadRun:
    """One download."""

    def __init__(
        self, transport: Transport, dest: str | os.PathLike[str], workers: int, *, dry_run: bool
    ) -> None:
        self._transport = transport
        self._workers = validate_int("workers", workers, maximum=256)
        self._folder = expand_home(dest)
        self._pipeline = Pipeline("synapse-download")
        report = DownloadReport(folder=self._folder, dry_run=dry_run)
        self._report = ReportBuilder(report, self._pipeline, "collect")
        self._to_fetch = self._pipeline.add_queue(_QUEUE_SIZE)
        self._seen = SeenIds()

    def run(
        self,
        read_lines: Callable[[_DownloadRun], Iterator[dict[str, Any]]],
        name: str,
        progress: ProgressArgument,
    ) -> DownloadReport:
        """Fetch all files, and write the lines to a file."""
        if self._report.report.dry_run:
            for _ in read_lines(self):
                continue
            return self._report.finish()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{self._folder} can't be a folder: {error.strerror}.") from error
        advice = f"The same call fetches what {self._folder} does not have yet."
        with (
            show_progress(progress, "Download") as self._progress,
            explain_interrupt(lambda: describe_stop(self._progress, advice)),
        ):

            def read() -> None:
                with _write_atomically(self._folder / name) as file:
                    for line in read_lines(self):
                        self._pipeline.check()
                        file.write(f"{json.dumps(line)}\n")
                self._to_fetch.close()

            self._pipeline.add_thread("read", read)
            self._pipeline.add_stage(
                "fetch", self._fetch_all, self._to_fetch, workers=self._workers
            )
            self._pipeline.run()
        return self._report.finish()

    def fetch_unit(self, unit: Any, files: Any) -> dict[str, str]:
        """Queue a unit's files; return their paths below the folder."""
        if not isinstance(files, Mapping) or not files:
            return {}
        folder = build_folder_name(unit)
        names = build_file_names(files)
        paths = {name: f"{folder}/{names[name]}" for name in names}
        if not self._seen.add(unit):
            return paths  # several tasks may share a unit
        entries = []
        for specification, value in files.items():
            path = self._folder / folder / names[specification]
            row = value if isinstance(value, Mapping) else {}
            if not isinstance(row.get("url"), str):
                error = InvalidResponse(200, "the response has no URL of the file", response=value)
                self._report.record_failure(str(path), error)
                continue
            size, checksum = row.get("size"), row.get("checksum")
            entries.append(
                _RemoteEntry(
                    path,
                    row["url"],
                    size if isinstance(size, int) else None,
                    checksum.lower() if isinstance(checksum, str) and checksum else None,
                )
            )
        if self._report.report.dry_run:
            self._count(entries)
            return paths
        self._progress.expect(sum(entry.size or 0 for entry in entries), files=len(entries))
        self._to_fetch.put(*entries)
        return paths

    def _count(self, entries: list[_RemoteEntry]) -> None:
        """Count the files that are missing, for a dry run."""
        for entry in entries:
            if _is_present(entry):
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
                self._report.record_failure(str(entry.path), convert_error(error))

    def _fetch(self, entry: _RemoteEntry) -> None:
        if _is_present(entry):
            with self._progress.file(entry.path.name, entry.size or 0) as file_progress:
                file_progress.at(entry.size or 0, is_resumed=True)
            self._report.add("skipped")
            return
        entry.path.parent.mkdir(exist_ok=True)
        if entry.path.is_dir():
            raise UsageError("A folder has the file's name. Rename or remove the folder.")
        download(
            self._transport,
            entry.url,
            entry.path.absolute(),
            size=entry.size,
            checksum=entry.checksum,
            progress=self._progress,
        )
        self._report.record_success()
        self._report.add("downloaded")
        self._report.add("bytes", entry.path.stat().st_size)


def _is_present(entry: _RemoteEntry) -> bool:
    """Return whether a file exists with the right size and checksum."""
    try:
        if entry.checksum is None or entry.path.stat().st_size != entry.size:
            return False
        with entry.path.open("rb", buffering=0) as file:
            return is_checksum_of(entry.checksum, iter(lambda: file.read(_BLOCK_SIZE), b""))
    except OSError:
        return False


@contextmanager
def _write_atomically(path: Path) -> Iterator[IO[str]]:
    """Open a file that gets the final name when complete.

    Raises:
        UsageError: The file can't be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            yield file
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UsageError(f"{path} can't be written: {error.strerror or error}.") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
