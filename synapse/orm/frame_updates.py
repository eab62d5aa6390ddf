"""Change objects by a frame: compare rows with the server, send differences, report each row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import attrs

from synapse._internal.described import (
    Described,
    DescribedTable,
    Description,
    brief,
    summarize,
)
from synapse._internal.hints import suggestion
from synapse._internal.interrupts import explain_interrupt
from synapse._internal.redaction import is_signed
from synapse.errors import ClientError, FieldValueError, NotFound, UsageError
from synapse.orm.bulk_changes import report_each
from synapse.orm.convert import parse_time, same_json
from synapse.orm.fields import MISSING, Field, ids_of
from synapse.orm.frame_reader import FrameReader
from synapse.orm.payloads import find_pointer

if TYPE_CHECKING:
    from synapse.orm.frames import Column

__all__ = ["FrameReport", "RefusedRow", "update_from"]

_BATCH = 1000
_MOST_SHOWN = 10
T = TypeVar("T")


class _Targets(Protocol):
    """A query of objects that can be changed."""

    _resource: Any
    _session: Any

    def filter(self, **filters_: Any) -> Any: ...


@attrs.frozen
class RefusedRow:
    """A row of a frame that changed nothing.

    Attributes:
        row: Position in the frame, from 0.
        key: Value of the column that finds the object.
        reason: The error.
    """

    row: int
    key: Any
    reason: Exception


@attrs.define(repr=False)
class FrameReport(Described):
    """Outcome of changing objects by a frame.

    Attributes:
        is_dry_run: Whether nothing was sent.
        changed: Keys of the objects that were changed, or would be.
        unchanged: Keys of the objects that had all values already.
        missing: Keys without an object in the query.
        refused: Rows that changed nothing, with the reasons.
        columns: Number of changed objects by column.
        nulls: Number of missing values (NaN, NaT, NA, null) by column; each stands for `None`.
        read_only: Number of rows by read-only column whose values differ from the server's.
    """

    is_dry_run: bool = False
    changed: list[Any] = attrs.field(factory=list)
    unchanged: list[Any] = attrs.field(factory=list)
    missing: list[Any] = attrs.field(factory=list)
    refused: list[RefusedRow] = attrs.field(factory=list)
    columns: Counter[str] = attrs.field(factory=Counter)
    nulls: Counter[str] = attrs.field(factory=Counter)
    read_only: Counter[str] = attrs.field(factory=Counter)

    def __str__(self) -> str:
        lines = [", ".join(f"{name}: {number:,}" for name, number in self._counts())]
        lines += [f"{name}: {text}" for name, text in self._details()]
        lines += [
            f"row {each.row} ({each.key}): {each.reason}" for each in self.refused[:_MOST_SHOWN]
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return summarize(self, self._counts())

    def _describe(self) -> Description:
        rows = [
            (str(each.row), str(each.key), brief(each.reason))
            for each in self.refused[:_MOST_SHOWN]
        ]
        headings = ("row", "key", "reason")
        return Description(
            type(self).__name__,
            fields=[*((name, f"{number:,}") for name, number in self._counts()), *self._details()],
            table=DescribedTable(headings, rows, len(self.refused)) if rows else None,
        )

    def _counts(self) -> list[tuple[str, int]]:
        return [
            ("would change" if self.is_dry_run else "changed", len(self.changed)),
            ("unchanged", len(self.unchanged)),
            ("missing", len(self.missing)),
            ("refused", len(self.refused)),
        ]

    def _details(self) -> list[tuple[str, str]]:
        parts = {
            "changed columns": self.columns,
            "missing values, as null": self.nulls,
            "read-only columns that differ": self.read_only,
        }
        return [
            (name, ", ".join(f"{column} ({number:,})" for column, number in part.items()))
            for name, part in parts.items()
            if part
        ]


def update_from(query: _Targets, frame: Any, on: str, dry_run: bool, workers: int) -> FrameReport:
    """Change the objects of a query by a frame, see `Updates.update_from`."""
    update = _Update(query, FrameReader(query._resource, frame), on, dry_run, workers)
    return update.run()


@attrs.frozen
class _Change:
    """Values of a row that differ from the object's.

    Attributes:
        row: Position in the frame.
        key: Value of the column that finds the object.
        target: The object.
        values: The values by field.
    """

    row: int
    key: Any
    target: Any
    values: dict[str, Any]


def _save(change: _Change) -> None:
    with change.target._tentatively(change.values):
        change.target.save()


class _Update:
    """One run over a frame."""

    def __init__(
        self, query: _Targets, reader: FrameReader, on: str, dry_run: bool, workers: int
    ) -> None:
        self._query, self._reader, self._workers = query, reader, workers
        self._report = FrameReport(dry_run)
        self._on = self._find_key(on)
        others = [each for each in reader.columns if each is not self._on]
        self._writable = [each for each in reader.writable() if each is not self._on]
        self._read_only = [each for each in others if each.field.declared.read_only]
        is_key = self._on.field.name == query._resource.__schema__.key
        self._key_types: Any = int if is_key and int in self._on.field.id_types else (int, str)
        self._seen: dict[Any, int] = {}
        if not self._writable:
            raise UsageError(f"The frame has no column to change besides {on!r}. Add a column.")

    def run(self) -> FrameReport:
        """Read the frame batch by batch."""
        waiting = self._find_waiting(_batches(enumerate(self._reader.rows())))
        session, tolerated = self._query._session, (ClientError, FieldValueError, TypeError)
        outcomes = report_each(
            session, _save, waiting, self._workers, tolerated=(*tolerated, ValueError)
        )
        with explain_interrupt(self._advise):
            try:
                for outcome in outcomes:
                    change, error = outcome.item, outcome.error
                    if error is None:
                        self._note_change(change.key, change.values)
                    elif isinstance(error, NotFound):
                        self._report.missing.append(change.key)
                    elif isinstance(error, Exception):
                        self._refuse(change.row, change.key, error)
            except ClientError as error:
                error.hint = error.hint or self._advise()
                raise
        self._report.nulls = self._reader.nulls
        return self._report

    def _advise(self) -> str:
        return (
            f"{len(self._report.changed):,} objects were changed before. Make the same call again "
            "to change the others."
        )

    def _find_key(self, on: str) -> Column:
        by_name = {each.name: each for each in self._reader.columns}
        column = by_name.get(on)
        if column is None:
            index = getattr(getattr(self._reader.frame, "index", None), "names", ())
            advice = (
                ". It is the index: pass frame.reset_index()."
                if on in index
                else suggestion(on, by_name)
            )
            raise UsageError(f"The frame has no column {on!r}, which finds the objects{advice}")
        field = column.field
        is_key = field.name == self._query._resource.__schema__.key
        is_plain = not field.is_list and (field.is_relation or column.kinds <= {int, str})
        if not is_key and not (is_plain and field.is_filterable):
            raise UsageError(
                f"on={on!r} can't find objects: the server doesn't filter by it. Pass 'id'."
            )
        return column

    def _refuse(self, row: int, key: Any, reason: Exception) -> None:
        self._report.refused.append(RefusedRow(row, key, reason))

    def _find_waiting(
        self, batches: Iterable[list[tuple[int, tuple[Any, ...]]]]
    ) -> Iterator[_Change]:
        """Yield the changes to send; report the other rows."""
        for batch in batches:
            rows = self._decode(batch)
            found = self._find(list(rows))
            for key, (position, values) in rows.items():
                objects = found.get(key, [])
                if not objects:
                    self._report.missing.append(key)
                    continue
                if len(objects) > 1:
                    why = f"{len(objects):,} objects have this {self._on.name}. Use on='id'."
                    self._refuse(position, key, UsageError(why))
                    continue
                changes = self._compare(position, key, objects[0], values)
                if changes and not self._report.is_dry_run:
                    yield _Change(position, key, objects[0], changes)
                elif changes:
                    self._note_change(key, changes)

    def _decode(
        self, batch: list[tuple[int, tuple[Any, ...]]]
    ) -> dict[Any, tuple[int, dict[str, Any]]]:
        """Return the values by key, and refuse rows that can't be read."""
        at = self._reader.columns.index(self._on)
        rows: dict[Any, tuple[int, dict[str, Any]]] = {}
        to_key = self._query._resource.__schema__.to_key
        for position, row in batch:
            try:
                values = self._reader.decode(row)
                key = values.pop(self._on.field.name)
                if self._on.field.name == self._query._resource.__schema__.key:
                    key = to_key(key)
                if key is None or not isinstance(key, self._key_types):
                    raise FieldValueError(
                        f"column {self._on.name!r}: {key!r} can't identify an object. Pass an id "
                        "or a text."
                    )
                if key in self._seen:
                    raise FieldValueError(
                        f"column {self._on.name!r}: row {self._seen[key]} has {key!r} too, and is "
                        "used. Drop one of the rows."
                    )
            except FieldValueError as error:
                self._refuse(position, row[at], error)
                continue
            self._seen[key] = position
            rows[key] = (position, values)
        return rows

    def _find(self, keys: list[Any]) -> dict[Any, list[Any]]:
        """Return the objects by key. One request for a batch that the server sends as one page."""
        found: dict[Any, list[Any]] = {}
        if not keys:
            return found
        field = self._on.field
        names = [each.field.name for each in self._reader.columns]
        query = self._query.filter(**{field.name: keys}).only(*names).page_size(_BATCH)
        for one in query:
            said = field.to_keys(ids_of(field.raw(one._raw)))
            key = one._key if field.name == type(one).__schema__.key else said
            found.setdefault(key, []).append(one)
        return found

    def _compare(self, position: int, key: Any, one: Any, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values that differ from the server's."""
        try:
            changes = {
                each.field.name: values[each.field.name]
                for each in self._writable
                if not _is_same(each, values[each.field.name], one)
            }
        except ClientError as error:  # from fetching a document that is stored in a file
            self._refuse(position, key, error)
            return {}
        stale = [
            each.name
            for each in self._read_only
            if not _is_same(each, values[each.field.name], one)
        ]
        self._report.read_only.update(stale)
        if changes and stale:
            why = (
                f"{', '.join(stale)} differ from the server's, and only the server sets them. Read "
                "the frame again, or drop these columns."
            )
            self._refuse(position, key, UsageError(why))
            return {}
        if not changes:
            self._report.unchanged.append(key)
        return changes

    def _note_change(self, key: Any, changes: dict[str, Any]) -> None:
        self._report.changed.append(key)
        by_field = {each.field.name: each.name for each in self._writable}
        for name in changes:
            self._report.columns[by_field[name]] += 1


def _batches(rows: Iterator[T]) -> Iterator[list[T]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _is_same(column: Column, value: Any, one: Any) -> bool:
    """Return whether a frame's value equals the server's."""
    field: Field = column.field
    said = field.raw(one._raw)
    if said is MISSING or said is None:
        return value is None
    if field.is_relation:
        return bool(field.to_keys(ids_of(said)) == value)
    if field.declared.may_be_remote and find_pointer(said) is not None:
        getattr(one, field.name)  # fetches the document
        said = field.raw(one._raw)
    # A signed URL differs in each response.
    if same_json(said, value) or (field.declared.read_only and is_signed(said)):
        return True
    if datetime in column.kinds:
        return bool(_to_moment(said) == _to_moment(value))
    try:
        return bool(field.matches(field.assigned(value), one, one._raw))
    except TypeError:
        return False


def _to_moment(value: Any) -> Any:
    """Return a time of an ISO text, in UTC if it has no zone; other values unchanged."""
    try:
        moment = parse_time(value)
    except ValueError:
        return value
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
