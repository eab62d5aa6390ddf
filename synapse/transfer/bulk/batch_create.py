"""Create units and tasks in batches, exactly once despite lost responses.

If the response to a POST is lost, the server may have created all of the batch or none. The batch
is set aside, and later the server is queried. An item that is still missing 2 x read timeout after
the POST is sent again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from typing_extensions import override

from synapse.errors import (
    BadRequest,
    ClientError,
    ConnectionFailed,
    InvalidResponse,
    NotFound,
    PayloadTooLarge,
    SynapseError,
    ValidationError,
)
from synapse.transfer.bulk.journal import Journal, Kind
from synapse.transfer.bulk.pipeline import Pipeline
from synapse.transfer.bulk.upload_item import ExistingUnit, PendingCreate, UploadItem
from synapse.transport import Transport
from synapse.transport.list_errors import reasons_by_position
from synapse.transport.paging import get_page, walk

__all__ = [
    "BatchCreator",
    "TaskCreator",
    "UnitCreator",
    "fetch_existing",
    "fetch_ids",
    "fetch_newer",
    "fetch_newest",
]

Pending = tuple[UploadItem, PendingCreate]
Row = Mapping[str, Any]

# Batches of unknown outcome that are set aside before the server is queried.
_MAX_PENDING_BATCHES = 5
# Lost responses about one item in one run.
_MAX_LOST = 3
_QUERY_INTERVAL = 0.5
_IDS_PER_REQUEST = 100
_PAGE_SIZE = 1000


class BatchCreator:
    """Create one resource for each item. Subclasses define the resource.

    Args:
        transport: The transport.
        pipeline: The pipeline, which may stop.
        journal: The journal.
        batch_size: Items per request.
        on_failed: Called with an item whose creation failed, and the reason.
        path: Path of the endpoint.
        on_created: Called with the items whose resources exist.
    """

    kind: Kind
    plural = "resources"

    def __init__(
        self,
        transport: Transport,
        pipeline: Pipeline,
        journal: Journal,
        batch_size: int,
        on_failed: Callable[[UploadItem, SynapseError], None],
        *,
        path: str,
        on_created: Callable[[list[UploadItem]], None],
    ) -> None:
        self.transport = transport
        self.path = path
        self.journal = journal
        self._batch_size = batch_size
        self._pipeline = pipeline
        self._on_created = on_created
        self._on_failed = on_failed
        self._pending: list[Pending] = []

    def create(self, items: list[UploadItem]) -> None:
        """Create the resources of a batch. One request, or more if some are refused."""
        new: list[UploadItem] = []
        # Items arrive in the order of completion; ids in the order of the source are easier to use.
        for item in sorted(items, key=lambda item: item.number):
            pending = getattr(item, f"pending_{self.kind}")
            setattr(item, f"pending_{self.kind}", None)
            if pending is None:
                new.append(item)
            else:
                self._pending.append((item, pending))
        if len(self._pending) >= _MAX_PENDING_BATCHES * self._batch_size:
            self.resolve_pending()
        if new:
            self._post(new)

    def resolve_pending(self) -> None:
        """Query the server about pending items, and create the missing ones."""
        longest = 2 * self.transport.settings.timeout.read
        while self._pending:
            pending, self._pending = self._pending, []
            # Before the query: an item that is missing there may be created afterwards.
            now = time.time()
            rows = self._look_up(pending)
            created = [item for item, _ in pending if id(item) in rows]
            for item in created:
                setattr(item, self.kind, _read_id(rows[id(item)], self.plural))
            for item, request in pending:
                if id(item) in rows and not request.at:
                    item.has_earlier_task = True
            if created:
                self.handle_created(created)
            missing: list[UploadItem] = []
            for item, request in pending:
                if id(item) in rows:
                    continue
                if 0 <= now - request.at < longest:
                    self._pending.append((item, request))
                else:
                    missing.append(item)
            for start in range(0, len(missing), self._batch_size):
                self._post(missing[start : start + self._batch_size])
            if self._pending:
                self._pipeline.wait(min(_QUERY_INTERVAL, longest))

    # -- Defined by a subclass ---------------------------------------------------------------

    def body(self, item: UploadItem) -> dict[str, Any]:
        """Return the item's part of the request body."""
        raise NotImplementedError

    def find_newest(self) -> int:
        """Return the highest id before a request, for `look_up`."""
        return 0

    def look_up(self, pending: Sequence[Pending]) -> dict[int, Row]:
        """Return the server's rows of created items, by `id(item)`."""
        raise NotImplementedError

    def handle_created(self, items: list[UploadItem]) -> None:
        """Write the new ids to the journal, and pass the items on."""
        self.journal.create(self.kind, items)
        self._on_created(items)

    def drop_existing(self, items: list[UploadItem]) -> list[UploadItem]:
        """Return the items to create, without those that another program created meanwhile."""
        return items

    # -- Requests ----------------------------------------------------------------------------

    def _look_up(self, pending: list[Pending]) -> dict[int, Row]:
        try:
            return self.look_up(pending)
        except (BadRequest, NotFound) as error:
            for item, _ in pending:
                self._on_failed(item, error)
            pending.clear()
            return {}

    def _post(self, items: list[UploadItem]) -> None:
        self._pipeline.check()
        if not (items := self.drop_existing(items)):
            return
        request = self.journal.request(self.kind, items, self.find_newest())
        label = f"{len(items)} new {self.plural}"
        try:
            rows = self.transport.request(
                "POST", self.path, json=[*map(self.body, items)], resource=label
            )
            if not isinstance(rows, list) or len(rows) != len(items):
                raise InvalidResponse(
                    200,
                    f"the response is not a list of {len(items)} {self.plural}",
                    response=rows,
                    resource=label,
                )
        except ClientError as error:
            self._handle_failure(items, request, error)
            return
        for item, row in zip(items, rows, strict=True):
            setattr(item, self.kind, _read_id(row, self.plural))
        self.handle_created(items)

    def _handle_failure(
        self, items: list[UploadItem], request: PendingCreate, error: ClientError
    ) -> None:
        """Set a failed batch aside, divide the batch, or give up."""
        if isinstance(error, ConnectionFailed) and not error.was_sent:
            self._give_up(items, error)
        # A 503 with Retry-After promises that nothing was processed; a proxy may be wrong, and the
        # query costs little.
        elif error.may_have_been_processed or error.status_code == 503:
            if all(item.lost < _MAX_LOST for item in items):
                for item in items:
                    item.lost += 1
                self._pending += [(item, request) for item in items]
            else:
                self._give_up(items, error, is_refused=False)
        elif isinstance(error, (BadRequest, PayloadTooLarge)):
            self._divide(items, error)
        else:
            self._give_up(items, error)

    def _divide(self, items: list[UploadItem], error: ClientError) -> None:
        """Create the accepted items of a refused batch."""
        self.journal.refuse(self.kind, items)
        reasons = {
            position: reason
            for position, reason in reasons_by_position(error.response).items()
            if position < len(items)
        }
        if reasons:
            for position in sorted(reasons):
                reason = _item_error(error, reasons[position], self.plural)
                self._on_failed(items[position], reason)
            accepted = [item for position, item in enumerate(items) if position not in reasons]
            if accepted:
                self._post(accepted)
        elif len(items) > 1:
            middle = len(items) // 2
            self._post(items[:middle])
            self._post(items[middle:])
        else:
            self._on_failed(items[0], error)

    def _give_up(
        self, items: list[UploadItem], error: ClientError, *, is_refused: bool = True
    ) -> None:
        if is_refused:
            self.journal.refuse(self.kind, items)
        for item in items:
            self._on_failed(item, error)


