"""Data units: the files that belong together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from synapse.errors import UsageError
from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import BulkCreates, Deletes, Manager
from synapse.orm.relations import ForeignKeyId, ManagerDescriptor, ToMany, to_one
from synapse.orm.resource import Deletable
from synapse.resources.data_files import DataFile
from synapse.resources.showing import ShowMixin
from synapse.resources.training import TrainingMixin
from synapse.resources.unit_files import UnitFile

if TYPE_CHECKING:
    from synapse.resources._typed import TypedDataUnitManager
    from synapse.resources.data_collections import DataCollection
    from synapse.resources.ground_truths import GroundTruthEventManager
    from synapse.resources.tasks import TaskManager
else:
    TypedDataUnitManager = Manager["DataUnit"]

__all__ = ["DataUnit", "DataUnitManager"]


class DataUnitManager(
    TypedDataUnitManager, BulkCreates["DataUnit"], Deletes["DataUnit"], TrainingMixin["DataUnit"]
):
    """Data units: read, create one or many, delete.

    `groups` in `create()` is the path to the unit's group, such as `["site", "camera"]`. The server
    makes the groups that are missing.

    In `files`, a file is a `DataFile` from an upload, a `UnitFile` of another unit, or
    `{"checksum": ..., "path": ...}`.
    """

    __slots__ = ()

    def _body(
        self, values: Mapping[str, Any], extra: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        files = values.get("files")
        if isinstance(files, Mapping):
            values = {**values, "files": {name: _reference(f) for name, f in files.items()}}
        if "groups" in values:
            values = dict(values)
            extra = {**(extra or {}), "groups": _check_groups(values.pop("groups"))}
        return super()._body(values, extra)


@resource("data_units/", manager=DataUnitManager, summary=["files"])
class DataUnit(Deletable, ShowMixin):
    """One item of a collection: a file for each file specification.

    Attributes:
        id: The unit's id.
        data_collection: The unit's collection.
        data_collection_id: The collection's id, without loading the collection.
        files: Files by the specification's name.
        group: Id of the unit's group in the collection's tree of groups; `groups` in `create()`
            names the path to the group.
        meta: Free JSON data of the user.
        checksum: Checksum of the whole unit, if the server has one.
        can_generate_task: Whether tasks can be created for the unit.
        created: Creation time.
        tasks: Tasks for the unit; on the class, all tasks.
        ground_truth_events: Ground truths of the unit; on the class, all events.
    """

    objects: ClassVar[ManagerDescriptor[DataUnitManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    data_collection: DataCollection = to_one("DataCollection")
    data_collection_id = ForeignKeyId[int]("data_collection")
    files: dict[str, UnitFile] = field(required=True)
    group: int | None = field(read_only=True)
    meta: dict[str, Any] = field()
    checksum: str | None = field(read_only=True)
    can_generate_task: bool = field(read_only=True)
    created: datetime = field(read_only=True)

    tasks: ClassVar[ToMany[TaskManager]] = ToMany("Task", by="data_unit")
    ground_truth_events: ClassVar[ToMany[GroundTruthEventManager]] = ToMany(
        "GroundTruthEvent", by="data_unit"
    )


def _check_groups(names: Any) -> list[str]:
    if isinstance(names, (list, tuple)) and all(isinstance(name, str) and name for name in names):
        return list(names)
    raise UsageError(f"groups is {names!r}. Pass a list of names, from the outermost group on.")


def _reference(file: Any) -> Any:
    """Return how a unit names a file that the server has."""
    if isinstance(file, DataFile):
        name = file.extra.get("filename") or (file.meta or {}).get("filename")
        return {"checksum": file.checksum, **({"path": name} if name else {})}
    if isinstance(file, UnitFile):
        return {"checksum": file.checksum, **({"path": file.path} if file.path else {})}
    if isinstance(file, (str, os.PathLike)):
        raise UsageError(
            f"{os.fspath(file)!r} is a path. Upload the file with session.data_files.upload(), and "
            "pass the result."
        )
    return file
