"""Compare a source with the server by key.

Each run reads the collection's units, and the project's tasks, from the server. The journal only
saves the hashing of unchanged files. A server has no unique keys, so two machines that create the
same unit at the same moment both succeed: each batch is compared again right before its request,
and units that exist twice are reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from synapse.errors import (
    SynapseError,
    UsageError,
)
from synapse.transfer.bulk.batch_create import fetch_newer
from synapse.transfer.bulk.obsolete_units import Fail, ObsoleteUnits, walk_rows
from synapse.transfer.bulk.path_patterns import IgnoredFiles
from synapse.transfer.bulk.report import SyncReport
from synapse.transfer.bulk.server_units import ServerUnits, SyncEntries
from synapse.transfer.bulk.sync_key import SyncKey
from synapse.transfer.bulk.sync_options import SyncOptions
from synapse.transfer.bulk.upload_item import Specification, UploadItem
from synapse.transfer.bulk.uploader import Endpoints
from synapse.transfer.filenames import compose
from synapse.transport import Transport

__all__ = ["Synchronizer"]


class Synchronizer:
    """Compares the items of one run with the units of the server.

    Args:
        transport: The transport.
        options: The user's choices.
        specifications: The collection's specifications.
        ignore: Patterns of paths that the source leaves out.
        endpoints: Paths of the endpoints.
        collection: Id of the collection.
        project: Id of the project, if any.
    """

    def __init__(
        self,
        transport: Transport,
        options: SyncOptions,
        *,
        specifications: Sequence[Specification],
        ignore: str | Iterable[str] | None,
        endpoints: Endpoints,
        collection: Any,
        project: Any,
    ) -> None:
        self.options = options
        self._transport = transport
        self._key = SyncKey(options.key, specifications)
        self._units = ServerUnits(self._key)
        ignored = [ignore] if isinstance(ignore, str) else ignore or []
        self._ignored = IgnoredFiles(ignored) if self._key.is_path and ignored else None
        self._endpoints = endpoints
        self._collection, self._project = collection, project
        self._scope = None if options.scope is None else _compile_scope(options.scope)
        self._start = self._seen = 0
        self._repeated: str | None = None

    def load(self) -> int:
        """Read units and tasks; return the highest id of a unit.

        One request for each 500 units, and with a project one for each thousand tasks.
        """
        self._start = self._seen = self._read_newer()
        if self._project is not None:
            params = [("project", self._project), ("fields", "id,data_unit")]
            self._units.add_tasks(walk_rows(self._transport, self._endpoints.task_list, params))
        return self._start

    def register(self, item: UploadItem) -> None:
        """Note that the source has an item.

        Raises:
            UsageError: The item has no key, or an earlier one has the same.
        """
        item.sync_key = self._key.read_item(item)
        if not self._units.add_entry(item.sync_key):
            self._repeated = item.sync_key
            raise UsageError(
                f"{item.label} has the same key as an earlier record, {item.sync_key!r}. Give each "
                "record its own key, or pass another key=."
            )

    def compare(
        self, items: Sequence[UploadItem], failures: dict[int, SynapseError]
    ) -> list[UploadItem]:
        """Set the units and tasks that hashed items have; return the items to create. No request.

        An item whose unit exists has `is_from_earlier_run`. `failures` gets the errors of those
        that can't be compared, by `id(item)`.
        """
        new = []
        for item in items:
            item.unit = None
            try:
                item.unit, others = self._units.find_units(item)
            except SynapseError as error:
                failures[id(item)] = error
                continue
            item.is_from_earlier_run = item.unit is not None
            item.task = None
            units = others if item.unit is None else [item.unit]
            if item.is_from_earlier_run or self.options.on_change == "replace":
                if self.options.on_change == "replace":
                    units = [*units, *(unit for unit in others if unit not in units)]
                item.task = self._units.find_task(units) if self._project is not None else None
            if item.is_from_earlier_run:
                self._units.set_state(item, "unchanged")
                continue
            is_done = self.options.dry_run or (others and self.options.on_change == "skip")
            unit = max(others, default=None) if is_done else None
            self._units.set_state(item, "changed" if others else "new", unit)
            if not is_done:
                new.append(item)
        return new

    def find_created(self, items: Sequence[UploadItem]) -> list[UploadItem]:
        """Return the items that another program has created meanwhile, with their units.

        One request, and one more for each 500 units that were created since the last call.
        """
        self._seen = max(self._seen, self._read_newer())
        found = []
        for item in items:
            item.unit = self._units.find_units(item)[0]
            if item.unit is not None:
                item.is_from_earlier_run = True
                self._units.set_state(item, "unchanged")
                found.append(item)
        return found

    def set_ids(self, items: Iterable[UploadItem]) -> None:
        """Note the units and tasks of items."""
        self._units.set_ids(items)

    def fail(self, item: UploadItem) -> None:
        """Mark an item as failed, so that it counts neither as new nor as changed."""
        if item.sync_key:
            self._units.set_state(item, "failed")

    def _read_newer(self) -> int:
        rows = fetch_newer(self._transport, self._endpoints.units, self._collection, self._seen)
        return self._units.add_units(rows)

    def finish(
        self,
        report: SyncReport,
        fail: Fail,
        *,
        is_empty: bool,
        unreadable: Iterable[str],
    ) -> None:
        """List units that are gone or exist twice; replace and delete if the options say so.

        Args:
            report: The report to complete.
            fail: Function that records a failure.
            is_empty: Whether the source has no record.
            unreadable: Folders that could not be read.
        """
        options = self.options
        if report.created:
            self._read_newer()
        folders = [f"{folder}/" for folder in unreadable]
        gone = 0
        for key, unit, count in self._units.read_keys_without_entry(self._start):
            if self._is_in_scope(key) and not key.startswith(tuple(folders)):
                self._units.add_entry(key, "gone", unit)
                gone += count
        self._units.note_twice()
        for name in ("new", "changed", "unchanged", "gone", "twice"):
            setattr(report, name, SyncEntries(self._units, name))
        if len(report.twice) and (options.dry_run or options.on_change != "replace"):
            report.notes.append(
                f"{len(report.twice):,} units exist twice, see report.twice: two programs created "
                "them. on_change='replace' keeps one of each in the next run."
            )
        if options.dry_run:
            return
        obsolete = ObsoleteUnits(
            self._transport, options, self._units, self._endpoints, self._start
        )
        if options.on_change == "replace":
            obsolete.replace(report, fail, self._repeated)
        if options.delete:
            obsolete.delete(report, fail, gone, is_empty=is_empty)

    def _is_in_scope(self, key: str) -> bool:
        if self._scope is not None and not self._scope.fullmatch(key):
            return False
        return self._ignored is None or not _covers(self._ignored, key)


def _compile_scope(text: str) -> re.Pattern[str]:
    """Return the pattern of the keys in a scope, and below the folders that match."""
    parts = compose(text.replace("\\", "/").rstrip("/")).split("*")
    return re.compile(f"{'.*'.join(map(re.escape, parts))}(?:/.*)?", re.DOTALL)


def _covers(patterns: IgnoredFiles, key: str) -> bool:
    """Return whether patterns cover a path or a folder above."""
    parts = key.split("/")
    return any(
        patterns.covers("/".join(parts[:end]), is_folder=True, is_hidden=False)
        for end in range(1, len(parts) + 1)
    )