class UnitCreator(BatchCreator):
    """Create data units.

    A lost unit is found among the collection's units with a higher id than the newest one before
    the request, by checksums and names of the files, and `meta`.
    """

    kind: Kind = "unit"
    plural = "data units"

    def __init__(
        self,
        *args: Any,
        collection: Any,
        newest: int,
        drop_existing: Callable[[list[UploadItem]], list[UploadItem]],
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self._collection = collection
        self._newest = newest
        self._drop_existing = drop_existing

    @override
    def body(self, item: UploadItem) -> dict[str, Any]:
        return item.body(self._collection)

    @override
    def drop_existing(self, items: list[UploadItem]) -> list[UploadItem]:
        return self._drop_existing(items)

    @override
    def find_newest(self) -> int:
        return self._newest

    @override
    def handle_created(self, items: list[UploadItem]) -> None:
        self._newest = max([self._newest, *(item.unit or 0 for item in items)])
        super().handle_created(items)

    @override
    def look_up(self, pending: Sequence[Pending]) -> dict[int, Row]:
        by_checksums: dict[tuple[tuple[str, str], ...], list[Pending]] = {}
        for item, request in pending:
            by_checksums.setdefault(_sort(item.checksums), []).append((item, request))
        md5s = {file.sha1: file.checksum for item, _ in pending for file in item.files}
        unmatched: list[Row] = []
        rows: dict[int, Row] = {}

        def match(row: Row, *, by_name: bool) -> bool:
            files = row.get("files")
            stored = {
                name: str(file.get("checksum")).lower()
                for name, file in (files if isinstance(files, Mapping) else {}).items()
                if isinstance(file, Mapping)
            }
            checksums = {name: md5s.get(value, value) for name, value in stored.items()}
            candidates = by_checksums.get(_sort(checksums), [])
            for position, (item, request) in enumerate(candidates):
                if row["id"] > request.newest and item.matches(row, by_name=by_name):
                    rows[id(item)] = row
                    del candidates[position]
                    return True
            return False

        oldest = min(request.newest for _, request in pending)
        for row in fetch_newer(self.transport, self.path, self._collection, oldest):
            if not self.journal.has_unit(row["id"]) and not match(row, by_name=True):
                unmatched.append(row)
                del unmatched[: -len(pending)]
        for row in unmatched:  # a server may have changed the names
            match(row, by_name=False)
        return rows


class TaskCreator(BatchCreator):
    """Create tasks. A lost task is found by project and data unit."""

    kind: Kind = "task"
    plural = "tasks"

    def __init__(self, *args: Any, list_path: str, project: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._list_path = list_path
        self._project = project

    @override
    def body(self, item: UploadItem) -> dict[str, Any]:
        return {**item.task_values, "project": self._project, "data_unit": item.unit}

    @override
    def look_up(self, pending: Sequence[Pending]) -> dict[int, Row]:
        by_unit = {item.unit: item for item, _ in pending}
        rows: dict[int, Row] = {}
        units = list(by_unit)
        for start in range(0, len(units), _IDS_PER_REQUEST):
            params = [
                ("project", self._project),
                *(("data_unit", unit) for unit in units[start : start + _IDS_PER_REQUEST]),
                ("ordering", "id"),
                ("fields", "id,data_unit"),
                ("page_size", _PAGE_SIZE),
            ]
            for page in walk(self.transport, self._list_path, params, resource="tasks"):
                for row in page.rows:
                    if (item := by_unit.get(row.get("data_unit"))) is not None:
                        rows[id(item)] = row
        return rows


def fetch_newest(transport: Transport, path: str, scope: tuple[str, Any]) -> tuple[int, int]:
    """Return the highest id and the length of a list. One request."""
    params = [scope, ("ordering", "-id"), ("fields", "id"), ("page_size", 1)]
    page = get_page(transport, path, params, resource=path.strip("/"))
    return max([0, *(_read_id(row, path) for row in page.rows)]), page.count


def fetch_newer(transport: Transport, path: str, collection: Any, oldest: int) -> Iterator[Row]:
    """Yield a collection's units with higher ids, newest first. One request for each 500."""
    params = [
        ("data_collection", collection),
        ("ordering", "-id"),
        ("fields", "id,files,meta"),
        ("page_size", 500),
    ]
    pages = walk(transport, path, params, resource="data units")
    try:
        for page in pages:
            ids = [row["id"] for row in page.rows]
            yield from (row for row in page.rows if row["id"] > oldest)
            # A server that doesn't support the ordering begins with the oldest.
            if ids and ids[-1] <= oldest and ids == sorted(ids, reverse=True):
                return
    finally:
        pages.close()


def fetch_existing(
    transport: Transport, path: str, collection: Any, oldest: int
) -> Iterator[ExistingUnit]:
    """Yield a collection's units with higher ids, as `fetch_newer`."""
    for row in fetch_newer(transport, path, collection, oldest):
        yield ExistingUnit.from_row(_read_id(row, path), row)


def fetch_ids(transport: Transport, path: str, scope: tuple[str, Any]) -> Iterator[int]:
    """Yield the ids of a list. One request for each thousand."""
    # Without an ordering, a server may repeat rows on several pages and miss others.
    params = [scope, ("ordering", "id"), ("fields", "id"), ("page_size", _PAGE_SIZE)]
    for page in walk(transport, path, params, resource=path.strip("/")):
        yield from (_read_id(row, path) for row in page.rows)


def _read_id(row: Any, resource: str) -> int:
    if isinstance(row, Mapping) and isinstance(row.get("id"), int):
        return int(row["id"])
    raise InvalidResponse(200, "the response has no id", response=row, resource=resource)


def _sort(checksums: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(checksums.items()))


def _item_error(error: ClientError, reason: Any, plural: str) -> ValidationError:
    """Build the error for one item of a refused list."""
    fields = reason if isinstance(reason, Mapping) else {"non_field_errors": reason}
    parts = []
    for name, texts in fields.items():
        lines = texts if isinstance(texts, list) else [texts]
        parts.append(f"{name}: {' '.join(map(str, lines))}")
    return ValidationError(
        error.status_code,
        "; ".join(parts),
        fields=dict(fields),
        request_id=error.request_id,
        method=error.method,
        url=error.url,
        response=reason,
        resource=f"one of the new {plural}",
    )
