"""Managers: queries that also write, as far as the endpoint can.

A class's manager combines these bases: `Manager` reads, and each other base adds one verb. A verb
that the endpoint lacks is then missing for type checkers, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeVar, cast

from synapse._internal import log_events
from synapse._internal.described import brief
from synapse._internal.hints import suggestion
from synapse._internal.json_values import to_json
from synapse._internal.lazy_import import load
from synapse._internal.validate import validate_int
from synapse.errors import FieldValueError, InvalidQuery, UsageError
from synapse.orm import lookups
from synapse.orm.base_manager import BaseManager
from synapse.orm.foreign_objects import describe_foreign, is_foreign, refuse_foreign
from synapse.orm.frame_source import FrameSource
from synapse.orm.query import Query
from synapse.orm.resource import Deletable, Editable, Resource
from synapse.transport.waiting import BATCHES_IN_FLIGHT, CHANGES_IN_FLIGHT

if TYPE_CHECKING:
    from synapse.orm._typing import ArrowStream
    from synapse.orm.frame_updates import FrameReport

__all__ = ["BulkCreates", "Creates", "Deletes", "Manager", "Updates"]

T = TypeVar("T", bound=Resource)
E = TypeVar("E", bound=Editable)
D = TypeVar("D", bound=Deletable)

Values = Mapping[str, Any]


class Manager(Query[T]):
    """Reads a class's objects."""

    __slots__ = ()


class Creates(BaseManager[T]):
    """Adds `create()`."""

    __slots__ = ()

    def create(self, *, extra: Values | None = None, **values: Any) -> T:
        """Create an object on the server. One request.

        Args:
            extra: Keys unknown to the SDK, sent unchanged.
            **values: Fields. A relation takes an object or an id. The manager's owner is filled in:
                `project.tasks.create(...)` needs no `project`.

        Returns:
            The new object.

        Raises:
            InvalidQuery: A field doesn't exist, or only the server sets the field.
            ValidationError: The server refused a value; `err.fields` says which and why.

        Example:
            >>> session.projects.create(title="Street scenes", category="image").title
            'Street scenes'
        """
        schema = self._resource.__schema__
        body = self._body(values, extra)
        with schema.explaining():
            row = self._session.transport.request(
                "POST", schema.path, json=body, resource=f"new {schema.name}"
            )
        return self._load_created(row)

    def _body(self, values: Values, extra: Values | None = None) -> dict[str, Any]:
        """Check the values of a new object and convert them to JSON."""
        schema = self._resource.__schema__
        refuse_foreign(self._session, extra)
        body: dict[str, Any] = to_json(dict(extra or {}))
        fields = lookups.settable_fields(schema)
        for name, value in values.items():
            field = fields.get(name)
            if field is None:
                declared = schema.fields.get(name) or schema.fields.get(name.removesuffix("_id"))
                if declared is not None and declared.declared.read_only:
                    raise InvalidQuery(
                        f"{schema.name}.{name} is set by the server alone. Leave it out."
                    )
                raise InvalidQuery(
                    f"{schema.name} has no field {name!r}{suggestion(name, fields)} "
                    "A key that only your server knows goes through extra={...}."
                )
            for one in value if isinstance(value, (list, tuple, set)) else (value,):
                if why := field.refuses(one):
                    raise InvalidQuery(f"{schema.name}.{why}")
                if is_foreign(self._session, one):
                    raise InvalidQuery(f"{name}: {describe_foreign(self._session, one)}")
            if why := field.refuses_kind(value):
                raise FieldValueError(why)
            body[field.name] = field.to_keys(to_json(value, field.name))
        if self._scope is not None:
            name, owner = self._scope
            own = [owner._key] if schema.fields[name].declared.is_many else owner._key
            if body.setdefault(name, own) != own:
                raise InvalidQuery(
                    f"This manager makes {schema.plural} of {owner._label()}, not of another "
                    f"{name}."
                )
        return body

    def _load_created(self, row: Any) -> T:
        created = self._session.identity.load(self._resource, [row])[0]
        self._session.identity.cache(created)
        return created


