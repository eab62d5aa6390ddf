"""Upload a Ray dataset into a collection, from the workers that hold the blocks."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from synapse._internal.hints import suggestion
from synapse._internal.json_values import to_json
from synapse._internal.private_files import open_private
from synapse._internal.user_folders import expand_home
from synapse.errors import JournalInUse, MissingExtra, SynapseError, UsageError
from synapse.orm import session_base
from synapse.orm.resource import Resource
from synapse.transfer.bulk.report import UploadReport

if TYPE_CHECKING:
    import pyarrow as pa
    import ray.data

__all__ = ["upload"]

# Seconds to wait for a journal in use: Ray may restart a block before its old worker has ended.
_PATIENCE = 120.0


def upload(
    dataset: ray.data.Dataset,
    collection: Any,
    *,
    files: Mapping[str, str],
    journals: str | os.PathLike[str],
    meta: Iterable[str] | Mapping[str, str] = (),
    names: str | None = None,
    project: Any = None,
    workers: int = 4,
    concurrency: int | None = None,
) -> UploadReport:
    """Upload a dataset into a collection: a worker sends each row as a data unit.

    Each block of the dataset is uploaded as by `DataCollection.upload()`, with a separate journal
    in `journals`, identified by the block's content. When a worker is killed, Ray gives the block
    to another worker, which continues: every unit is created once. The same call continues, too, as
    long as the dataset has the same blocks, which holds for the same files with the same
    `override_num_blocks`.

    Rows of one block with the same paths and the same `meta` become one unit. Put a distinguishing
    value into `meta` where such rows should stay apart.

    Requests are those of `DataCollection.upload()`, for each block.

    Args:
        dataset: The dataset.
        collection: The collection, or an id in the default session.
        files: For each file specification, the column with the file: a path, as the workers see
            the path, or bytes.
        journals: Folder for the journals. All nodes must see the same one (a shared file system);
            otherwise a block that moves to another node is uploaded again. Files whose bytes are in
            the dataset are stored here while they are sent.
        meta: Columns to keep with each unit; a mapping gives them other names.
        names: Column with the names of files whose bytes are in the dataset, such as `path`.
        project: The project, or an id, that gets a task for each unit.
        workers: Number of files in flight in each worker.
        concurrency: Number of blocks in flight; by default Ray chooses.

    Returns:
        A report of created, existing and failed units. Units made by a killed worker count as
        skipped, because they existed when the block was taken up again.

    Raises:
        MissingExtra: Ray isn't installed.
        UsageError: A column is missing, or an argument has a wrong value.
        SynapseError: A block couldn't be uploaded: the server is away, or refuses the token.
    """
    try:
        import ray.data  # noqa: F401
    except ImportError as error:
        raise MissingExtra("Ray Data", "ray") from error
    if not files:
        raise UsageError("files is empty. Pass a column for each file specification.")
    if isinstance(collection, Resource):
        if type(collection).__name__ != "DataCollection":
            raise UsageError(
                f"collection is a {type(collection).__name__}. Pass a DataCollection or its id."
            )
        session, key = collection._session, collection._key
    else:
        session, key = session_base.default(), collection
    meta = dict(meta) if isinstance(meta, Mapping) else {name: name for name in meta}
    columns = [*files.values(), *meta.values(), *([names] if names else [])]
    _validate_columns(dataset, columns)
    folder = expand_home(journals).absolute()
    send = _BlockUpload(
        session, key, dict(files), meta, names, to_json(project), str(folder), workers
    )
    start = time.monotonic()
    reports = dataset.select_columns(list(dict.fromkeys(columns))).map_batches(
        send, batch_size=None, batch_format="pyarrow", concurrency=concurrency
    )
    report = UploadReport(collection=key)
    for row in reports.iter_rows():
        outcome = pickle.loads(row["report"])  # noqa: S301 - from this program's own worker
        if isinstance(outcome, SynapseError):
            raise outcome
        _add(report, outcome)
    report.seconds = time.monotonic() - start
    return report


@attrs.frozen
class _BlockUpload:
    """Uploads one block in a worker; holds everything except the token."""

    session: Any
    collection: Any
    files: dict[str, str]
    meta: dict[str, str]
    names: str | None
    project: Any
    folder: str
    workers: int

    def __call__(self, block: pa.Table) -> dict[str, list[bytes]]:
        if not block.num_rows:
            return {"report": []}
        try:
            outcome: UploadReport | SynapseError = self._upload(block.to_pylist())
        except SynapseError as error:
            outcome = error
        return {"report": [pickle.dumps(outcome)]}

    def _upload(self, rows: list[dict[str, Any]]) -> UploadReport:
        folder = Path(self.folder, self._key(rows))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        records = [self._record(row, number, folder) for number, row in enumerate(rows)]
        collection = self.session.data_collections.get(self.collection)
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                report: UploadReport = collection.upload(
                    records,
                    project=self.project,
                    workers=self.workers,
                    progress=False,
                    journal=folder / "journal.sqlite",
                    # Blocks may have the same rows, and each would read the whole collection.
                    skip_existing="files",
                )
            except JournalInUse:  # noqa: PERF203
                if time.monotonic() >= end:
                    raise
                time.sleep(1.0)
            else:
                break
        if not report.failed:
            shutil.rmtree(folder / "files", ignore_errors=True)
        return report

    def _key(self, rows: list[dict[str, Any]]) -> str:
        """Return the block's identity, the same in every worker."""
        digest = hashlib.sha256(json.dumps([*self.session.key, str(self.collection)]).encode())
        for row in rows:
            for column in sorted({*self.files.values(), *self.meta.values()}):
                value = row[column]
                data = value if isinstance(value, bytes) else repr(value).encode(errors="replace")
                digest.update(f"{column}\0{len(data)}\0".encode() + data)
        return digest.hexdigest()[:32]

    def _record(self, row: dict[str, Any], number: int, folder: Path) -> dict[str, Any]:
        files: dict[str, Any] = {}
        for specification, column in self.files.items():
            value = row[column]
            if value is None:
                continue
            if isinstance(value, bytes):
                value = self._file(value, row, specification, number, folder)
            elif not isinstance(value, str):
                raise UsageError(
                    f"The column {column!r} has a {type(value).__name__}. A file is given by its "
                    "path, or by its bytes."
                )
            files[specification] = value
        meta = {name: row[column] for name, column in self.meta.items()}
        return {"files": files, "meta": meta}

    def _file(
        self, data: bytes, row: dict[str, Any], specification: str, number: int, folder: Path
    ) -> str:
        """Write a file of the dataset to a path that stays the same in every attempt."""
        source = str(row[self.names]) if self.names else ""
        name = source.replace("\\", "/").rpartition("/")[2] or f"{specification}-{number}"
        path = folder / "files" / str(number) / specification / name
        with contextlib.suppress(OSError):
            if path.stat().st_size == len(data) and path.read_bytes() == data:
                return str(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{os.getpid()}.part")
        with open_private(draft, "wb") as stream:
            stream.write(data)
        draft.replace(path)  # atomic
        return str(path)


def _validate_columns(dataset: Any, wanted: Iterable[str]) -> None:
    columns = dataset.columns()
    for name in wanted:
        if columns is not None and name not in columns:
            raise UsageError(f"The dataset has no column {name!r}{suggestion(name, columns)}")


def _add(total: UploadReport, part: UploadReport) -> None:
    for name in ("created", "tasks", "skipped", "files_sent", "files_held", "bytes"):
        setattr(total, name, getattr(total, name) + getattr(part, name))
    total.failed += part.failed
    total.notes += part.notes
