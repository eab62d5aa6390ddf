"""Download of all files of a collection, or of a project's tasks."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import attrs

from synapse.errors import InvalidQuery, InvalidResponse, SynapseError
from synapse.transfer.bulk.layout import folder_of, names_of
from synapse.transfer.bulk.pipeline import Pipeline
from synapse.transfer.bulk.report import DownloadReport
from synapse.transfer.bulk.tally import ReportBuilder, checked_workers, typed
from synapse.transfer.download import download
from synapse.transfer.progress import ProgressArgument, showing
from synapse.transport import Transport
from synapse.transport.paging import walk
from synapse.transport.seen_ids import SeenIds

__all__ = ["download_tasks", "download_units"]

_BLOCK = 1024 * 1024
_WAITING = 200


@attrs.frozen
class _File:
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
) -> DownloadReport:
    """Download a collection's files, see `DataCollection.download`."""
    params = [("data_collection", collection)]

    def lines(run: _DownloadRun) -> Iterator[dict[str, Any]]:
        for page in walk(transport, path, params, resource="data units"):
            for row in page.rows:
                files = run.plan(row.get("id"), row.get("files"))
                yield {"id": row.get("id"), "files": files, "meta": row.get("meta")}

    return _DownloadRun(transport, dest, workers).run(lines, "units.jsonl", progress)


def download_tasks(
    transport: Transport,
    path: str,
    project: Any,
    dest: str | os.PathLike[str],
    *,
    workers: int = 8,
    progress: ProgressArgument = None,
) -> DownloadReport:
    """Download the files of a project's tasks, see `Project.download`."""
    params = [("project", project), ("expand", "data_unit")]

    def lines(run: _DownloadRun) -> Iterator[dict[str, Any]]:
        for page in walk(transport, path, params, resource="tasks"):
            for row in page.rows:
                unit = row.get("data_unit")
                own = unit if isinstance(unit, Mapping) else {"id": unit}
                files = run.plan(own.get("id"), own.get("files") or row.get("files"))
                yield {
                    "task": row.get("id"),
                    "status": row.get("status"),
                    "data": row.get("data"),
                    "data_unit": own.get("id"),
                    "files": files,
                    "meta": own.get("meta"),
                }

    return _DownloadRun(transport, dest, workers).run(lines, "annotations.jsonl", progress)


class _DownloadRun:
    """One download."""

    def __init__(self, transport: Transport, dest: str | os.PathLike[str], workers: int) -> None:
        self._transport = transport
        self._workers = checked_workers(workers)
        self._folder = Path(dest)
        self._line = Pipeline("synapse-download")
        self._tally = ReportBuilder(DownloadReport(folder=self._folder), self._line, "collect")
        self._to_fetch = self._line.channel(_WAITING)
        self._seen = SeenIds()

    def run(self, lines: Any, name: str, progress: ProgressArgument) -> DownloadReport:
        """Run to the end, and write the list of files."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidQuery(f"{self._folder} can't be a folder: {error.strerror}.") from error
        with showing(progress) as self._progress:

            def read() -> None:
                with _beside(self._folder / name) as file:
                    for line in lines(self):
                        self._line.check()
                        file.write(f"{json.dumps(line)}\n")
                self._to_fetch.close()

            self._line.thread("read", read)
            self._line.stage("fetch", self._fetch_all, self._to_fetch, workers=self._workers)
            self._line.run()
        return self._tally.finish()

    def plan(self, unit: Any, files: Any) -> dict[str, str]:
        """Queue a unit's files; return their targets below the folder."""
        if not isinstance(files, Mapping) or not files:
            return {}
        folder = folder_of(unit)
        names = names_of(files)
        places = {name: f"{folder}/{names[name]}" for name in names}
        if not self._seen.add(unit):
            return places  # several tasks may be over one unit
        wanted = []
        for specification, file in files.items():
            path = self._folder / folder / names[specification]
            row = file if isinstance(file, Mapping) else {}
            if not isinstance(row.get("url"), str):
                why = InvalidResponse(
                    200, "the server doesn't say where the file is", response=file
                )
                self._tally.fail(str(path), why)
                continue
            size, checksum = row.get("size"), row.get("checksum")
            wanted.append(
                _File(
                    path,
                    row["url"],
                    size if isinstance(size, int) else None,
                    checksum.lower() if isinstance(checksum, str) and checksum else None,
                )
            )
        self._progress.expect(sum(one.size or 0 for one in wanted), files=len(wanted))
        for one in wanted:
            self._to_fetch.put(one)
        return places

    def _fetch_all(self, files: list[_File]) -> None:
        for file in files:
            try:
                self._fetch(file)
            except (SynapseError, OSError) as error:  # noqa: PERF203
                if error is self._progress.error:
                    raise
                self._tally.fail(str(file.path), typed(error))

    def _fetch(self, file: _File) -> None:
        if _is_there(file):
            with self._progress.file(file.path.name, file.size or 0) as one:
                one.at(file.size or 0, is_resumed=True)
            self._tally.add("skipped")
            return
        file.path.parent.mkdir(exist_ok=True)
        if file.path.is_dir():
            raise InvalidQuery("There is a folder in its place.")
        download(
            self._transport,
            file.url,
            file.path,
            size=file.size,
            checksum=file.checksum,
            progress=self._progress,
        )
        self._tally.succeeded()
        self._tally.add("downloaded")
        self._tally.add("bytes", file.path.stat().st_size)


def _is_there(file: _File) -> bool:
    """Return whether a file exists with the right size and checksum."""
    try:
        if file.checksum is None or file.path.stat().st_size != file.size:
            return False
        digest = hashlib.md5(usedforsecurity=False)
        with file.path.open("rb", buffering=0) as opened:
            while block := opened.read(_BLOCK):
                digest.update(block)
    except OSError:
        return False
    return digest.hexdigest() == file.checksum


@contextmanager
def _beside(path: Path) -> Iterator[IO[str]]:
    """Open a temporary file that gets the final name when complete.

    Raises:
        UsageError: The file can't be written.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with beside.open("x", encoding="utf-8") as file:
            yield file
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise InvalidQuery(f"{path} can't be written: {error.strerror or error}.") from error
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
