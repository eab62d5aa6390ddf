"""Replace and delete units of a sync: former versions, and units that the source lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, TypeAlias

from synapse._internal.threads import run_each
from synapse.errors import (
    ClientError,
    InvalidResponse,
    NotFound,
    SynapseError,
    UsageError,
    ValidationError,
)
from synapse.transfer.bulk.report import SyncReport
from synapse.transfer.bulk.server_units import FormerUnit, ServerUnits
from synapse.transfer.bulk.sync_options import SyncOptions
from synapse.transfer.bulk.uploader import Endpoints
from synapse.transport import Transport
from synapse.transport.paging import walk

__all__ = ["Fail", "ObsoleteUnits", "walk_rows"]

Fail: TypeAlias = Callable[[str, SynapseError], None]
"""Records a failure of a key."""

_BATCH = 100
_WORKERS = 8
_PAGE_SIZE = 1000


class ObsoleteUnits:
    """Replaces former units, and deletes those that are gone.

    Args:
        transport: The transport.
        options: The user's choices.
        units: The units of the server.
        endpoints: Paths of the endpoints.
        end: Highest id of a unit before the run.
    """

    def __init__(
        self,
        transport: Transport,
        options: SyncOptions,
        units: ServerUnits,
        endpoints: Endpoints,
        end: int,
    ) -> None:
        self._transport = transport
        self._options = options
        self._units = units
        self._endpoints = endpoints
        self._end = end

    def replace(self, report: SyncReport, fail: Fail, repeated: str | None) -> None:
        """Move the tasks of former units to the newer ones, and delete the former units.

        Args:
            report: The report to complete.
            fail: Function that records a failure.
            repeated: A key that several records have; then nothing is replaced.
        """
        if repeated is not None:
            # Units that share a key by mistake would be taken for versions of one unit.
            reason = f"records share the key {repeated!r}. Pass a key= with unique values"
            fail("replace", UsageError(f"No unit was replaced, because {reason}."))
            return
        last = 0
        kept = len(report.kept)
        work = partial(self._replace_group, report=report)
        while batch := self._units.read_former(self._end, last, _BATCH):
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
                    self._delete_row(self._endpoints.tasks, task["id"])
                    continue
                self._move(task, former)
                projects.add(task.get("project"))
                report.moved.append(task["id"])
            if self._has_truths(former.unit):
                report.kept.append(former.unit)
            else:
                self._delete_row(self._endpoints.units, former.unit)
                report.replaced.append(former.unit)

    def _move(self, task: Mapping[str, Any], former: FormerUnit) -> None:
        values: dict[str, Any] = {"data_unit": former.replacement}
        is_open = task.get("status") in ("pending", "in_progress")
        if self._options.annotations == "review" and not (former.is_same or is_open):
            values["status"] = "pending"
        label = f"task {task['id']}"
        row = self._transport.request(
            "PATCH", f"{self._endpoints.tasks}{task['id']}/", json=values, resource=label
        )
        # A server may ignore the field: deleting the unit would then lose the annotations.
        if not isinstance(row, Mapping) or row.get("data_unit") != former.replacement:
            raise InvalidResponse(
                200,
                f"the server kept the task on unit {former.unit}, which therefore stays",
                response=row,
                resource=label,
            )

    def delete(self, report: SyncReport, fail: Fail, gone: int, *, is_empty: bool) -> None:
        """Delete the units that the source no longer has, unless something speaks against it.

        Args:
            report: The report to complete.
            fail: Function that records a failure.
            gone: Number of units that are gone.
            is_empty: Whether the source has no record.
        """
        total = self._units.count_units(self._end)
        if is_empty:
            reason = "the source is empty. Check that its folder is mounted"
        elif report.failed:
            reason = f"{len(report.failed):,} records failed. Run the sync again"
        elif gone > self._options.max_delete * total:
            reason = (
                f"{gone:,} of {total:,} units would go, more than max_delete="
                f"{self._options.max_delete}. Check the source, or pass a larger max_delete="
            )
        else:
            self._delete_gone(report, fail)
            return
        if report.failed:
            report.notes.append(f"Nothing was deleted, because {reason}.")
        else:
            fail("delete", UsageError(f"Nothing was deleted, because {reason}."))

    def _delete_gone(self, report: SyncReport, fail: Fail) -> None:
        entries = iter(report.gone)
        kept = len(report.kept)
        work = partial(self._delete_group, report=report)
        while keys := [entry.key for entry in islice(entries, _BATCH)]:
            groups = [(key, self._units.read_units(key, self._end)) for key in keys]
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
        is_kept = len(empty) < len(tasks) and self._options.delete != "annotated"
        if is_kept or any(map(self._has_truths, units)):
            report.kept += units
            return
        for task in empty:
            self._delete_row(self._endpoints.tasks, task)
        for unit in units:
            self._delete_row(self._endpoints.units, unit)
            report.deleted.append(unit)
        self._units.mark_deleted(key)

    def _run(
        self,
        work: Callable[[Any], None],
        groups: list[Any],
        fail: Fail,
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
        rows = walk_rows(self._transport, self._endpoints.task_list, params)
        return [row for row in rows if row.get("data_unit") == unit]

    def _find_tasks(self, unit: int) -> list[Mapping[str, Any]] | None:
        """Return a unit's tasks; `None` if another program has deleted the unit."""
        try:
            return self._read_tasks(unit)
        except ValidationError:  # servers refuse to filter by a unit that they don't have
            try:
                self._transport.request(
                    "GET", f"{self._endpoints.units}{unit}/", resource=f"unit {unit}"
                )
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
            row.get("data_unit") == unit
            for row in walk_rows(self._transport, self._endpoints.truth_list, params, "pgh_id")
        )

    def _delete_row(self, path: str, key: int) -> None:
        with suppress(NotFound):  # another run, or a lost response
            self._transport.request("DELETE", f"{path}{key}/", resource=f"{path}{key}")


def _is_untouched(task: Mapping[str, Any]) -> bool:
    """Return whether nobody has begun a task; assignments may have drafts before the task has."""
    return task.get("data") is None and task.get("status") == "pending"


def walk_rows(
    transport: Transport, path: str, params: list[tuple[str, Any]], key: str = "id"
) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a list. One request for each thousand.

    Args:
        transport: The transport.
        path: Path of the list.
        params: Filters.
        key: Field that names a row.
    """
    # Without an ordering, a server may repeat rows on several pages and miss others.
    params = [*params, ("ordering", key), ("page_size", _PAGE_SIZE)]
    with closing(walk(transport, path, params, key=key, resource=path)) as pages:
        for page in pages:
            yield from page.rows
