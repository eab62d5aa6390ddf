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
from synapse.orm.resource import Deletable, Editable
from synapse.resources.enums import Category, FileType, FunctionType
from synapse.resources.file_transfers import DownloadUnitsMixin, UploadUnitsMixin

if TYPE_CHECKING:
    from synapse.resources._typed import TypedDataCollectionManager
    from synapse.resources.data_units import DataUnitManager
    from synapse.resources.projects import ProjectManager
else:
    TypedDataCollectionManager = Manager["DataCollection"]

__all__ = ["DataCollection", "DataCollectionManager", "FileSpecification"]


@attrs.frozen(kw_only=True, repr=False)
class FileSpecification(ValueObject):
    """The specification of one file in a collection's data units.

    Attributes:
        name: Name of the file within a unit.
        file_type: Type of the content.
        function_type: Function of the file.
        is_required: Whether each unit must have the file.
        is_primary: Whether editors show this file.
        index: Position among the specifications.
        id: The specification's id on the server.
    """

    name: str
    file_type: FileType | str = FileType.IMAGE
    function_type: FunctionType | str = FunctionType.MAIN
    is_required: bool = True
    is_primary: bool = False
    index: int | None = None
    id: int | None = None


class DataCollectionManager(
    TypedDataCollectionManager,
    Creates["DataCollection"],
    Updates["DataCollection"],
    Deletes["DataCollection"],
):
    """Data collections: read, create, update, delete."""

    __slots__ = ()


@resource("data_collections/", manager=DataCollectionManager, expandable=["file_specifications"])
class DataCollection(Editable, Deletable, UploadUnitsMixin, DownloadUnitsMixin):
    """A collection of data units of one kind.

    Attributes:
        id: The collection's id.
        name: Display name.
        description: Description of the content.
        category: Kind of data.
        project: Project of the collection, if any.
        file_specifications: Files of each unit.
        meta: Free JSON data of the user.
        is_archived: Whether the collection is archived.
        created: Creation time.
        data_units: The collection's units; on the class, all units.
        projects: The collection's projects; on the class, all projects.
    """

    objects: ClassVar[ManagerDescriptor[DataCollectionManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    name: str = field(required=True)
    description: str = field()
    category: Category | str = field(required=True)
    project: Any = field(read_only=True)
    file_specifications: list[FileSpecification] = field()
    meta: dict[str, Any] = field()
    is_archived: bool = field()
    created: datetime = field(read_only=True)

    data_units: ClassVar[ToMany[DataUnitManager]] = ToMany("DataUnit", by="data_collection")
    projects: ClassVar[ToMany[ProjectManager]] = ToMany("Project", by="data_collection")
