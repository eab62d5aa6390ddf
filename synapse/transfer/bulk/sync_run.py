"""One run of a sync: an upload that compares by key, and then replaces and deletes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, cast

from typing_extensions import override

from synapse.errors import SynapseError, UsageError
from synapse.transfer.bulk.pipeline import Queue
from synapse.transfer.bulk.report import SyncReport, UploadReport
from synapse.transfer.bulk.sync_options import SyncOptions
from synapse.transfer.bulk.synchronizer import Synchronizer
from synapse.transfer.bulk.upload_item import PendingCreate, UploadItem
from synapse.transfer.bulk.uploader import UploadRun, UploadTarget, upload_many
from synapse.transport import Transport

__all__ = ["sync_many"]


def sync_many(
    transport: Transport,
    target: UploadTarget,
    source: Any,
    sync_options: SyncOptions,
    *,
    ignore: str | Iterable[str] | None = None,
    **options: Any,
) -> SyncReport:
    """Sync a source with a collection, see `DataCollection.sync`."""
    if ignore is not None and not isinstance(ignore, str):
        ignore = list(ignore)
    make_run = partial(_SyncRun, options=sync_options, ignore=ignore)
    report = upload_many(transport, target, source, ignore=ignore, make_run=make_run, **options)
    return cast("SyncReport", report)


class _SyncRun(UploadRun):
    def __init__(
        self, *args: Any, options: SyncOptions, ignore: str | list[str] | None = None
    ) -> None:
        super().__init__(*args)
        # A pattern names a part of a folder, but a unit's path doesn't show of which.
        if options.delete and options.scope is None and self._source.identity[:8] == "pattern ":
            raise UsageError(
                "delete= with a pattern needs scope=, because the collection may have units of "
                "other files. Pass the paths that may be deleted, such as scope='*.png'."
            )
        self._sync = Synchronizer(
            self._transport,
            options,
            specifications=self._target.specifications,
            ignore=ignore,
            endpoints=self._target.endpoints,
            collection=self._target.collection,
            project=self._target.project,
        )
        self._journal.is_trusted = False
        self._is_empty = True

    @override
    def _make_report(self) -> UploadReport:
        return SyncReport(collection=self._target.collection)

    @override
    def _compare_with_server(self, *, is_compared: bool) -> int:
        return self._sync.load()

    @override
    def _register(self, item: UploadItem) -> bool:
        self._is_empty = False
        try:
            self._sync.register(item)
        except UsageError as error:
            item.sync_key = ""  # the entry is the earlier record's
            self._fail(item, error)
            return False
        return True

    @override
    def _next_queue(self, item: UploadItem) -> Queue[UploadItem] | None:
        if not item.is_from_earlier_run:
            has_checksums = all(file.checksum and file.sha1 for file in item.files)
            return self._to_verify if has_checksums else self._to_hash
        is_done = self._target.project is None or item.task is not None or self._is_dry
        return None if is_done else self._to_task

    @property
    def _is_dry(self) -> bool:
        return self._sync.options.dry_run

    @override
    def _prepare(self, items: list[UploadItem]) -> None:
        recorded = [item.unit for item in items]
        failures: dict[int, SynapseError] = {}
        new = {id(item): item for item in self._sync.compare(items, failures)}
        self._journal.assign(
            [
                item
                for item, unit in zip(items, recorded, strict=True)
                if item.is_from_earlier_run and item.unit != unit
            ]
        )
        for item in items:
            if error := failures.get(id(item)):
                self._fail(item, error)
            elif id(item) not in new:
                self._skip_files(item)
                self._pass_on(item)
        # Files of a request without a response were sent before.
        pending = [item for item in new.values() if item.pending_unit is not None]
        to_send = [item for item in new.values() if item.pending_unit is None]
        self._to_create.put(*pending)
        if to_send:
            self._sender.prepare(to_send, is_verified=self._is_verified)
            self._to_send.put(*to_send)

    def _pass_on(self, item: UploadItem) -> None:
        """Create the missing task of an item whose unit exists."""
        queue = self._next_queue(item) if item.is_from_earlier_run else None
        if queue is None:
            self._report.add("skipped")
        else:
            queue.put(item)

    @override
    def _drop_existing(self, items: list[UploadItem]) -> list[UploadItem]:
        found = self._sync.find_created(items)
        self._journal.assign(found)
        for item in found:
            # The other program may create the task, too: ask as late as possible.
            item.pending_task = PendingCreate(at=0, newest=0)
            self._pass_on(item)
        return [item for item in items if not item.is_from_earlier_run]

    @override
    def _handle_units(self, items: list[UploadItem]) -> None:
        self._report.record_success()
        self._report.add("created", len(items))
        self._sync.set_ids(items)
        # A task that moves with its annotations is there already.
        without_task = [item for item in items if item.task is None]
        if self._target.project is not None and without_task:
            self._to_task.put(*without_task)

    @override
    def _handle_tasks(self, items: list[UploadItem]) -> None:
        super()._handle_tasks(items)
        self._sync.set_ids(items)

    @override
    def _fail(self, item: UploadItem, error: SynapseError) -> None:
        super()._fail(item, error)
        self._sync.fail(item)

    @override
    def _finish(self) -> None:
        self._sync.finish(
            cast("SyncReport", self._report.report),
            self._fail_late,
            is_empty=self._is_empty,
            unreadable=self._source.unreadable_keys,
        )

    def _fail_late(self, label: str, error: SynapseError) -> None:
        self._report.record_failure(label, error)
        if self._pipeline.is_stopped:
            raise error
