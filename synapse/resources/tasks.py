"""Tasks: one data unit to annotate in a project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from synapse._internal.json_values import to_json
from synapse.errors import UsageError
from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import BulkCreates, Deletes, Manager, Updates
from synapse.orm.relations import ForeignKeyId, ManagerDescriptor, ToMany, to_list, to_one
from synapse.orm.resource import Deletable, Editable
from synapse.resources.annotated import DocumentAnnotations, write_annotations
from synapse.resources.annotation_rows import AnnotationRowsMixin
from synapse.resources.bulk_annotation import BulkAnnotateMixin
from synapse.resources.enums import Priority, TaskStatus
from synapse.resources.showing import ShowMixin
from synapse.resources.tagging import BulkTagMixin, TaggableMixin
from synapse.resources.training import TrainingMixin
from synapse.resources.unit_files import UnitFile

if TYPE_CHECKING:
    from typing_extensions import Self

    from synapse.annotations import Annotation
    from synapse.resources._typed import TypedTaskManager
    from synapse.resources.assignments import AssignmentManager
    from synapse.resources.data_units import DataUnit
    from synapse.resources.projects import Project
    from synapse.resources.task_tags import TaskTag
else:
    TypedTaskManager = Manager["Task"]

__all__ = ["Task", "TaskManager"]


class TaskManager(
    TypedTaskManager,
    BulkCreates["Task"],
    Updates["Task"],
    Deletes["Task"],
    BulkTagMixin["Task"],
    BulkAnnotateMixin["Task"],
    AnnotationRowsMixin["Task"],
    TrainingMixin["Task"],
):
    """Tasks: read, create one or many, update, delete, tag, annotate."""

    __slots__ = ()


@resource("tasks/", list_path="sdk/tasks/", manager=TaskManager)
class Task(Editable, Deletable, TaggableMixin, ShowMixin):
    """One piece of work in a project: a data unit to annotate.

    Attributes:
        id: The task's id.
        project: The task's project.
        project_id: The project's id, without loading the project.
        data_unit: The data unit to annotate.
        data_unit_id: The unit's id, without loading the unit.
        status: State of the task.
        priority: Urgency of the task.
        assignee: Id of the working user.
        tags: The task's tags.
        tag_ids: The tags' ids, without loading the tags.
        data: The annotation document, or `None` before the first.
        annotations: The annotations of `data`, as objects of `synapse.annotations`; assigning
            changes `data`.
        meta: Free JSON data of the user; `metadata` on servers of another age.
        files: The data unit's files by name, if the server sends them.
        is_discarded: Whether the task was put aside as unusable.
        created: Creation time.
        updated: Time of the last change.
        assignments: The task's assignments; on the class, all assignments.
    """

    objects: ClassVar[ManagerDescriptor[TaskManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    project: Project = to_one("Project")
    project_id = ForeignKeyId[int]("project")
    data_unit: DataUnit = to_one("DataUnit")
    data_unit_id = ForeignKeyId[int]("data_unit")
    status: TaskStatus | str = field()
    priority: Priority | str = field()
    assignee: int | None = field(stands_for="User")
    tags: list[TaskTag] = to_list("TaskTag", hint="use tag() and untag()")
    tag_ids = ForeignKeyId["list[int]"]("tags")
    data: dict[str, Any] | None = field(may_be_remote=True)
    meta: dict[str, Any] = field(aliases=("metadata",))
    files: dict[str, UnitFile] = field(read_only=True)
    is_discarded: bool = field()
    created: datetime = field(read_only=True)
    updated: datetime = field(read_only=True)

    annotations = DocumentAnnotations()
    assignments: ClassVar[ToMany[AssignmentManager]] = ToMany("Assignment", by="task")

    def annotate(
        self,
        document: Mapping[str, Any] | Iterable[Annotation],
        action: Literal["submit", "save"] = "submit",
        *,
        schema: Literal["any", "dm_schema_v1"] | None = None,
    ) -> Self:
        """Store an annotation document. One request.

        One request more for annotations, if `data` isn't loaded: other parts of the document stay.

        Args:
            document: The annotations, as objects or in the form of the project's tools.
            action: `"submit"` completes the task, `"save"` keeps it in progress.
            schema: The check of the document: `"dm_schema_v1"`, or `"any"` for none; by default the
                server's.

        Returns:
            The task itself, updated from the server's response.

        Raises:
            UnknownDocument: The former document has another form, and would be lost.
            UsageError: The document isn't a mapping or list of annotations, or the action or
                schema is another word.
            ValidationError: The server refused the document.

        Example:
            >>> task = project.tasks[0]
            >>> from synapse.annotations import Label
            >>> [each.label for each in task.annotate([Label(label="person")]).annotations]
            ['person']
        """
        given: Any = document
        if isinstance(given, str) or not isinstance(given, Iterable):
            kind = type(given).__name__
            raise UsageError(f"document is a {kind}. Pass a mapping, or a list of annotations.")
        if action not in ("submit", "save"):
            raise UsageError(f"action={action!r} is not valid. Pass 'submit' or 'save'.")
        if schema not in (None, "any", "dm_schema_v1"):
            raise UsageError(f"schema={schema!r} is not valid. Pass 'any' or 'dm_schema_v1'.")
        if not isinstance(document, Mapping):
            document = write_annotations(self, document)
        data = to_json(document, "document")
        body = {"action": action, "data": data}
        path = type(self).__schema__.detail_path(self._key, "annotate_task_data/")
        params = {} if schema is None else {"schema": schema}
        self._take(self._ask("PUT", path, params=params, json=body), sent={"data": data})
        return self
