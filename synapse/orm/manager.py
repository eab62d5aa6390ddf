"""Managers: queries that also write, as far as the endpoint can.

A class's manager combines these bases: `Manager` reads, and each other base adds one verb. A verb
that the endpoint lacks is then missing for type checkers, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

from synapse._internal import log_events
from synapse._internal.hints import suggestion
from synapse._internal.json_values import to_json
from synapse._internal.lazy_import import load
from synapse._internal.validate import validate_int
from synapse.errors import (
    BulkError,
    ClientError,
    FieldValueError,
    InvalidQuery,
    InvalidResponse,
    SynapseError,
    UsageError,
)
from synapse.orm import lookups
from synapse.orm.base_manager import BaseManager
from synapse.orm.foreign_objects import describe_foreign, is_foreign, refuse_foreign
from synapse.orm.frame_source import FrameSource
from synapse.orm.query import Query
from synapse.orm.resource import Deletable, Editable, Resource
from synapse.transport.list_errors import reasons_by_position

if TYPE_CHECKING:
    from synapse.orm._typing import ArrowStream
    from synapse.orm.frame_updates import FrameReport

__all__ = ["BulkCreates", "Creates", "Deletes", "Manager", "Updates"]

T = TypeVar("T", bound=Resource)
E = TypeVar("E", bound=Editable)
D = TypeVar("D", bound=Deletable)

Values = Mapping[str, Any]

_WORKERS = 8


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
    """Adds `bulk_create()`, for endpoints that take a list."""

    __slots__ = ()

    def bulk_create(
        self, items: Iterable[Values] | ArrowStream, *, batch_size: int = 500
    ) -> list[T]:
        """Create many objects. One request for each batch.

        Args:
            items: Fields of each object, as in `create()`, or a frame of pandas, polars or Arrow
                with a column for each field. The items of a list and the rows of a frame are all
                checked before the first request; a generator or a stream is read and checked batch
                by batch. Missing values of a frame (NaN, NaT, NA, null) are sent as `None`, and a
                warning in the log counts them by column.
            batch_size: Objects per request.

        Returns:
            The new objects, in order.

        Raises:
            BulkError: The server refused a whole batch, or an item of a later batch is invalid.
                `err.errors` has the reasons by position, `err.created` the objects of earlier
                batches. After Ctrl-C, such an error is the `__cause__` of `KeyboardInterrupt`.
            UsageError: An item is invalid; nothing was created. The message begins with its
                position. Or a frame has a column that is unknown, or that only the server sets.
            FieldValueError: An item has a value that JSON can't hold; nothing was created.

        Example:
            >>> unit = project.tasks[0].data_unit
            >>> len(project.tasks.bulk_create({"data_unit": unit} for _ in range(3)))
            3
        """
        if batch_size < 1:
            raise InvalidQuery(f"batch_size is {batch_size}: give a whole number from 1.")
        plural = self._resource.__schema__.plural
        created: list[T] = []
        in_flight = 0
        if hasattr(items, "__arrow_c_stream__") and not isinstance(items, FrameSource):
            items = self._read_frame(items)
        bodies = self._build_bodies(cast("Iterable[Values]", items), created)
        try:
            if isinstance(items, (list, tuple)):
                bodies = iter(list(bodies))
            while batch := list(islice(bodies, batch_size)):
                in_flight = len(batch)
                created += self._create_batch(batch, created)
                in_flight = 0
        except BulkError:
            raise
        except BaseException as error:
            if isinstance(error, SynapseError):
                in_flight = 0  # raised before sending; responses raise a BulkError
            if not created and not in_flight:
                raise
            stopped = _describe_stop(error, created, plural, in_flight)
            if isinstance(error, Exception):
                raise stopped from error
            if isinstance(error, KeyboardInterrupt) and not error.args:
                error.args = (f"{stopped} This error's __cause__ is a BulkError.",)
            raise error from stopped
        return created

    def _read_frame(self, frame: Any) -> Iterator[Values]:
        """Check all rows of a frame that can be read twice; return an iterator of the rows."""
        reader = load("synapse.orm.frame_reader").FrameReader(self._resource, frame)
        reader.refuse_read_only()
        if reader.is_repeatable:
            for _ in self._build_bodies(reader.values(), []):
                pass  # only the checks: holding the bodies would fill the memory
            self._warn_of_nulls(reader.nulls)

        def rows() -> Iterator[Values]:
            yield from reader.values()
            if not reader.is_repeatable:
                self._warn_of_nulls(reader.nulls)

        return rows()

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

    def _build_bodies(self, items: Iterable[Values], created: list[T]) -> Iterator[dict[str, Any]]:
        """Yield the checked bodies; an error names the item's position."""
        for position, values in enumerate(items):
            try:
                if not isinstance(values, Mapping):
                    raise InvalidQuery(
                        f"{values!r} is not a mapping. Pass fields with their values."
                    )
                body = self._body(values)
            except (UsageError, FieldValueError) as error:
                message = f"item {position}: {error}"
                if created:
                    raise BulkError(
                        f"{message} {len(created)} were made before it; err.created has them.",
                        created=created,
                        errors={position: str(error)},
                    ) from error
                kinds = (InvalidQuery, UsageError, FieldValueError)
                raise next(kind for kind in kinds if isinstance(error, kind))(message) from None
            yield body

    def _create_batch(self, bodies: list[dict[str, Any]], created: list[T]) -> list[T]:
        schema = self._resource.__schema__
        what = f"{len(bodies)} new {schema.plural}"
        try:
            rows = self._session.transport.request("POST", schema.path, json=bodies, resource=what)
            if not isinstance(rows, list) or len(rows) != len(bodies):
                raise InvalidResponse(
                    200, "the answer is not a list of what was made", response=rows, resource=what
                )
            return self._session.identity.load(self._resource, rows)
        except ClientError as error:
            raise _bulk_error(error, created, schema.plural, len(bodies)) from error


