"""Upload many files into a collection, through a pipeline of stages.

    source -> known? -> hash -> held? -> send -> create units -> create tasks

1. known? — the journal fills in the results of earlier runs.
2. hash — MD5 of each file.
3. held? — one request per 500 checksums asks which files the server has.
4. send — the missing files, several at a time.
5. create — units, then tasks, in batches.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import attrs

from synapse.errors import SynapseError
from synapse.transfer.bulk.file_sender import FileSender, hash_file
from synapse.transfer.bulk.journal import Journal
from synapse.transfer.bulk.makers import TaskCreator, UnitCreator, ids_of, newest
from synapse.transfer.bulk.pipeline import Pipeline, Queue
from synapse.transfer.bulk.report import UploadReport
from synapse.transfer.bulk.sources import ItemSource, Refused, open_source
from synapse.transfer.bulk.specification_matcher import Match, Matcher
from synapse.transfer.bulk.tally import (
    OnError,
    ReportBuilder,
    checked_on_error,
    checked_workers,
    typed,
)
from synapse.transfer.bulk.upload_item import Specification, UploadItem
from synapse.transfer.progress import Progress, ProgressArgument, showing
from synapse.transfer.upload_state import state_folder
from synapse.transport import Transport

__all__ = ["Endpoints", "Target", "upload_many"]

_READ_AT_ONCE = 200
_VERIFIED_AT_ONCE = 500
_UNITS_AT_ONCE = 200
_PATIENCE = 2.0
"""For how many seconds a batch of units or tasks waits until it is full."""

_HASHERS = 4


@attrs.frozen
class Endpoints:
    """The server's paths for an upload."""

    files: str
    units: str
    tasks: str
    task_list: str


@attrs.frozen
class Target:
    """The target of an upload.

    Attributes:
        collection: The collection's id.
        created: The collection's creation time, as the server writes times.
        specifications: Files of each unit.
        project: Id of the project that gets tasks, or `None`.
        endpoints: The server's paths.
    """

    collection: Any
    created: str
    specifications: Sequence[Specification]
    project: Any
    endpoints: Endpoints


def upload_many(
    transport: Transport,
    target: Target,
    source: Any,
    *,
    workers: int = 8,
    progress: ProgressArgument = None,
    on_error: OnError = "collect",
    match: Match | None = None,
    journal: str | os.PathLike[str] | None = None,
    skip_existing: bool = True,
    to_wire: Callable[[Any], Any] = dict,
) -> UploadReport:
    """Upload many files, see `DataCollection.upload`."""
    checked_workers(workers)
    checked_on_error(on_error)
    matcher = Matcher(target.specifications, match)
    with (
        _noting(),
        contextlib.closing(open_source(source, matcher, to_wire=to_wire)) as opened,
        showing(progress) as shown,
    ):
        opened.check()
        path = Path(journal) if journal is not None else _journal_path(transport, target, opened)
        project = None if target.project is None else str(target.project)
        kept = Journal(
            path,
            collection=(transport.base_url, str(target.collection)),
            created=target.created,
            project=project,
        )
        with contextlib.closing(kept):
            run = _UploadRun(transport, target, opened, kept, shown, workers, on_error)
            return run.run(verifies=skip_existing)


@contextlib.contextmanager
def _noting() -> Iterator[None]:
    """Translate disk errors of the journal inside the block."""
    try:
        yield
    except sqlite3.Error as error:
        raise SynapseError(
            f"The upload can't go on: what is done can't be noted on the disk ({error}). Make room "
            "where the journal and temporary files are, and make the same call again."
        ) from error


def _journal_path(transport: Transport, target: Target, source: ItemSource) -> Path:
    parts = [
        transport.base_url,
        transport.settings.tenant,
        str(target.collection),
        source.identity,
    ]
    digest = hashlib.sha256(json.dumps(parts).encode("utf-8", "replace")).hexdigest()
    return state_folder().parent / "journals" / f"{digest[:32]}.sqlite"