class BulkCreates(Creates[T]):
    """Adds `bulk_create()` and `create_batches()`, for endpoints that take a list."""

    __slots__ = ()

    def bulk_create(
        self,
        items: Iterable[Values] | ArrowStream,
        *,
        batch_size: int = 500,
        workers: int = BATCHES_IN_FLIGHT,
    ) -> list[T]:
        """Create many objects. One request for each batch.

        Where waiting for the server takes most of the time, several batches are in flight. So the
        ids need not be in the order of the items; with `workers=1` they are. A batch that the
        server refuses as too large is divided, and later batches are smaller, as after slow ones.

        Args:
            items: Fields of each object, as in `create()`, or a frame of pandas, polars or Arrow
                with a column for each field. The items of a list and the rows of a frame are all
                checked before the first request; a generator or a stream is read and checked batch
                by batch. Missing values of a frame (NaN, NaT, NA, null) are sent as `None`, and a
                warning in the log counts them by column.
            batch_size: Largest number of objects per request.
            workers: Largest number of requests in flight; 1 sends one after the other.

        Returns:
            The new objects, in order of the items.

        Raises:
            BulkError: The server refused a batch, or an item of a later batch is invalid.
                `err.errors` has the reasons by position, `err.created` and `err.positions` the
                objects that were created, `err.uncertain` the positions of those that may have
                been. After Ctrl-C, such an error is the `__cause__` of `KeyboardInterrupt`.
            UsageError: An item is invalid; nothing was created. The message begins with its
                position. Or a frame has a column that is unknown, or that only the server sets.
            FieldValueError: An item has a value that JSON can't hold; nothing was created.

        Example:
            >>> unit = project.tasks[0].data_unit
            >>> len(project.tasks.bulk_create({"data_unit": unit} for _ in range(3)))
            3
        """
        batches = self._create_each(items, batch_size, workers, keeps=True)
        return [one for batch in batches for one in batch]

    def create_batches(
        self,
        items: Iterable[Values] | ArrowStream,
        *,
        batch_size: int = 500,
        workers: int = BATCHES_IN_FLIGHT,
    ) -> Iterator[list[T]]:
        """Create objects as `bulk_create()`, and yield each batch. One request for each batch.

        Holds only the batches in flight, so the items may be of any number. Leaving the loop waits
        for the batches in flight, whose objects exist.

        Args:
            items: As for `bulk_create()`.
            batch_size: Largest number of objects per request.
            workers: Largest number of requests in flight; 1 sends one after the other.

        Yields:
            The new objects of a batch, in order of the items.

        Raises:
            BulkError: As for `bulk_create()`, but `err.created` and `err.positions` have only
                objects that were not yielded.
            UsageError: An item is invalid; nothing was created.
            FieldValueError: An item has a value that JSON can't hold; nothing was created.

        Example:
            >>> unit = project.tasks[0].data_unit
            >>> rows = ({"data_unit": unit} for _ in range(5))
            >>> [len(batch) for batch in project.tasks.create_batches(rows, batch_size=2)]
            [2, 2, 1]
        """
        return self._create_each(items, batch_size, workers, keeps=False)

    def _create_each(
        self, items: Iterable[Values] | ArrowStream, batch_size: int, workers: int, *, keeps: bool
    ) -> Iterator[list[T]]:
        if batch_size < 1:
            raise InvalidQuery(f"batch_size is {batch_size}: give a whole number from 1.")
        validate_int("workers", workers)
        if hasattr(items, "__arrow_c_stream__") and not isinstance(items, FrameSource):
            items = self._read_frame(items)
        bodies = self._build_bodies(cast("Iterable[Values]", items))
        creation = load("synapse.orm.bulk_creation").BulkCreation(
            self._session,
            self._resource,
            _check_all(bodies) if isinstance(items, (list, tuple)) else bodies,
            batch_size=batch_size,
            workers=workers,
            keeps=keeps,
        )
        batches: Iterator[list[T]] = creation.run()
        return batches

    def _read_frame(self, frame: Any) -> Iterator[Values]:
        """Yield the rows of a frame; if it can be read twice, check all of them before."""
        reader = load("synapse.orm.frame_reader").FrameReader(self._resource, frame)
        reader.refuse_read_only()
        if reader.is_repeatable:
            for _ in self._build_bodies(reader.values()):
                pass  # only the checks: holding the bodies would fill the memory
            self._warn_of_nulls(reader.nulls)
        yield from reader.values()
        if not reader.is_repeatable:
            self._warn_of_nulls(reader.nulls)

    def _warn_of_nulls(self, nulls: Mapping[str, int]) -> None:
        if nulls:
            counts = ", ".join(f"{name} ({number:,})" for name, number in nulls.items())
            plural = self._resource.__schema__.plural
            log_events.NULLS_SENT.log(
                "New %s have missing values, sent as null: %s",
                plural,
                counts,
                resource=plural,
                counts=dict(nulls),
            )

    def _build_bodies(self, items: Iterable[Values]) -> Iterator[dict[str, Any]]:
        """Yield the checked bodies."""
        for position, values in enumerate(items):
            try:
                if not isinstance(values, Mapping):
                    raise InvalidQuery(
                        f"{values!r} is not a mapping. Pass fields with their values."
                    )
                body = self._body(values)
            except (UsageError, FieldValueError) as error:
                invalid = load("synapse.orm.bulk_creation").InvalidItem
                raise invalid(position, error) from None
            yield body


