"""Upload of many files into a collection.

One thread reads items from the source; six stages process them. The names in brackets are bounded
queues:

    source
      |
    1 read ............ load the results of earlier runs from the journal
      |   [to_hash]
    2 hash ............ compute MD5 and SHA-1 of each file, up to 4 threads
      |   [to_verify]
    3 verify .......... take units of other uploads with the same content from the journal; ask the
                        server for stored files, 500 per request
      |           a sync compares with the units of the server by key instead, see `synchronizer`
      |   [to_send]
    4 send ............ send the other files, `workers` threads
      |   [to_confirm]
    5 confirm ......... confirm files that went to the storage, 200 items per request
      |   [to_create]
    6 units ........... create data units, 200 per request
      |   [to_task]
    7 tasks ........... create tasks, 200 per request, if the upload has a project

An item skips the stages that the journal knows to be done. An item whose unit was requested without
a response goes from 1 to 6, and an item with a unit from 1 to 7. An item whose files went to the
server itself goes from 4 to 6.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeAlias

import attrs

from synapse._internal.interrupts import explain_interrupt
from synapse._internal.user_folders import expand_home
from synapse._internal.validate import validate_int
from synapse.errors import SynapseError, UsageError
from synapse.transfer.bulk.batch_create import (
    TaskCreator,
    UnitCreator,
    fetch_existing,
    fetch_ids,
    fetch_newest,
)
from synapse.transfer.bulk.file_sender import FileSender, hash_file, measure_file
from synapse.transfer.bulk.journal import Journal, is_damage
from synapse.transfer.bulk.pipeline import Pipeline, Queue
from synapse.transfer.bulk.report import (
    Failure,
    OnError,
    ReportBuilder,
    UploadReport,
    convert_error,
    validate_on_error,
)
from synapse.transfer.bulk.sources import ItemSource, RefusedItem, open_source
from synapse.transfer.bulk.specification_matcher import Match, Matcher
from synapse.transfer.bulk.upload_item import PendingCreate, Specification, UploadItem
from synapse.transfer.progress import (
    GOES_ON,
    Progress,
    ProgressArgument,
    describe_stop,
    show_progress,
)
from synapse.transfer.upload_state import state_folder
from synapse.transport import Transport

__all__ = ["Endpoints", "SkipExisting", "UploadRun", "UploadTarget", "upload_many"]

SkipExisting: TypeAlias = Literal[True, False, "files"]
"""Whether existing units and files, only files, or nothing is skipped."""

_READ_BATCH = 200
_VERIFY_BATCH = 500
_CREATE_BATCH = 200
# Seconds that an incomplete batch of units or tasks waits for more items.
_PATIENCE = 2.0
_MAX_HASHERS = 4


@attrs.frozen
class Endpoints:
    """Paths of the server's endpoints."""

    files: str
    units: str
    tasks: str
    task_list: str
    truth_list: str


@attrs.frozen
class UploadTarget:
    """The destination of an upload.

    Attributes:
        collection: Id of the collection.
        created: Creation time of the collection, as text from the server.
        specifications: Specifications of the units' files.
        project: Id of the project of the tasks, or `None` for no tasks.
        endpoints: Paths of the endpoints.
    """

    collection: Any
    created: str
    specifications: Sequence[Specification]
    project: Any
    endpoints: Endpoints


