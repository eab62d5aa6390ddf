"""Data collections: data units whose files follow one specification."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from synapse.orm.convert import ValueObject
from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import Creates, Deletes, Manager, Updates
from synapse.orm.relations import ManagerDescriptor, ToMany
from synapse.orm.verbs import Deletable, Editable
from synapse.resources.bulk import DownloadsUnits, UploadsUnits
from synapse.resources.enums import Category, FileType, FunctionType

if TYPE_CHECKING:
    from synapse.resources.data_units import DataUnitManager
    from synapse.resources.projects import ProjectManager

__all__ = ["DataCollection", "DataCollectionManager", "FileSpecification"]


@attrs.frozen(kw_only=True)
class FileSpecification(ValueObject):
    """What a file of a collection's data units is.

    Attributes:
        name: The name by which a unit's files are told apart.
        file_type: What it holds.
        function_type: What it is for.
        is_required: Whether each unit must have it.
        is_primary: Whether it is the one that is shown.
        index: Its place among the specifications.
        id: The server's id of it.
    """

    name: str
    file_type: FileType | str = FileType.IMAGE
    function_type: FunctionType | str = FunctionType.MAIN
    is_required: bool = True
    is_primary: bool = False
    index: int | None = None
    id: int | None = None


class DataCollectionManager(
    Manager["DataCollection"],
    Creates["DataCollection"],
    Updates["DataCollection"],
    Deletes["DataCollection"],
):
    """Data collections: read, create, update, delete."""

    __slots__ = ()


@resource("data_collections/", manager=DataCollectionManager, expandable=["file_specifications"])
class DataCollection(Editable, Deletable, UploadsUnits, DownloadsUnits):
    """A collection of data units of one kind.

    Attributes:
        id: The collection's id.
        name: Its name.
        description: What is in it.
        category: The kind of data.
        project: The project that it was made for, if any.
        file_specifications: What files a unit has.
        meta: What you keep with it.
        is_archived: Whether it is put away.
        created: When it was made.
        data_units: Its units; on the class, all units.
        projects: The projects over it; on the class, all projects.
    """

    objects: ClassVar[ManagerDescriptor[DataCollectionManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    name: str = field()
    description: str = field()
    category: Category | str = field()
    project: Any = field(read_only=True)
    file_specifications: list[FileSpecification] = field()
    meta: dict[str, Any] = field()
    is_archived: bool = field()
    created: datetime = field(read_only=True)

    data_units: ClassVar[ToMany[DataUnitManager]] = ToMany("DataUnit", by="data_collection")
    projects: ClassVar[ToMany[ProjectManager]] = ToMany("Project", by="data_collection")