def _check_all(bodies: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Read all bodies before the first is sent."""
    yield from list(bodies)


class Updates(Query[E]):
    """Adds `update()`, `save_all()` and `update_from()`."""

    __slots__ = ()

    def update(self, **values: Any) -> int:
        """Set fields of every object of the query. One request per page, and one per object.

        The server has no endpoint for this, so several requests are in flight where waiting takes
        most of the time, and the update isn't atomic: on an error, some objects are changed. The
        same call changes the others.

        Args:
            **values: Fields. A relation takes an object or an id.

        Returns:
            The number of objects in the query. Objects that have the values already cost no
            request.

        Raises:
            InvalidQuery: The query is a whole manager (write `.all().update(...)` to mean that),
                a field doesn't exist, or only the server sets the field.
            ClientError: The server refused a change, or the response was lost.
        """
        schema = self._resource.__schema__
        known = lookups.settable_fields(schema)
        for name in values:
            if name not in known:
                raise InvalidQuery(
                    f"{schema.name} has no field {name!r} to set{suggestion(name, known)}"
                )

        def change(one: E) -> None:
            # A copy for each object: an edit of a shared list would change all objects.
            with one._tentatively(deepcopy(values)):
                one.save()

        return _send_each(self, change, _targets(self, "update"), "changed")

    def save_all(self, objects: Iterable[E], *, workers: int = CHANGES_IN_FLIGHT) -> int:
        """Save the changes of many objects. One request for each changed object.

        As `save()` for each, but several requests are in flight where waiting takes most of the
        time. An iterator is read only as far ahead as requests are in flight.

        Args:
            objects: The objects, such as those of a loop that changes them.
            workers: Largest number of requests in flight; 1 sends one after the other.

        Returns:
            The number of objects.

        Raises:
            ClientError: The server refused a change, or the response was lost. Objects that were
                not saved keep their changes (`is_changed`); the same call saves them.
            UsageError: An object is of another class, server or tenant.

        Example:
            >>> for task in (tasks := list(project.tasks)):
            ...     task.meta = {"checked": True}
            >>> project.tasks.save_all(tasks)
            2
        """
        validate_int("workers", workers)
        return _send_each(self, _save, map(self._check_target, objects), "saved", workers)

    def _check_target(self, one: E) -> E:
        is_own = isinstance(one, self._resource.__schema__.resource)
        if not is_own:
            raise UsageError(
                f"{brief(one)} is not a {self._resource.__name__}. Save it by its own manager."
            )
        refuse_foreign(self._session, one)
        return one

    def update_from(
        self,
        frame: ArrowStream,
        on: str = "id",
        *,
        dry_run: bool = False,
        workers: int = CHANGES_IN_FLIGHT,
    ) -> FrameReport:
        """Change the query's objects by a frame of pandas, polars or Arrow.

        One request for each thousand rows, which reads the server's values, and one for each object
        that differs: the server changes one at a time. Equal rows make no request of their own, so
        the same call continues after an outage. Several requests are in flight where waiting takes
        most of the time.

        Args:
            frame: A column for each field: relations as ids, documents also as JSON text. NaN, NaT,
                NA and null stand for `None`.
            on: The column that finds the objects: the id, or a field that the server filters by.
            dry_run: Whether only to compare, and to send no change.
            workers: Largest number of changes in flight.

        Returns:
            A report that lists each row as changed, unchanged, missing, or refused with the reason.
            A row with changes is refused if it differs in a column that only the server sets.

        Raises:
            UsageError: A column is unknown, or none can be changed; nothing was sent.
            MissingExtra: The frame needs pyarrow, which isn't installed.
            AuthenticationError: The server refused the credentials.
            ServerError: The server failed for twenty objects in a row, or can't be reached.

        Example:
            >>> frame = project.tasks.values("id", "priority").to_pandas()
            >>> frame["priority"] = "high"
            >>> print(project.tasks.update_from(frame, dry_run=True))
            would change: 2, unchanged: 0, missing: 0, refused: 0
            changed columns: priority (2)
        """
        validate_int("workers", workers)
        update = load("synapse.orm.frame_updates").update_from
        report: FrameReport = update(self, frame, on, dry_run, workers)
        return report


class Deletes(Query[D]):
    """Adds `delete()`."""

    __slots__ = ()

    def delete(self) -> int:
        """Delete every object of the query. One request per page, and one per object.

        The server has no endpoint for this, so several requests are in flight where waiting takes
        most of the time, and the deletion isn't atomic.

        Returns:
            The number of deleted objects.

        Raises:
            InvalidQuery: The query is a whole manager; write `.all().delete()` to mean that.
        """
        return _send_each(self, _delete, _targets(self, "delete"), "deleted")


def _send_each(
    query: Query[T],
    send: Callable[[T], None],
    targets: Iterable[T],
    done: str,
    workers: int = CHANGES_IN_FLIGHT,
) -> int:
    plural = query._resource.__schema__.plural
    send_each = load("synapse.orm.bulk_changes").send_each
    number: int = send_each(query._session, send, targets, plural, done, workers)
    return number


def _save(one: Editable) -> None:
    one.save()


def _delete(one: Deletable) -> None:
    one.delete()


def _targets(query: Query[T], verb: str) -> list[T]:
    """Read the whole query first: changing rows while paging through them would skip some."""
    if not query._state.is_explicit:
        raise InvalidQuery(
            f"{verb}() on a manager would {verb} every {query._resource.__name__}: write "
            f".all().{verb}(...) if that is meant, or filter first."
        )
    return list(query)