def upload_many(
    transport: Transport,
    target: UploadTarget,
    source: Any,
    *,
    workers: int = 8,
    progress: ProgressArgument = None,
    on_error: OnError = "collect",
    match: Match | None = None,
    ignore: str | Iterable[str] | None = None,
    columns: Mapping[str, str] | None = None,
    journal: str | os.PathLike[str] | None = None,
    skip_existing: SkipExisting = True,
    dry_run: bool = False,
    make_run: Callable[..., UploadRun] | None = None,
) -> UploadReport:
    """Upload many files, see `DataCollection.upload`; `make_run` makes another kind of run."""
    validate_int("workers", workers, maximum=256)
    validate_on_error(on_error)
    if skip_existing not in (True, False, "files"):
        raise UsageError(
            f"skip_existing={skip_existing!r} is not valid. Pass True, False or 'files'."
        )
    matcher = Matcher(target.specifications, match)
    advice = GOES_ON
    with (
        _convert_disk_errors(),
        contextlib.closing(open_source(source, matcher, ignore=ignore, columns=columns)) as items,
        show_progress(progress, "Upload") as shown,
        explain_interrupt(lambda: describe_stop(shown, advice)),
    ):
        items.check()
        if dry_run:
            return _count_items(items, target.collection, on_error)
        path = (
            expand_home(journal) if journal is not None else _journal_path(transport, target, items)
        )
        advice = f"The same call goes on; the journal {path} knows the finished part."
        project = None if target.project is None else str(target.project)
        opened_journal = Journal(
            path,
            collection=(transport.base_url, str(target.collection)),
            created=target.created,
            project=project,
        )
        with _convert_damage(opened_journal), contextlib.closing(opened_journal):
            run = (make_run or UploadRun)(
                transport, target, items, opened_journal, shown, workers, on_error
            )
            return run.run(is_verified=bool(skip_existing), is_compared=skip_existing is True)


def _count_items(source: ItemSource, collection: Any, on_error: OnError) -> UploadReport:
    """Report what a source has, without a request.

    Raises:
        SynapseError: The first invalid item, unless failures are collected.
    """
    report = UploadReport(collection=collection, dry_run=True)
    for item in source:
        if isinstance(item, RefusedItem):
            if on_error == "raise":
                raise item.error
            report.failed.append(Failure(item.label, item.error))
            continue
        try:
            sizes = [measure_file(file) for file in item.files]
        except (SynapseError, OSError) as error:
            if on_error == "raise":
                raise convert_error(error) from error
            report.failed.append(Failure(item.label, convert_error(error)))
            continue
        report.created += 1
        report.files_sent += len(sizes)
        report.bytes += sum(sizes)
    report.ignored, report.notes = source.ignored, [*source.notes]
    return report


@contextlib.contextmanager
def _convert_disk_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise SynapseError(
            f"The upload stopped because its progress could not be saved ({error}). Free disk "
            "space for the journal and the temporary files, then run the same call again."
        ) from error


@contextlib.contextmanager
def _convert_damage(journal: Journal) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        raise journal.make_damage_error(error) from error


def _journal_path(transport: Transport, target: UploadTarget, source: ItemSource) -> Path:
    parts = [
        transport.base_url,
        transport.settings.tenant,
        str(target.collection),
        source.identity,
    ]
    digest = hashlib.sha256(json.dumps(parts).encode("utf-8", "replace")).hexdigest()
    return state_folder().parent / "journals" / f"{digest[:32]}.sqlite"


