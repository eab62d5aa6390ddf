"""Task tags: labels by which people find tasks again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import Creates, Deletes, Manager, Updates
from synapse.orm.relations import ForeignKeyId, ManagerDescriptor, ToMany, to_one
from synapse.orm.resource import Deletable, Editable

if TYPE_CHECKING:
    from synapse.resources._typed import TypedTaskTagManager
    from synapse.resources.assignments import AssignmentManager
    from synapse.resources.projects import Project
    from synapse.resources.tasks import TaskManager
else:
    TypedTaskTagManager = Manager["TaskTag"]

__all__ = ["TaskTag", "TaskTagManager"]


class TaskTagManager(
    TypedTaskTagManager, Creates["TaskTag"], Updates["TaskTag"], Deletes["TaskTag"]
):
    """Tags: read, create, update, delete."""

    __slots__ = ()


@resource("task_tags/", manager=TaskTagManager)
class TaskTag(Editable, Deletable):
    """A tag for the tasks and assignments of a project.

    Attributes:
        id: The tag's id.
        project: The tag's project.
        project_id: The project's id, without loading the project.
        name: Text of the tag.
        description: Meaning of the tag.
        color: Colour, as `#rrggbb`.
        category: Kind of tag, in the platform's words.
        meta: Free JSON data of the user.
        tasks: Tasks with this tag; on the class, all tasks.
        assignments: Assignments with this tag; on the class, all assignments.
    """

    objects: ClassVar[ManagerDescriptor[TaskTagManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    project: Project | None = to_one("Project")
    project_id = ForeignKeyId["int | None"]("project")
    name: str = field(required=True)
    description: str = field()
    color: str | None = field()
    category: str | None = field()
    meta: dict[str, Any] = field()

    tasks: ClassVar[ToMany[TaskManager]] = ToMany("Task", by="tags")
    assignments: ClassVar[ToMany[AssignmentManager]] = ToMany("Assignment", by="tags")
