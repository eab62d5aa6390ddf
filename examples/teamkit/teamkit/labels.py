"""A resource that the SDK doesn't have, with a verb of its managers."""

from __future__ import annotations

from typing import Any, ClassVar

from synapse import Project
from synapse.extending import (
    Creates,
    Deletable,
    Deletes,
    Editable,
    ForeignKeyId,
    Manager,
    ManagerDescriptor,
    Updates,
    field,
    resource,
    to_one,
)

__all__ = ["Label", "LabelManager"]


class LabelManager(Manager["Label"], Creates["Label"], Updates["Label"], Deletes["Label"]):
    """Labels: read, create, update, delete, ensure."""

    __slots__ = ()

    def ensure(self, name: str, project: Project) -> Label:
        """Return a project's label, which is created if it is missing. One or two requests.

        Args:
            name: The label's name.
            project: The project.
        """
        found = self.filter(name=name, project=project).first()
        return found or self.create(name=name, project=project)


@resource("task_tags/", plural="labels", manager=LabelManager)
class Label(Editable, Deletable):
    """A label for tasks.

    Attributes:
        id: The label's id.
        project: The label's project.
        project_id: The project's id, without loading the project.
        name: The label's name.
        meta: Your own data.
    """

    objects: ClassVar[ManagerDescriptor[LabelManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    project: Project | None = to_one("Project")
    project_id = ForeignKeyId["int | None"]("project")
    name: str = field(required=True)
    meta: dict[str, Any] = field()
