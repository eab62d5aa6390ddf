"""Projects: annotation work over a collection, with rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, cast

from synapse._internal.lazy_import import load
from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import Creates, Deletes, Manager, Updates
from synapse.orm.relations import ForeignKeyId, ManagerDescriptor, ToMany, to_one
from synapse.orm.resource import Deletable, Editable, Resource
from synapse.resources.data_set_transfer import DataSetMixin
from synapse.resources.enums import AccessLevel, Category
from synapse.resources.file_transfers import DownloadTasksMixin

if TYPE_CHECKING:
    from synapse.annotations import Annotation, LabelClass, Problem
    from synapse.resources._typed import TypedProjectManager
    from synapse.resources.assignments import AssignmentManager
    from synapse.resources.bulk_annotation import AnnotationReport
    from synapse.resources.data_collections import DataCollection
    from synapse.resources.models import ModelManager
    from synapse.resources.project_summary import ProjectSummary
    from synapse.resources.task_tags import TaskTagManager
    from synapse.resources.tasks import TaskManager
else:
    TypedProjectManager = Manager["Project"]

__all__ = ["Project", "ProjectManager"]


class ProjectManager(
    TypedProjectManager, Creates["Project"], Updates["Project"], Deletes["Project"]
):
    """Projects: read, create, update, delete."""

    __slots__ = ()


@resource("projects/", manager=ProjectManager)
class Project(Editable, Deletable, DownloadTasksMixin, DataSetMixin):
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
    title: str = field(required=True, aliases=("name",))
    description: str = field()
    category: Category | str = field(required=True)
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

    @property
    def classes(self) -> list[LabelClass]:
        """Classes of the configuration, in the order of tools and schema; no request of its own.

        Example:
            >>> project.configuration = {"classification": {"bounding_box": ["car", "bus"]}}
            >>> [each.name for each in project.classes]
            ['car', 'bus']
        """
        found: list[LabelClass] = load("synapse.annotations").read_classes(self.configuration)
        return found

    def summary(self, *, classes: bool = True) -> ProjectSummary:
        """Count the tasks by status, class, assignee and time.

        One request for each 500 tasks. Memory doesn't grow with the number of tasks.

        Args:
            classes: Whether to read the annotation documents and count annotations by class.
                Without documents, a large project is read faster.

        Returns:
            The counts, which a notebook shows as bars, and a terminal as text.

        Raises:
            ClientError: The server refused or couldn't be reached.

        Example:
            >>> project.summary().by_status
            {'pending': 2}
        """
        summary: ProjectSummary = load("synapse.resources.project_summary").summarize_project(
            self, classes=classes
        )
        return summary

    def annotate(
        self, documents: Mapping[Any, Any] | Iterable[tuple[Any, Any]], **options: Any
    ) -> AnnotationReport:
        """Store the annotations of many of the project's tasks, as `tasks.bulk_annotate()` does.

        One request for each 500 tasks, and one for each task whose document differs.

        Args:
            documents: Annotations or documents by task or id.
            **options: Arguments of `TaskManager.bulk_annotate()`.
        """
        return self.tasks.bulk_annotate(documents, **options)

    def check(
        self, annotations: Iterable[Annotation] | Mapping[str, Any] | Resource | None
    ) -> list[Problem]:
        """Return the faults of annotations that the project's editor would refuse.

        Makes no request of its own.

        Args:
            annotations: Annotations, or a document, or an object that has one, such as a task.

        Returns:
            One problem for each fault, such as a class that the project doesn't have, no area, a
            place outside of the picture, ids that don't fit.

        Raises:
            UsageError: The value has no annotations.
            FieldValueError: An element isn't an annotation.
            UnknownDocument: The document has none of the known forms.

        Example:
            >>> from synapse.annotations import Box
            >>> project.configuration = {"classification": {"bounding_box": ["car"]}}
            >>> [problem.code for problem in project.check([Box(0, 0, 5, 5, label="cart")])]
            ['unknown-class']
        """
        items: Any = annotations
        if isinstance(items, Resource) and hasattr(type(items), "annotations"):
            items = cast("Any", items).annotations
        found: list[Problem] = load("synapse.annotations").check_annotations(items, self.classes)
        return found
