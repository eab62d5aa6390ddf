"""The tasks of an export: those that a stopped call has stored, then the rest of the server's list.

The tasks are stored in blocks, each with the place from which another call goes on. URLs of files
aren't stored: signed ones are credentials, and expire. So a block is listed again if a picture of
it is missing.
"""

from __future__ import annotations

import errno
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from synapse._internal import log_events
from synapse._internal.block_file import BlockFile, StoredBlock
from synapse._internal.key_order import KeyOrder, Place
from synapse.errors import BadRequest, FilterIgnored
from synapse.orm import registry
from synapse.orm.fields import MISSING
from synapse.orm.frame_source import Origin
from synapse.orm.payloads import find_pointer
from synapse.orm.query import Query

if TYPE_CHECKING:
    from synapse.orm._typing import Entity
    from synapse.orm.identity_map import IdentityMap

__all__ = ["TaskBatch", "TaskListing", "open_listing"]

_BATCH = 100
_UNIT = "data_unit"


class TaskBatch(NamedTuple):
    """Some tasks of an export.

    Attributes:
        tasks: The tasks.
        list_again: Lists the tasks of a stored batch anew, for the URLs of the files; leaves out
            those that the server no longer lists. `None` for a batch that was listed just now.
    """

    tasks: list[Any]
    list_again: Callable[[], list[Any]] | None = None


class TaskListing:
    """Tasks in batches.

    Args:
        tasks: The tasks.
    """

    def __init__(self, tasks: Iterable[Any]) -> None:
        self._tasks = tasks

    def __iter__(self) -> Iterator[TaskBatch]:
        """Yield the batches."""
        iterator = iter(self._tasks)
        while tasks := list(islice(iterator, _BATCH)):
            yield TaskBatch(tasks)

    @property
    def is_stored(self) -> bool:
        """Whether all tasks are stored."""
        return False

    def close(self, *, keep: bool) -> None:
        """End the use of stored tasks.

        Args:
            keep: Whether another call may go on after them; else they are removed.
        """


class _StoredListing(TaskListing):
    """The tasks of a query, stored in a folder.

    A batch is stored when the caller asks for the next one.

    Args:
        origin: The query.
        store: The stored tasks.
    """

    def __init__(self, origin: Origin, store: BlockFile) -> None:
        super().__init__(origin.query)
        self._origin = origin
        self._store = store
        self._schema = origin.query._resource.__schema__
        self._is_stored = False

    def __iter__(self) -> Iterator[TaskBatch]:
        """Yield the stored batches, then others.

        One request for each page of others; one more if some are stored, and for each batch that
        has to be listed again.
        """
        place = self._store.place
        if place is not None and not self._can_list_after(place):
            self._store.clear()
            place = None
        if place is not None:
            yield from self._read_stored()
            rest: Any = self._origin.after(*place)
            self._tasks = rest
        order = KeyOrder(self._schema.key, self._origin.step, place)
        is_stored = True
        for batch in super().__iter__():
            yield batch
            is_stored = is_stored and self._add(batch.tasks, order)
        self._is_stored = is_stored

    @property
    def is_stored(self) -> bool:
        return self._is_stored

    def close(self, *, keep: bool) -> None:
        self._store.close(keep=keep)

    def _can_list_after(self, place: Place) -> bool:
        """Ask for one task after a place: not every server has bounds on the key."""
        after: Any = self._origin.after(*place)
        try:
            list(after[:1])
        except (BadRequest, FilterIgnored):
            return False
        count = self._store.rows
        log_events.EXPORT_RESUMED.log("The export goes on after %d tasks", count, count=count)
        return True

    def _add(self, tasks: list[Any], order: KeyOrder) -> bool:
        """Store a batch, or remove all if no call could go on after the batch."""
        place = order.follow([{self._schema.key: task._key} for task in tasks])
        if place is None:
            self._store.clear()
            return False
        rows = json.dumps(list(map(_make_row, tasks)))
        self._store.add_block(zlib.compress(rows.encode(), 1), len(tasks), place)
        return True

    def _read_stored(self) -> Iterator[TaskBatch]:
        after: Place | None = None
        rows = self._store.rows
        for block in self._store.blocks():
            if block.place is None:  # `_add` stores none
                break
            rows -= block.rows
            list_again = partial(self._list_again, after, block.place)
            tasks = self._load(block)
            yield TaskBatch(list_again()) if tasks is None else TaskBatch(tasks, list_again)
            after = block.place
        if rows:
            raise OSError(errno.EIO, "The stored tasks have been damaged", str(self._store.target))

    def _load(self, block: StoredBlock) -> list[Any] | None:
        """Return a block's tasks; `None` if the program holds one of them with other values.

        Nothing tells which values are newer.
        """
        rows = json.loads(zlib.decompress(block.content))
        query, key = self._origin.query, self._schema.key
        identity, unit = query._session.identity, registry.get("DataUnit")
        units = [row[_UNIT] for row in rows if row[_UNIT] is not None]
        held_units = _find_held(identity, unit, units)
        held = _find_held(identity, query._resource, rows)
        if held is None or held_units is None:
            return None
        for row in rows:
            unit_key = row[_UNIT] and row[_UNIT][unit.__schema__.key]
            if unit_key in held_units:
                row[_UNIT] = unit_key
        others = [row for row in rows if row[key] not in held]
        loaded = identity.load(query._resource, others, {_UNIT: {}})
        by_key = {**held, **{task._key: task for task in loaded}}
        return [by_key[row[key]] for row in rows]

    def _list_again(self, after: Place | None, until: Place) -> list[Any]:
        """Return the tasks between two places. One request for each page."""
        query: Any = self._origin.query if after is None else self._origin.after(*after)
        bound = {f"{self._schema.key}__{'lte' if until.step > 0 else 'gte'}": until.key}
        return list(query.filter(**bound))