class Updates(Query[E]):
    """Adds `update()`."""

    __slots__ = ()

    def update(self, **values: Any) -> int:
        """Set fields of every object of the query. One request per page, and one per object.

        The server has no endpoint for this, so the update isn't atomic: on an error, the objects
        before the failing one are changed.

        Args:
            **values: Fields. A relation takes an object or an id.

        Returns:
            The number of objects in the query. Objects that have the values already cost no
            request.

        Raises:
            InvalidQuery: The query is a whole manager (write `.all().update(...)` to mean that),
                a field doesn't exist, or only the server sets the field.
        """
        schema = self._resource.__schema__
        known = lookups.settable_fields(schema)
        for name in values:
            if name not in known:
                raise InvalidQuery(
                    f"{schema.name} has no field {name!r} to set{suggestion(name, known)}"
                )
        targets = _targets(self, "update")
        for one in targets:
            # A copy for each object: an edit of a shared list would change all objects.
            with one._tentatively(deepcopy(values)):
                one.save()
        return len(targets)

    def update_from(
        self,
        frame: ArrowStream,
        on: str = "id",
        *,
        dry_run: bool = False,
        workers: int = _WORKERS,
    ) -> FrameReport:
        """Change the query's objects by a frame of pandas, polars or Arrow.

        One request for each thousand rows, which reads the server's values, and one for each object
        that differs: the server changes one at a time. Equal rows make no request of their own, so
        the same call continues after an outage.

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
            ServerError: The server fails for every object of a batch, or can't be reached.

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

        The server has no endpoint for this, so the deletion isn't atomic.

        Returns:
            The number of deleted objects.

        Raises:
            InvalidQuery: The query is a whole manager; write `.all().delete()` to mean that.
        """
        targets = _targets(self, "delete")
        for one in targets:
            one.delete()
        return len(targets)


def _targets(query: Query[T], verb: str) -> list[T]:
    """Read the whole query first: changing rows while paging through them would skip some."""
    if not query._state.is_explicit:
        raise InvalidQuery(
            f"{verb}() on a manager would {verb} every {query._resource.__name__}: write "
            f".all().{verb}(...) if that is meant, or filter first."
        )
    return list(query)


def _describe_stop(
    error: BaseException, created: list[Any], plural: str, in_flight: int
) -> BulkError:
    """Return the error that says how far a stopped creation got."""
    first = len(created)
    after = f"after {first} {plural} were made; err.created has them"
    if in_flight:
        after += f". The batch from {first} to {first + in_flight - 1} may have been made or not"
    else:
        after += f". Item {first} and later ones were not sent"
    why = f" ({type(error).__name__}: {error})" if isinstance(error, Exception) else ""
    return BulkError(f"bulk_create() stopped{why} {after}.", created=created)


def _bulk_error(
    error: ClientError, created: list[Any], plural: str, batch_length: int
) -> BulkError:
    first = len(created)
    what = f"The batch of {plural} from {first} to {first + batch_length - 1}"
    # A missing or malformed response doesn't tell whether the batch was created.
    is_refused = error.status_code < 500 and error.status_code not in (200, 201, 408)
    reasons = reasons_by_position(error.response) if is_refused else {}
    errors = {first + position: reason for position, reason in reasons.items()}
    which = f"{len(errors)} of them" if errors else "them"
    why = f"the server refused {which} ({error.detail})" if is_refused else str(error).rstrip(".")
    return BulkError(
        f"{what} {'was not made' if is_refused else 'may have been made or not'}: {why}. "
        f"{first} were made before it; err.created has them, err.errors the reasons by position.",
        created=created,
        errors=errors,
        cause=error,
    )
