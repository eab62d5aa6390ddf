"""Human in the loop: who works on which task, and how it was reviewed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import Manager, Updates
from synapse.orm.relations import ForeignKeyId, ManagerDescriptor, to_list, to_one
from synapse.orm.verbs import Editable
from synapse.resources.enums import AssignmentStatus
from synapse.resources.tagging import SetsTags, Tagged
from synapse.resources.unit_files import UnitFile

if TYPE_CHECKING:
    from synapse.resources.projects import Project
    from synapse.resources.task_tags import TaskTag
    from synapse.resources.tasks import Task

__all__ = ["Assignment", "AssignmentManager"]


class AssignmentManager(Manager["Assignment"], Updates["Assignment"], SetsTags["Assignment"]):
    """Assignments: read, update, tag. The server makes one when a task gets an assignee."""

    __slots__ = ()


@resource("assignments/", list_path="sdk/assignments/", manager=AssignmentManager)
class Assignment(Editable, Tagged):
    """One person's work on one task.

    Attributes:
        id: The assignment's id.
        project: The project of its task.
        project_id: The id of that, without loading it.
        task: What is worked on.
        task_id: The id of that, without loading it.
        status: How far it is.
        assignee: The id of the user who works on it.
        reviewer: The id of the user who reviews it.
        data: The annotation document.
        files: The data unit's files by name, where the server sends them along.
        tags: Its tags.
        tag_ids: The ids of those, without loading them.
        meta: What you keep with it.
        created: When it was made.
        updated: When it was last changed.
    """

    objects: ClassVar[ManagerDescriptor[AssignmentManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    project: Project = to_one("Project", read_only=True)
    project_id = ForeignKeyId[int]("project")
    task: Task = to_one("Task", read_only=True)
    task_id = ForeignKeyId[int]("task")
    status: AssignmentStatus | str = field()
    assignee: int | None = field(stands_for="User")
    reviewer: int | None = field(stands_for="User")
    data: dict[str, Any] | None = field()
    files: dict[str, UnitFile] = field(read_only=True)
    tags: list[TaskTag] = to_list("TaskTag", hint="use tag() and untag()")
    tag_ids = ForeignKeyId["list[int]"]("tags")
    meta: dict[str, Any] = field()
    created: datetime = field(read_only=True)
    updated: datetime = field(read_only=True)