class _UploadRun:
    """One run."""

    def __init__(
        self,
        transport: Transport,
        target: Target,
        source: ItemSource,
        journal: Journal,
        progress: Progress,
        workers: int,
        on_error: OnError,
    ) -> None:
        self._transport = transport
        self._target = target
        self._source = source
        self._journal = journal
        self._progress = progress
        self._workers = workers
        self._line = Pipeline("synapse-upload")
        self._tally = ReportBuilder(
            UploadReport(collection=target.collection), self._line, on_error
        )
        self._sender = FileSender(
            transport, target.endpoints.files, self._line, progress, self._tally.add
        )
        self._to_hash = self._line.channel(2 * _READ_AT_ONCE)
        self._to_verify = self._line.channel(_VERIFIED_AT_ONCE)
        self._to_send = self._line.channel(max(_READ_AT_ONCE, 4 * workers))
        self._to_make = self._line.channel(2 * _UNITS_AT_ONCE)
        self._to_task = self._line.channel(2 * _UNITS_AT_ONCE)

    def run(self, *, verifies: bool) -> UploadReport:
        """Run until all is done.

        Raises:
            SynapseError: The first failure, if failures aren't to be collected; or one after
                which nothing more would succeed.
        """
        known = self._forget_what_is_gone()
        units, tasks = self._makers(known)
        line, each = self._line, self._each
        line.thread("read", self._read)
        line.stage(
            "hash",
            each(self._hash),
            self._to_hash,
            self._to_verify,
            workers=min(_HASHERS, self._workers),
        )
        line.stage(
            "verify",
            self._verify if verifies else self._pass_on,
            self._to_verify,
            self._to_send,
            most=_VERIFIED_AT_ONCE,
        )
        line.stage("send", each(self._send), self._to_send, self._to_make, workers=self._workers)
        line.stage(
            "units",
            units.make,
            self._to_make,
            self._to_task,
            most=_UNITS_AT_ONCE,
            patience=_PATIENCE,
            last=units.settle,
        )
        line.stage(
            "tasks",
            tasks.make if tasks is not None else len,
            self._to_task,
            most=_UNITS_AT_ONCE,
            patience=_PATIENCE,
            last=tasks.settle if tasks is not None else None,
        )
        line.run()
        report = self._tally.finish()
        report.ignored = self._source.ignored
        return report

    def _forget_what_is_gone(self) -> int | None:
        """Compare the journal with the server; return the newest unit's id.

        No request for a new journal; else one, or two with a project, and one for each thousand
        units when some are gone.
        """
        ends, journal = self._target.endpoints, self._journal
        scope = ("data_collection", self._target.collection)
        units, tasks = journal.counts()
        if not units:
            return None
        last, count = newest(self._transport, ends.units, scope)
        if count < units:
            journal.keep_units(ids_of(self._transport, ends.units, scope))
        if tasks:
            scope = ("project", self._target.project)
            if newest(self._transport, ends.task_list, scope)[1] < tasks:
                journal.keep_tasks(ids_of(self._transport, ends.task_list, scope))
        return last

    def _makers(self, known: int | None) -> tuple[UnitCreator, TaskCreator | None]:
        ends, project = self._target.endpoints, self._target.project
        common: dict[str, Any] = {
            "batch_size": _UNITS_AT_ONCE,
            "on_failed": self._fail,
            "journal": self._journal,
        }
        units = UnitCreator(
            self._transport,
            self._line,
            path=ends.units,
            collection=self._target.collection,
            newest=known,
            on_made=self._made_units,
            **common,
        )
        if project is None:
            return units, None
        tasks = TaskCreator(
            self._transport,
            self._line,
            path=ends.tasks,
            list_path=ends.task_list,
            project=project,
            on_made=self._made_tasks,
            **common,
        )
        return units, tasks

    # -- The stages ----------------------------------------------------------------------------

    def _read(self) -> None:
        if self._source.files is not None:
            self._progress.expect(self._source.size, files=self._source.files)
        items, number = iter(self._source), 0
        while batch := list(islice(items, _READ_AT_ONCE)):
            self._line.check()
            records = []
            for item in batch:
                if isinstance(item, Refused):
                    self._tally.fail(item.label, item.error)
                else:
                    item.number = number
                    records.append(item)
                number += 1
            seen = self._journal.recall(records, is_unique=self._source.is_unique)
            onward: dict[Queue[UploadItem], list[UploadItem]] = {}
            for record, is_twice in zip(records, seen, strict=True):
                way = None if is_twice else self._way_of(record)
                if way is None:
                    self._tally.add("skipped")
                else:
                    onward.setdefault(way, []).append(record)
                if way in (None, self._to_task, self._to_make):
                    self._skip_files(record)
            for way, those in onward.items():
                way.put(*those)
        self._to_hash.close()

    def _way_of(self, record: UploadItem) -> Queue[UploadItem] | None:
        """Return the next queue of an item; `None` for a finished item."""
        if record.is_old:
            is_done = self._target.project is None or record.task is not None
            return None if is_done else self._to_task
        if record.unit_asked is not None:
            return self._to_make
        if all(file.checksum for file in record.files):
            return self._to_verify
        return self._to_hash

    def _hash(self, record: UploadItem) -> None:
        for file in record.files:
            if not file.checksum:
                hash_file(file, self._line.check)
        if record.is_noted:
            self._journal.recognise(record)
        way = self._way_of(record)
        if way is not self._to_verify:
            self._skip_files(record)
        if way is None:
            self._tally.add("skipped")
        else:
            way.put(record)

    def _verify(self, records: list[UploadItem]) -> None:
        self._sender.verify(records)
        self._pass_on(records)

    def _pass_on(self, records: list[UploadItem]) -> None:
        self._to_send.put(*records)

    def _send(self, record: UploadItem) -> None:
        self._sender.send(record)
        self._tally.succeeded()
        self._journal.sent(record)
        self._to_make.put(record)

    def _each(self, work: Callable[[UploadItem], None]) -> Callable[[list[UploadItem]], None]:
        """Let a stage handle one item at a time, and survive the failure of one."""

        def guarded(records: list[UploadItem]) -> None:
            for record in records:
                try:
                    work(record)
                except (SynapseError, OSError) as error:  # noqa: PERF203
                    if error is self._progress.error:
                        raise
                    self._fail(record, typed(error))

        return guarded

    # -- What becomes of a record --------------------------------------------------------------

    def _made_units(self, records: list[UploadItem]) -> None:
        self._tally.succeeded()
        self._tally.add("created", len(records))
        if self._target.project is not None:
            self._to_task.put(*records)

    def _made_tasks(self, records: list[UploadItem]) -> None:
        self._tally.succeeded()
        self._tally.add("tasks", len(records))
        self._tally.add("skipped", sum(record.is_old for record in records))

    def _skip_files(self, record: UploadItem) -> None:
        for file in record.files:
            self._sender.skip(file)

    def _fail(self, record: UploadItem, error: SynapseError) -> None:
        path = record.files[0].path if len(record.files) == 1 else record.label
        self._tally.fail(path, error)
