"""Annotation: projects, the tasks in them, and the tags of those."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from synapse.core.convert import to_wire
from synapse.core.declaration import resource
from synapse.core.fields import field
from synapse.core.manager import BulkCreates, Creates, Deletes, Manager, Updates
from synapse.core.relations import RelatedId, Root, ToMany, to_list, to_one
from synapse.core.verbs import Deletable, Editable
from synapse.errors import InvalidQuery
from synapse.resources.bulk import DownloadsTasks
from synapse.resources.tagging import SetsTags, Tagged
from synapse.resources.unit_files import UnitFile
from synapse.resources.values import AccessLevel, Category, Priority, TaskStatus

if TYPE_CHECKING:
    from typing_extensions import Self

    from synapse.resources.data import DataCollection, DataUnit
    from synapse.resources.hitl import AssignmentManager
    from synapse.resources.ml import ModelManager

__all__ = ["Project", "ProjectManager", "Task", "TaskManager", "TaskTag", "TaskTagManager"]


class ProjectManager(
    Manager["Project"], Creates["Project"], Updates["Project"], Deletes["Project"]
):
    """Projects: read, create, update, delete."""

    __slots__ = ()


@resource("projects/", manager=ProjectManager)
class Project(Editable, Deletable, DownloadsTasks):
    """An annotation project: tasks over the data of a collection.

    Attributes:
        id: The project's id.
        title: Its title; servers of another age call it `name`.
        description: What it is about.
        category: The kind of data.
        configuration: The annotation's configuration: classes, tools.
        settings: Settings of the project.
        data_collection: Where its data is.
        data_collection_id: The id of that, without loading it.
        tenant: Whose it is.
        access_level: Who may see it.
        count_max_assignments_per_task: How many people may work on one task.
        can_discard: Whether tasks may be discarded.
        is_archived: Whether it is put away.
        task_count: How many tasks it has.
        created: When it was made.
        updated: When it was last changed.
        tasks: Its tasks; on the class, all tasks.
        task_tags: The tags of its tasks; on the class, all tags.
        assignments: Who works on its tasks; on the class, all assignments.
        models: The models trained for it; on the class, all models.
    """

    objects: ClassVar[Root[ProjectManager]] = Root()

    id: int = field(read_only=True)
    title: str = field(aliases=("name",))
    description: str = field()
    category: Category | str = field()
    configuration: dict[str, Any] = field()
    settings: dict[str, Any] = field()
    data_collection: DataCollection | None = to_one("DataCollection")
    data_collection_id = RelatedId["int | None"]("data_collection")
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


class TaskManager(
    Manager["Task"], BulkCreates["Task"], Updates["Task"], Deletes["Task"], SetsTags["Task"]
):
    """Tasks: read, create one or many, update, delete, tag."""

    __slots__ = ()


@resource("tasks/", list_path="sdk/tasks/", manager=TaskManager)
class Task(Editable, Deletable, Tagged):
    """One piece of work in a project: a data unit to annotate.

    Attributes:
        id: The task's id.
        project: The project that it is in.
        project_id: The id of that, without loading it.
        data_unit: What is to be annotated.
        data_unit_id: The id of that, without loading it.
        status: How far it is.
        priority: How urgent it is.
        assignee: The id of the user who works on it.
        tags: Its tags.
        tag_ids: The ids of those, without loading them.
        data: The annotation document, or `None` before there is one.
        meta: What you keep with it; servers of another age call it `metadata`.
        files: The data unit's files by name, where the server sends them along.
        is_discarded: Whether it was put aside as unusable.
        created: When it was made.
        updated: When it was last changed.
        assignments: Who works on it; on the class, all assignments.
    """

    objects: ClassVar[Root[TaskManager]] = Root()

    id: int = field(read_only=True)
    project: Project = to_one("Project")
    project_id = RelatedId[int]("project")
    data_unit: DataUnit = to_one("DataUnit")
    data_unit_id = RelatedId[int]("data_unit")
    status: TaskStatus | str = field()
    priority: Priority | str = field()
    assignee: int | None = field(stands_for="User")
    tags: list[TaskTag] = to_list("TaskTag", hint="use tag() and untag()")
    tag_ids = RelatedId["list[int]"]("tags")
    data: dict[str, Any] | None = field()
    meta: dict[str, Any] = field(aliases=("metadata",))
    files: dict[str, UnitFile] = field(read_only=True)
    is_discarded: bool = field()
    created: datetime = field(read_only=True)
    updated: datetime = field(read_only=True)

    assignments: ClassVar[ToMany[AssignmentManager]] = ToMany("Assignment", by="task")

    def annotate(self, document: Mapping[str, Any]) -> Self:
        """Store an annotation document. One request.

        Args:
            document: The annotations, in the form that the project's tools use.

        Returns:
            The task itself, with what the server now says of it.

        Raises:
            InvalidQuery: The document is no mapping.
            ValidationError: The server refused it.

        Example:
            >>> task = getfixture("project").tasks[0]
            >>> task.annotate({"annotations": [{"type": "class", "label": "person"}]}).data
            {'annotations': [{'type': 'class', 'label': 'person'}]}
        """
        if not isinstance(document, Mapping):
            raise InvalidQuery(
                f"An annotation document is a mapping, not a {type(document).__name__}."
            )
        body = to_wire(document)
        path = type(self).__schema__.detail_path(self._key, "annotate_task_data/")
        self._take(self._ask("PUT", path, json=body), sent={"data": body})
        return self


class TaskTagManager(
    Manager["TaskTag"], Creates["TaskTag"], Updates["TaskTag"], Deletes["TaskTag"]
):
    """Tags: read, create, update, delete."""

    __slots__ = ()


@resource("task_tags/", manager=TaskTagManager)
class TaskTag(Editable, Deletable):
    """A tag for the tasks and assignments of a project.

    Attributes:
        id: The tag's id.
        project: The project whose tasks it is for.
        project_id: The id of that, without loading it.
        name: What it says.
        description: What it means.
        color: Its colour, as `#rrggbb`.
        category: What kind of tag, in the platform's words.
        meta: What you keep with it.
        tasks: The tasks that carry it; on the class, all tasks.
        assignments: The assignments that carry it; on the class, all assignments.
    """

    objects: ClassVar[Root[TaskTagManager]] = Root()

    id: int = field(read_only=True)
    project: Project | None = to_one("Project")
    project_id = RelatedId["int | None"]("project")
    name: str = field()
    description: str = field()
    color: str | None = field()
    category: str | None = field()
    meta: dict[str, Any] = field()

    tasks: ClassVar[ToMany[TaskManager]] = ToMany("Task", by="tags")
    assignments: ClassVar[ToMany[AssignmentManager]] = ToMany("Assignment", by="tags")
