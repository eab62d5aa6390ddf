"""Create data units, and tasks for them, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from typing_extensions import override

from synapse.errors import InvalidResponse
from synapse.transfer.bulk.journal import Journal
from synapse.transfer.bulk.making import BatchCreator
from synapse.transfer.bulk.upload_item import PendingCreate, UploadItem
from synapse.transport import Transport
from synapse.transport.paging import get_page, walk

__all__ = ["TaskCreator", "UnitCreator", "ids_of", "newest"]

_IDS_PER_REQUEST = 100
_PAGE = 1000


class UnitCreator(BatchCreator):
    """Makes data units.

    Lost ones are found among the collection's units that are newer than the newest one before, by
    their files' checksums and names, and by `meta`.
    """

    what = "data units"

    def __init__(
        self,
        *args: Any,
        path: str,
        collection: Any,
        journal: Journal,
        newest: int | None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.path = path
        self._collection = collection
        self._journal = journal
        self._newest = newest

    @override
    def asked(self, record: UploadItem) -> PendingCreate | None:
        asked, record.unit_asked = record.unit_asked, None
        return asked

    @override
    def body(self, record: UploadItem) -> dict[str, Any]:
        return record.body(self._collection)

    @override
    def note_asked(self, records: Sequence[UploadItem]) -> PendingCreate:
        if self._newest is None:
            scope = ("data_collection", self._collection)
            self._newest = newest(self.transport, self.path, scope)[0]
        return self._journal.asking_units(records, self._newest)

    @override
    def note_made(self, records: Sequence[UploadItem]) -> None:
        self._journal.made_units(records)
        self._newest = max([self._newest or 0, *(record.unit or 0 for record in records)])

    @override
    def note_refused(self, records: Sequence[UploadItem]) -> None:
        self._journal.no_units(records)

    @override
    def take(self, record: UploadItem, row: Mapping[str, Any]) -> None:
        record.unit = _id_of(row, self.what)

    @override
    def look_up(
        self, unknown: Sequence[tuple[UploadItem, PendingCreate]]
    ) -> dict[int, Mapping[str, Any]]:
        oldest = min(asked.newest for _, asked in unknown)
        waiting: dict[tuple[tuple[str, str], ...], list[tuple[UploadItem, PendingCreate]]] = {}
        for record, asked in unknown:
            waiting.setdefault(_checksums(record.checksums), []).append((record, asked))
        loose: list[Mapping[str, Any]] = []
        found: dict[int, Mapping[str, Any]] = {}

        def match(row: Mapping[str, Any], *, by_name: bool) -> bool:
            files = row.get("files")
            sums = {
                name: str(file.get("checksum")).lower()
                for name, file in (files if isinstance(files, Mapping) else {}).items()
                if isinstance(file, Mapping)
            }
            candidates = waiting.get(_checksums(sums), [])
            for place, (record, asked) in enumerate(candidates):
                if row["id"] > asked.newest and record.is_made_as(row, by_name=by_name):
                    found[id(record)] = row
                    del candidates[place]
                    return True
            return False

        for row in self._newer(oldest):
            if not self._journal.knows_unit(row["id"]) and not match(row, by_name=True):
                loose.append(row)
                del loose[: -len(unknown)]
        for row in loose:  # a server may have changed the names
            match(row, by_name=False)
        return found

    def _newer(self, oldest: int) -> Iterator[Mapping[str, Any]]:
        """Yield the collection's units with ids above one, newest first if the server can."""
        params = [
            ("data_collection", self._collection),
            ("ordering", "-id"),
            ("fields", "id,files,meta"),
            ("page_size", 500),
        ]
        pages = walk(self.transport, self.path, params, resource="data units")
        try:
            for page in pages:
                ids = [row["id"] for row in page.rows]
                yield from (row for row in page.rows if row["id"] > oldest)
                # A server that doesn't know the order begins with the oldest.
                if ids and ids[-1] <= oldest and ids == sorted(ids, reverse=True):
                    return
        finally:
            pages.close()


class TaskCreator(BatchCreator):
    """Makes tasks. Lost ones are found by their project and data unit."""

    what = "tasks"

    def __init__(
        self, *args: Any, path: str, list_path: str, project: Any, journal: Journal, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.path = path
        self._list_path = list_path
        self._project = project
        self._journal = journal

    @override
    def asked(self, record: UploadItem) -> PendingCreate | None:
        asked, record.task_asked = record.task_asked, None
        return asked

    @override
    def body(self, record: UploadItem) -> dict[str, Any]:
        return {"project": self._project, "data_unit": record.unit}

    @override
    def note_asked(self, records: Sequence[UploadItem]) -> PendingCreate:
        return self._journal.asking_tasks(records)

    @override
    def note_made(self, records: Sequence[UploadItem]) -> None:
        self._journal.made_tasks(records)

    @override
    def note_refused(self, records: Sequence[UploadItem]) -> None:
        self._journal.no_tasks(records)

    @override
    def take(self, record: UploadItem, row: Mapping[str, Any]) -> None:
        record.task = _id_of(row, self.what)

    @override
    def look_up(
        self, unknown: Sequence[tuple[UploadItem, PendingCreate]]
    ) -> dict[int, Mapping[str, Any]]:
        by_unit = {record.unit: record for record, _ in unknown}
        found: dict[int, Mapping[str, Any]] = {}
        units = list(by_unit)
        for start in range(0, len(units), _IDS_PER_REQUEST):
            params = [
                ("project", self._project),
                *(("data_unit", unit) for unit in units[start : start + _IDS_PER_REQUEST]),
                ("fields", "id,data_unit"),
                ("page_size", _PAGE),
            ]
            for page in walk(self.transport, self._list_path, params, resource="tasks"):
                for row in page.rows:
                    if (record := by_unit.get(row.get("data_unit"))) is not None:
                        found[id(record)] = row
        return found


def newest(transport: Transport, path: str, scope: tuple[str, Any]) -> tuple[int, int]:
    """Return the highest id of a list, as far as the server orders rows, and the total."""
    params = [scope, ("ordering", "-id"), ("fields", "id"), ("page_size", 1)]
    page = get_page(transport, path, params, resource=path.strip("/"))
    return max([0, *(_id_of(row, path) for row in page.rows)]), page.count


def ids_of(transport: Transport, path: str, scope: tuple[str, Any]) -> Iterator[int]:
    """Yield the ids of a list. One request for each thousand."""
    params = [scope, ("fields", "id"), ("page_size", _PAGE)]
    for page in walk(transport, path, params, resource=path.strip("/")):
        yield from (_id_of(row, path) for row in page.rows)


def _id_of(row: Any, what: str) -> int:
    if isinstance(row, Mapping) and isinstance(row.get("id"), int):
        return int(row["id"])
    raise InvalidResponse(200, "the answer has no id", response=row, resource=what)


def _checksums(sums: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(sums.items()))
