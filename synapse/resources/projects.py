"""Projects: annotation work over a collection, with rules."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import Creates, Deletes, Manager, Updates
from synapse.orm.relations import ForeignKeyId, ManagerDescriptor, ToMany, to_one
from synapse.orm.resource import Deletable, Editable
from synapse.resources.enums import AccessLevel, Category
from synapse.resources.file_transfers import DownloadTasksMixin

if TYPE_CHECKING:
    from synapse.resources.assignments import AssignmentManager
    from synapse.resources.data_collections import DataCollection
    from synapse.resources.models import ModelManager
    from synapse.resources.task_tags import TaskTagManager
    from synapse.resources.tasks import TaskManager

__all__ = ["Project", "ProjectManager"]


class ProjectManager(
    Manager["Project"], Creates["Project"], Updates["Project"], Deletes["Project"]
):
    """Projects: read, create, update, delete."""

    __slots__ = ()


@resource("projects/", manager=ProjectManager)
class Project(Editable, Deletable, DownloadTasksMixin):
    """An annotation project: tasks over the data of a collection.

    Attributes:
        id: The project's id.
        title: Title; `name` on servers of another age.
        description: Description of the project.
        category: Kind of data.
        configuration: Configuration of the annotation: classes, tools.
        settings: Settings of the project.
        data_collection: The project's data collection.
        data_collection_id: The collection's id, without loading the collection.
        tenant: The owning tenant.
        access_level: Visibility of the project.
        count_max_assignments_per_task: Number of people who may work on one task.
        can_discard: Whether tasks may be discarded.
        is_archived: Whether the project is archived.
        task_count: Number of tasks.
        created: Creation time.
        updated: Time of the last change.
        tasks: The project's tasks; on the class, all tasks.
        task_tags: Tags for the project's tasks; on the class, all tags.
        assignments: Assignments of the project's tasks; on the class, all assignments.
        models: Models trained for the project; on the class, all models.
    """

    objects: ClassVar[ManagerDescriptor[ProjectManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    title: str = field(aliases=("name",))
    description: str = field()
    category: Category | str = field()
    configuration: dict[str, Any] = field()
    settings: dict[str, Any] = field()
    data_collection: DataCollection | None = to_one("DataCollection")
    data_collection_id = ForeignKeyId["int | None"]("data_collection")
    tenant: Any = field(read_only=True)
    access_level: AccessLevel | str = field()
    count_max_assignments_per_task: int = field()
    can_discard: bool = field()
    is_archived: bool = field()
    task_count: int = field(read_only=True, filterable=False)
    created: datetime = field(read_only=True)
    updated: datetime = field(read_only=True)

    tasks: ClassVar[ToMany[TaskManager]] = ToMany("Task", by="project")
    task_tags: ClassVar[ToMany[TaskTagManager]] = ToMany("TaskTag", by="project")
    assignments: ClassVar[ToMany[AssignmentManager]] = ToMany("Assignment", by="project")
    models: ClassVar[ToMany[ModelManager]] = ToMany("Model", by="project")
