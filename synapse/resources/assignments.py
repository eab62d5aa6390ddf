"""Assignments: one person's work on a task, and the review of that work."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import Manager, Updates
from synapse.orm.relations import ForeignKeyId, ManagerDescriptor, to_list, to_one
from synapse.orm.resource import Editable
from synapse.resources.annotated import DocumentAnnotations
from synapse.resources.annotation_rows import AnnotationRowsMixin
from synapse.resources.enums import AssignmentStatus
from synapse.resources.showing import ShowMixin
from synapse.resources.tagging import BulkTagMixin, TaggableMixin
from synapse.resources.training import TrainingMixin
from synapse.resources.unit_files import UnitFile

if TYPE_CHECKING:
    from synapse.resources._typed import TypedAssignmentManager
    from synapse.resources.projects import Project
    from synapse.resources.task_tags import TaskTag
    from synapse.resources.tasks import Task
else:
    TypedAssignmentManager = Manager["Assignment"]

__all__ = ["Assignment", "AssignmentManager"]


class AssignmentManager(
    TypedAssignmentManager,
    Updates["Assignment"],
    BulkTagMixin["Assignment"],
    AnnotationRowsMixin["Assignment"],
    TrainingMixin["Assignment"],
):
    """Assignments: read, update, tag. The server makes one when a task gets an assignee."""

    __slots__ = ()


@resource(
    "assignments/",
    list_path="sdk/assignments/",
    manager=AssignmentManager,
    summary=["task", "status"],
)
class Assignment(Editable, TaggableMixin, ShowMixin):
    """One person's work on one task.

    Attributes:
        id: The assignment's id.
        project: The task's project.
        project_id: The project's id, without loading the project.
        task: The task.
        task_id: The task's id, without loading the task.
        status: State of the assignment.
        assignee: Id of the working user.
        reviewer: Id of the reviewing user.
        data: The annotation document.
        annotations: The annotations of `data`, as objects of `synapse.annotations`; assigning
            changes `data`.
        files: The data unit's files by name, if the server sends them.
        tags: The assignment's tags.
        tag_ids: The tags' ids, without loading the tags.
        meta: Free JSON data of the user.
        created: Creation time.
        updated: Time of the last change.
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
    data: dict[str, Any] | None = field(may_be_remote=True)
    files: dict[str, UnitFile] = field(read_only=True)
    tags: list[TaskTag] = to_list("TaskTag", hint="use tag() and untag()")
    tag_ids = ForeignKeyId["list[int]"]("tags")
    meta: dict[str, Any] = field()
    created: datetime = field(read_only=True)
    updated: datetime = field(read_only=True)

    annotations = DocumentAnnotations()