class UploadRun:
    """One run of an upload, until `run` returns.

    Args:
        transport: The transport.
        target: The destination.
        source: The items.
        journal: The journal.
        progress: Progress of the whole upload.
        workers: Number of files in flight.
        on_error: Whether to collect failures.
    """

    def __init__(
        self,
        transport: Transport,
        target: UploadTarget,
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
        # Whether the project has tasks that the journal doesn't know.
        self._has_other_tasks = False
        self._pipeline = Pipeline("synapse-upload")
        self._report = ReportBuilder(self._make_report(), self._pipeline, on_error)
        self._sender = FileSender(
            transport, target.endpoints.files, self._pipeline, progress, self._report.add
        )
        self._to_hash = self._pipeline.add_queue(2 * _READ_BATCH)
        self._to_verify = self._pipeline.add_queue(_VERIFY_BATCH)
        self._to_send = self._pipeline.add_queue(max(_READ_BATCH, 4 * workers))
        self._to_confirm = self._pipeline.add_queue(2 * _CREATE_BATCH)
        self._to_create = self._pipeline.add_queue(2 * _CREATE_BATCH)
        self._to_task = self._pipeline.add_queue(2 * _CREATE_BATCH)

    def run(self, *, is_verified: bool, is_compared: bool) -> UploadReport:
        """Run until all items are done.

        Args:
            is_verified: Whether to ask the server for stored files.
            is_compared: Whether units of other uploads count.

        Raises:
            SynapseError: The first failure, unless failures are collected; or a failure after which
                no request can succeed.
        """
        newest = self._compare_with_server(is_compared=is_compared)
        units, tasks = self._build_creators(newest)
        add_stage, each = self._pipeline.add_stage, self._for_each
        self._is_verified, self._is_compared = is_verified, is_compared
        hashers = min(_MAX_HASHERS, self._workers)
        create: dict[str, Any] = {"batch_size": _CREATE_BATCH, "patience": _PATIENCE}
        self._pipeline.add_thread("read", self._read)
        add_stage("hash", each(self._hash), self._to_hash, self._to_verify, workers=hashers)
        add_stage("verify", self._prepare, self._to_verify, self._to_send, batch_size=_VERIFY_BATCH)
        add_stage("send", each(self._send), self._to_send, self._to_confirm, workers=self._workers)
        add_stage("confirm", self._confirm, self._to_confirm, self._to_create, **create)
        create["on_end"] = units.resolve_pending
        add_stage("units", units.create, self._to_create, self._to_task, **create)
        create["on_end"] = tasks.resolve_pending if tasks else None
        add_stage("tasks", tasks.create if tasks else len, self._to_task, **create)
        self._pipeline.run()
        self._report.report.ignored = self._source.ignored
        self._report.report.notes = [*self._source.notes]
        self._finish()
        return self._report.finish()

    def _make_report(self) -> UploadReport:
        return UploadReport(collection=self._target.collection)

    def _finish(self) -> None:
        """Do what follows the last stage."""

    def _compare_with_server(self, *, is_compared: bool) -> int:
        """Bring the journal up to date with the collection and the project.

        Lost units and tasks are removed. Units of other uploads are added.

        One request, and with a project one more unless the collection is empty; one for each 500
        units that the journal doesn't know, and one for each thousand units if some are lost.

        Args:
            is_compared: Whether units of other uploads count.

        Returns:
            The highest id of a unit.
        """
        endpoints, journal = self._target.endpoints, self._journal
        collection, project = self._target.collection, self._target.project
        units = (self._transport, endpoints.units)
        newest, count = fetch_newest(*units, ("data_collection", collection))
        if is_compared and not journal.has_seen(newest, count):
            oldest = journal.newest_seen
            journal.add_existing(fetch_existing(*units, collection, oldest), newest)
        known_units, known_tasks = journal.count_known()
        if count < known_units:
            journal.retain_units(fetch_ids(*units, ("data_collection", collection)))
        if project is not None and known_units:
            tasks = (self._transport, endpoints.task_list, ("project", project))
            task_count = fetch_newest(*tasks)[1]
            if task_count < known_tasks:
                journal.retain_tasks(fetch_ids(*tasks))
            self._has_other_tasks = is_compared and task_count > journal.count_known()[1]
        return newest

    def _build_creators(self, newest: int) -> tuple[UnitCreator, TaskCreator | None]:
        target, endpoints = self._target, self._target.endpoints
        common = (self._transport, self._pipeline, self._journal, _CREATE_BATCH, self._fail)
        units = UnitCreator(
            *common,
            path=endpoints.units,
            on_created=self._handle_units,
            collection=target.collection,
            newest=newest,
            drop_existing=self._drop_existing,
        )
        if target.project is None:
            return units, None
        return units, TaskCreator(
            *common,
            path=endpoints.tasks,
            on_created=self._handle_tasks,
            list_path=endpoints.task_list,
            project=target.project,
        )

    # -- Stages --------------------------------------------------------------------------------

    def _read(self) -> None:
        if self._source.files is not None:
            self._progress.expect(self._source.size, files=self._source.files)
        entries = enumerate(self._source)
        while batch := list(islice(entries, _READ_BATCH)):
            self._pipeline.check()
            items = []
            for number, entry in batch:
                if isinstance(entry, RefusedItem):
                    self._report.record_failure(entry.label, entry.error)
                else:
                    entry.number = number
                    items.append(entry)
            repeated = self._journal.load(items, is_unique=self._source.is_unique)
            by_queue: dict[Queue[UploadItem], list[UploadItem]] = {}
            for item, is_repeated in zip(items, repeated, strict=True):
                if not is_repeated and not self._register(item):
                    continue
                queue = None if is_repeated else self._next_queue(item)
                if queue is None:
                    self._report.add("skipped")
                else:
                    by_queue.setdefault(queue, []).append(item)
                if queue in (None, self._to_task, self._to_create):
                    self._skip_files(item)
            for queue, group in by_queue.items():
                queue.put(*group)
        self._to_hash.close()

    def _register(self, item: UploadItem) -> bool:  # noqa: ARG002 - for other kinds of runs
        """Note that the source has an item; return whether the item may go on."""
        return True

    def _drop_existing(self, items: list[UploadItem]) -> list[UploadItem]:
        """Return the items to create, right before the request."""
        return items

    def _next_queue(self, item: UploadItem) -> Queue[UploadItem] | None:
        """Return the queue of an item's next stage, if any."""
        if item.is_from_earlier_run:
            if self._target.project is None or item.task is not None:
                return None
            if self._has_other_tasks and item.pending_task is None:
                item.pending_task = PendingCreate(at=0, newest=0)
            return self._to_task
        if item.pending_unit is not None:
            return self._to_create
        if all(file.checksum and file.sha1 for file in item.files):
            return self._to_verify
        return self._to_hash

    def _hash(self, item: UploadItem) -> None:
        for file in item.files:
            if not (file.checksum and file.sha1):
                hash_file(file, self._pipeline.check)
        if item.is_in_journal:
            self._journal.load_by_checksums(item)
        queue = self._next_queue(item)
        if queue is not self._to_verify:
            self._skip_files(item)
        if queue is None:
            self._report.add("skipped")
        else:
            queue.put(item)

    def _prepare(self, items: list[UploadItem]) -> None:
        claimed = self._journal.claim(items) if self._is_compared else []
        for item in claimed:
            self._skip_files(item)
            queue = self._next_queue(item)
            if queue is None:
                self._report.add("skipped")
            else:
                queue.put(item)
        new = [item for item in items if not item.is_from_earlier_run]
        if new:
            self._sender.prepare(new, is_verified=self._is_verified)
            self._to_send.put(*new)

    def _send(self, item: UploadItem) -> None:
        self._sender.send(item)
        self._report.record_success()
        if any(file.entry for file in item.files):
            self._to_confirm.put(item)
        else:
            self._handle_sent(item)

    def _confirm(self, items: list[UploadItem]) -> None:
        failures = self._sender.confirm(items)
        for item in items:
            error = failures.get(id(item))
            if error is None:
                self._handle_sent(item)
            else:
                self._fail(item, error)

    def _handle_sent(self, item: UploadItem) -> None:
        self._journal.mark_sent(item)
        self._to_create.put(item)

    def _for_each(self, work: Callable[[UploadItem], None]) -> Callable[[list[UploadItem]], None]:
        """Return a stage that processes single items and records their failures."""

        def process(items: list[UploadItem]) -> None:
            for item in items:
                try:
                    work(item)
                except (SynapseError, OSError) as error:  # noqa: PERF203
                    if error is self._progress.error:
                        raise
                    self._fail(item, convert_error(error))

        return process

    # -- Results -------------------------------------------------------------------------------

    def _handle_units(self, items: list[UploadItem]) -> None:
        self._report.record_success()
        self._report.add("created", len(items))
        if self._target.project is not None:
            self._to_task.put(*items)

    def _handle_tasks(self, items: list[UploadItem]) -> None:
        self._report.record_success()
        self._report.add("tasks", sum(not item.has_earlier_task for item in items))
        self._report.add("skipped", sum(item.is_from_earlier_run for item in items))

    def _skip_files(self, item: UploadItem) -> None:
        for file in item.files:
            self._sender.skip(file)

    def _fail(self, item: UploadItem, error: SynapseError) -> None:
        path = item.files[0].path if len(item.files) == 1 else item.label
        self._report.record_failure(path, error)
