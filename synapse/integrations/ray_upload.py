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

from synapse.errors import JournalInUse, MissingExtra, SynapseError, UsageError
from synapse.orm import session_base
from synapse.orm.convert import to_wire
from synapse.orm.resource import Resource
from synapse.transfer.bulk.report import UploadReport

if TYPE_CHECKING:
    import pyarrow as pa
    import ray.data

__all__ = ["upload"]

# Seconds for which a journal that somebody has is waited for: Ray may begin a block again before
# the worker that had it is quite dead.
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

    Each block of the dataset is uploaded as by `DataCollection.upload()`, with a journal of its own
    in `journals`, identified by the block's content. When a worker is killed, Ray gives the block
    to another worker, which continues: every unit is created once. The same call continues, too, as
    long as the dataset has the same blocks, which holds for the same files with the same
    `override_num_blocks`.

    Rows of one block with the same files and the same `meta` become one unit. Put a distinguishing
    value into `meta` where such rows should stay apart.

    Requests are those of `DataCollection.upload()`, for each block.

    Args:
        dataset: The dataset.
        collection: The collection, or its id in the default session.
        files: For each file specification, the column with the file: its path, as the workers see
            the path, or its bytes.
        journals: Folder for the journals. All nodes must see the same one (a shared file system);
            otherwise a block that moves to another node is uploaded again. Files whose bytes are in
            the dataset are stored here while they are sent.
        meta: Columns to keep with each unit; a mapping gives them other names.
        names: Column with the names of files whose bytes are in the dataset, such as `path`.
        project: The project, or its id, that gets a task for each unit.
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
        raise UsageError("files is empty: say which column has which file of a unit.")
    if isinstance(collection, Resource):
        if type(collection).__name__ != "DataCollection":
            raise UsageError(f"Give a collection, or its id, not a {type(collection).__name__}.")
        session, key = collection._session, collection._key
    else:
        session, key = session_base.default(), collection
    kept = dict(meta) if isinstance(meta, Mapping) else {name: name for name in meta}
    _check_columns(dataset, [*files.values(), *kept.values(), *([names] if names else [])])
    folder = Path(journals).absolute()
    send = _Send(session, key, dict(files), kept, names, to_wire(project), str(folder), workers)
    # Everything but the wanted columns is left where it is.
    wanted = list(dict.fromkeys([*files.values(), *kept.values(), *([names] if names else [])]))
    began = time.monotonic()
    done = dataset.select_columns(wanted).map_batches(
        send, batch_size=None, batch_format="pyarrow", concurrency=concurrency
    )
    report = UploadReport(collection=key)
    for row in done.iter_rows():
        one = pickle.loads(row["report"])  # noqa: S301 - this program's own worker made it
        if isinstance(one, SynapseError):
            raise one
        _add(report, one)
    report.seconds = time.monotonic() - began
    return report


@attrs.frozen
class _Send:
    """Uploads one block in a worker; knows everything but the token."""

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
            found: UploadReport | SynapseError = self._upload(block.to_pylist())
        except SynapseError as error:
            found = error
        return {"report": [pickle.dumps(found)]}

    def _upload(self, rows: list[dict[str, Any]]) -> UploadReport:
        key = self._key(rows)
        at = Path(self.folder, key)
        at.mkdir(mode=0o700, parents=True, exist_ok=True)
        records = [self._record(row, number, at) for number, row in enumerate(rows)]
        collection = self.session.data_collections.get(self.collection)
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                report: UploadReport = collection.upload(
                    records,
                    project=self.project,
                    workers=self.workers,
                    progress=False,
                    journal=at / "journal.sqlite",
                )
            except JournalInUse:  # noqa: PERF203
                if time.monotonic() >= until:
                    raise
                time.sleep(1.0)
            else:
                break
        if not report.failed:
            shutil.rmtree(at / "files", ignore_errors=True)
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

    def _record(self, row: dict[str, Any], number: int, at: Path) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for specification, column in self.files.items():
            value = row[column]
            if value is None:
                continue
            if isinstance(value, bytes):
                value = self._file(value, row, specification, number, at)
            elif not isinstance(value, str):
                raise UsageError(
                    f"The column {column!r} has a {type(value).__name__}; a file is its path, "
                    "or its bytes."
                )
            given[specification] = value
        kept = {name: row[column] for name, column in self.meta.items()}
        return {"files": given, "meta": kept}

    def _file(
        self, data: bytes, row: dict[str, Any], specification: str, number: int, at: Path
    ) -> str:
        """Write a file of the dataset to a path that stays the same in every attempt."""
        named = str(row[self.names]) if self.names else ""
        name = named.replace("\\", "/").rpartition("/")[2] or f"{specification}-{number}"
        path = at / "files" / str(number) / specification / name
        with contextlib.suppress(OSError):
            if path.stat().st_size == len(data) and path.read_bytes() == data:
                return str(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{os.getpid()}.part")
        draft.write_bytes(data)
        draft.replace(path)  # whole, or not at all
        return str(path)


def _check_columns(dataset: Any, wanted: Iterable[str]) -> None:
    there = dataset.columns()
    for name in wanted:
        if there is not None and name not in there:
            raise UsageError(f"The dataset has no column {name!r}, but {', '.join(there)}.")


def _add(total: UploadReport, one: UploadReport) -> None:
    for name in ("created", "tasks", "skipped", "files_sent", "files_held", "bytes"):
        setattr(total, name, getattr(total, name) + getattr(one, name))
    total.failed += one.failed
