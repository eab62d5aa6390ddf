"""Compare a source with the server by key; replace and delete units after the upload.

Each run reads the collection's units, and the project's tasks, from the server. The journal only
saves the hashing of unchanged files. A server has no unique keys, so two machines that create the
same unit at the same moment both succeed: each batch is compared again right before its request,
and units that exist twice are reported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, Literal

import attrs

from synapse._internal.threads import run_each
from synapse.errors import (
    ClientError,
    InvalidResponse,
    NotFound,
    SynapseError,
    UsageError,
    ValidationError,
)
from synapse.transfer.bulk.batch_create import fetch_newer
from synapse.transfer.bulk.path_patterns import IgnoredFiles
from synapse.transfer.bulk.report import SyncReport
from synapse.transfer.bulk.server_units import FormerUnit, ServerUnits, SyncEntries
from synapse.transfer.bulk.sync_key import SyncKey
from synapse.transfer.bulk.upload_item import Specification, UploadItem
from synapse.transfer.filenames import compose
from synapse.transport import Transport
from synapse.transport.paging import walk

__all__ = ["OnChange", "SyncOptions", "Synchronizer"]

OnChange = Literal["new", "replace", "skip"]

_PAGE_SIZE = 1000
_BATCH = 100
_WORKERS = 8


def _validate(allowed: Sequence[Any]) -> Callable[[Any, Any, Any], None]:
    def validate(_: Any, field: Any, value: Any) -> None:
        if not any(value is one or (value == one and type(value) is type(one)) for one in allowed):
            names = ", ".join(map(repr, allowed))
            raise UsageError(f"{field.name}={value!r} is not valid. Pass one of {names}.")

    return validate


@attrs.frozen
class SyncOptions:
    """The choices of a sync, see `DataCollection.sync`."""

    key: str = "path"
    on_change: OnChange = attrs.field(
        default="new", validator=_validate(["new", "replace", "skip"])
    )
    annotations: str = attrs.field(default="move", validator=_validate(["move", "review"]))
    delete: bool | str = attrs.field(default=False, validator=_validate([False, True, "annotated"]))
    scope: str | None = attrs.field(default=None)
    max_delete: float = attrs.field(default=0.5)
    dry_run: bool = False

    @scope.validator
    def _check_scope(self, _: Any, value: Any) -> None:
        if value is None:
            return
        text = value.replace("\\", "/") if isinstance(value, str) else ""
        if not text.strip("./ ") or text.startswith(("/", "./", "../")) or text[1:3] == ":/":
            raise UsageError(
                f"scope={value!r} is not valid. Pass a folder below the source, such as 'berlin', "
                "or a pattern of the keys, such as '*.png'."
            )

    @max_delete.validator
    def _check_max_delete(self, _: Any, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise UsageError(
                f"max_delete={value!r} is not valid. Pass the largest part of the units that may "
                "be deleted, from 0 to 1."
            )

    def __attrs_post_init__(self) -> None:
        if self.annotations == "review" and self.on_change != "replace":
            raise UsageError(
                f"annotations='review' has no effect with on_change={self.on_change!r}, which "
                "moves no annotations. Pass on_change='replace' too."
            )


class Synchronizer:
    """Compares the items of one run with the server, and replaces and deletes units.

    Args:
        transport: The transport.
        options: The user's choices.
        specifications: The collection's specifications.
        ignore: Patterns of paths that the source leaves out.
        units_path: Path of the endpoint for units.
        tasks_path: Path of the endpoint for tasks.
        task_list: Path of the list of tasks.
        truth_list: Path of the list of ground truths.
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
        units_path: str,
        tasks_path: str,
        task_list: str,
        truth_list: str,
        collection: Any,
        project: Any,
    ) -> None:
        self.options = options
        self._transport = transport
        self._key = SyncKey(options.key, specifications)
        self._units = ServerUnits(self._key)
        ignored = [ignore] if isinstance(ignore, str) else ignore or []
        self._ignored = IgnoredFiles(ignored) if self._key.is_path and ignored else None
        self._paths = (units_path, tasks_path)
        self._lists = (task_list, truth_list)
        self._collection, self._project = collection, project
        self._scope = None if options.scope is None else _compile_scope(options.scope)
        self._start = self._seen = 0
        self._repeated: str | None = None

    # -- Compare -------------------------------------------------------------------------------

    def load(self) -> int:
        """Read units and tasks; return the highest id of a unit.

        One request for each 500 units, and with a project one for each thousand tasks.
        """
        self._start = self._seen = self._read_newer()
        if self._project is not None:
            params = [("project", self._project), ("fields", "id,data_unit")]
            self._units.add_tasks(self._walk(self._lists[0], params))
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
        rows = fetch_newer(self._transport, self._paths[0], self._collection, self._seen)
        return self._units.add_units(rows)

    def _walk(
        self, path: str, params: list[tuple[str, Any]], key: str = "id"
    ) -> Iterator[Mapping[str, Any]]:
        # Without an ordering, a server may repeat rows on several pages and miss others.
        params = [*params, ("ordering", key), ("page_size", _PAGE_SIZE)]
        with closing(walk(self._transport, path, params, key=key, resource=path)) as pages:
            for page in pages:
                yield from page.rows

    # -- Replace and delete --------------------------------------------------------------------

    def finish(
        self,
        report: SyncReport,
        fail: Callable[[str, SynapseError], None],
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
        if options.on_change == "replace":
            self._replace(report, fail)
        if options.delete:
            self._delete(report, fail, gone, is_empty=is_empty)

    def _is_in_scope(self, key: str) -> bool:
        if self._scope is not None and not self._scope.fullmatch(key):
            return False
        return self._ignored is None or not _covers(self._ignored, key)

    def _replace(self, report: SyncReport, fail: Callable[[str, SynapseError], None]) -> None:
        if self._repeated is not None:
            # Units that share a key by mistake would be taken for versions of one unit.
            reason = f"records share the key {self._repeated!r}. Pass a key= with unique values"
            fail("replace", UsageError(f"No unit was replaced, because {reason}."))
            return
        last = 0
        kept = len(report.kept)
        work = partial(self._replace_group, report=report)
        while batch := self._units.read_former(self._start, last, _BATCH):
            last = batch[-1].unit
            # All units of a key in one thread, so that they agree on the tasks.
            batch.sort(key=attrgetter("key"))
            groups = [(key, [*group]) for key, group in groupby(batch, attrgetter("key"))]
            self._run(work, groups, fail)
        if kept := len(report.kept) - kept:
            report.notes.append(
                f"{kept:,} units stay beside the one of their key, see report.kept: ground truths "
                "refer to them, or another source has the same key."
            )

    def _replace_group(self, group: tuple[str, list[FormerUnit]], report: SyncReport) -> None:
        projects: set[Any] | None = None
        for former in group[1]:
            if (tasks := self._find_tasks(former.unit)) is None:
                continue
            if not self._is_former(former, tasks):
                report.kept.append(former.unit)
                continue
            for task in tasks:
                if projects is None:
                    others = self._read_tasks(former.replacement)
                    projects = {other.get("project") for other in others}
                if _is_untouched(task) and task.get("project") in projects:
                    self._delete_row(self._paths[1], task["id"])
                    continue
                self._move(task, former)
                projects.add(task.get("project"))
                report.moved.append(task["id"])
            if self._has_truths(former.unit):
                report.kept.append(former.unit)
            else:
                self._delete_row(self._paths[0], former.unit)
                report.replaced.append(former.unit)

    def _move(self, task: Mapping[str, Any], former: FormerUnit) -> None:
        values: dict[str, Any] = {"data_unit": former.replacement}
        is_open = task.get("status") in ("pending", "in_progress")
        if self.options.annotations == "review" and not (former.is_same or is_open):
            values["status"] = "pending"
        label = f"task {task['id']}"
        row = self._transport.request(
            "PATCH", f"{self._paths[1]}{task['id']}/", json=values, resource=label
        )
        # A server may ignore the field: deleting the unit would then lose the annotations.
        if not isinstance(row, Mapping) or row.get("data_unit") != former.replacement:
            raise InvalidResponse(
                200,
                f"the server kept the task on unit {former.unit}, which therefore stays",
                response=row,
                resource=label,
            )

    def _delete(
        self,
        report: SyncReport,
        fail: Callable[[str, SynapseError], None],
        gone: int,
        *,
        is_empty: bool,
    ) -> None:
        total = self._units.count_units(self._start)
        if is_empty:
            reason = "the source is empty. Check that its folder is mounted"
        elif report.failed:
            reason = f"{len(report.failed):,} records failed. Run the sync again"
        elif gone > self.options.max_delete * total:
            reason = (
                f"{gone:,} of {total:,} units would go, more than max_delete="
                f"{self.options.max_delete}. Check the source, or pass a larger max_delete="
            )
        else:
            self._delete_gone(report, fail)
            return
        if report.failed:
            report.notes.append(f"Nothing was deleted, because {reason}.")
        else:
            fail("delete", UsageError(f"Nothing was deleted, because {reason}."))

    def _delete_gone(self, report: SyncReport, fail: Callable[[str, SynapseError], None]) -> None:
        entries = iter(report.gone)
        kept = len(report.kept)
        work = partial(self._delete_group, report=report)
        while keys := [entry.key for entry in islice(entries, _BATCH)]:
            groups = [(key, self._units.read_units(key, self._start)) for key in keys]
            self._run(work, groups, fail)
        if kept := len(report.kept) - kept:
            report.notes.append(
                f"{kept:,} units that are gone stay, because they have annotations or ground "
                "truths. delete='annotated' deletes those with annotations, too."
            )

    def _delete_group(self, group: tuple[str, list[int]], report: SyncReport) -> None:
        key, units = group
        found = {unit: self._find_tasks(unit) for unit in units}
        units = [unit for unit, tasks in found.items() if tasks is not None]
        tasks = [task for tasks in found.values() for task in tasks or ()]
        empty = [task["id"] for task in tasks if _is_untouched(task)]
        is_kept = len(empty) < len(tasks) and self.options.delete != "annotated"
        if is_kept or any(map(self._has_truths, units)):
            report.kept += units
            return
        for task in empty:
            self._delete_row(self._paths[1], task)
        for unit in units:
            self._delete_row(self._paths[0], unit)
            report.deleted.append(unit)
        self._units.mark_deleted(key)

    def _run(
        self,
        work: Callable[[Any], None],
        groups: list[Any],
        fail: Callable[[str, SynapseError], None],
    ) -> None:
        """Process groups of a key in threads, and record their failures."""

        def process(group: Any) -> ClientError | None:
            try:
                work(group)
            except ClientError as error:
                return error
            return None

        errors = run_each(process, groups, _WORKERS, "synapse-sync")
        for (key, _), error in zip(groups, errors, strict=True):
            if error is not None:
                fail(key, error)

    # One unit a request: a server that reads one value of a filter would hide the tasks of the
    # others, and their units would be deleted.

    def _read_tasks(self, unit: int) -> list[Mapping[str, Any]]:
        """Return a unit's tasks of all projects. One request."""
        params = [("data_unit", unit), ("fields", "id,data_unit,project,status,data")]
        rows = self._walk(self._lists[0], params)
        return [row for row in rows if row.get("data_unit") == unit]

    def _find_tasks(self, unit: int) -> list[Mapping[str, Any]] | None:
        """Return a unit's tasks; `None` if another program has deleted the unit."""
        try:
            return self._read_tasks(unit)
        except ValidationError:  # servers refuse to filter by a unit that they don't have
            try:
                self._transport.request("GET", f"{self._paths[0]}{unit}/", resource=f"unit {unit}")
            except NotFound:
                return None
            raise

    def _is_former(self, former: FormerUnit, tasks: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether a unit is an earlier version of another, and not of another source.

        Of an earlier version, the tasks move to the newer unit, which has none of its own.
        """
        if former.is_same or former.is_changed:
            return True
        if former.unit > former.replacement:
            return False
        return not tasks or not self._find_tasks(former.replacement)

    def _has_truths(self, unit: int) -> bool:
        params = [("data_unit", unit), ("fields", "pgh_id,data_unit")]
        return any(
            row.get("data_unit") == unit for row in self._walk(self._lists[1], params, "pgh_id")
        )

    def _delete_row(self, path: str, key: int) -> None:
        with suppress(NotFound):  # another run, or a lost response
            self._transport.request("DELETE", f"{path}{key}/", resource=f"{path}{key}")


def _compile_scope(text: str) -> re.Pattern[str]:
    """Return the pattern of the keys in a scope, and below the folders that match."""
    parts = compose(text.replace("\\", "/").rstrip("/")).split("*")
    return re.compile(f"{'.*'.join(map(re.escape, parts))}(?:/.*)?", re.DOTALL)


def _is_untouched(task: Mapping[str, Any]) -> bool:
    """Return whether nobody has begun a task; assignments may have drafts before the task has."""
    return task.get("data") is None and task.get("status") == "pending"


def _covers(patterns: IgnoredFiles, key: str) -> bool:
    """Return whether patterns cover a path or a folder above."""
    parts = key.split("/")
    return any(
        patterns.covers("/".join(parts[:end]), is_folder=True, is_hidden=False)
        for end in range(1, len(parts) + 1)
    )