def open_listing(tasks: Iterable[Any], folder: Path, *, resume: bool) -> TaskListing:
    """Return the tasks of an export in batches.

    Args:
        tasks: A query, whose list another call can go on with; or other tasks, also a query that
            expands more than the units.
        folder: Folder of the stored tasks, which is made for a query, in that of the export.
        resume: Whether to go on after the tasks of a stopped call.

    Raises:
        UsageError: A stopped call has stored other tasks.
        OSError: The tasks can't be stored.
    """
    origin = tasks._origin() if isinstance(tasks, Query) else None
    if origin is None or set(origin.query._state.expand) != {_UNIT}:
        return TaskListing(tasks)
    folder.mkdir(exist_ok=True)
    store = BlockFile(folder / folder.parent.name, origin.identify("export"))
    try:
        if resume:
            store.resume()
        else:
            store.clear()
    except BaseException:
        store.close(keep=True)
        raise
    return _StoredListing(origin, store)


def _find_held(
    identity: IdentityMap, cls: type[Entity], rows: Iterable[Mapping[str, Any]]
) -> dict[Any, Entity] | None:
    """Return the known objects of some rows by id; `None` if one differs from its row."""
    held = {}
    for row in rows:
        known = identity.get(cls, row[cls.__schema__.key])
        if known is not None:
            said = _remove_urls(known._raw)
            if any(said.get(name, MISSING) != row[name] for name in row if name != _UNIT):
                return None
            held[known._key] = known
    return held


def _make_row(task: Any) -> dict[str, Any]:
    """Return a task's row as the server sent it, with the unit, without URLs."""
    row, unit = _remove_urls(task._raw), task.data_unit
    if find_pointer(row.get("data")) is not None:  # a call that goes on loads it if needed
        del row["data"]
    row[_UNIT] = None if unit is None else _remove_urls(unit._raw)
    return row


def _remove_urls(row: Mapping[str, Any]) -> dict[str, Any]:
    files = row.get("files")
    if not isinstance(files, Mapping):
        return dict(row)
    kept = {
        name: {key: value for key, value in file.items() if key != "url"}
        for name, file in files.items()
        if isinstance(file, Mapping)
    }
    return {**row, "files": kept}
