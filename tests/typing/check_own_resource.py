"""A resource of a user's own, which type checkers accept without an ignore."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from typing_extensions import assert_type

from synapse import Project
from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import BulkCreates, Deletes, Manager, Updates
from synapse.orm.relations import ForeignKeyId, ManagerDescriptor, to_one
from synapse.orm.resource import Deletable, Editable


class LabelManager(Manager["Label"], BulkCreates["Label"], Updates["Label"], Deletes["Label"]):
    """Labels: read, create, update, delete."""

    __slots__ = ()

    def blurred(self) -> LabelManager:
        return self.filter(name="blurred").order_by("-created").expand("project")


@resource("task_tags/", plural="labels", manager=LabelManager)
class Label(Editable, Deletable):
    """A label for tasks."""

    objects: ClassVar[ManagerDescriptor[LabelManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    project: Project | None = to_one("Project")
    project_id = ForeignKeyId["int | None"]("project")
    name: str = field(required=True)
    meta: dict[str, Any] = field()
    created: datetime = field(read_only=True)

    def rename(self, name: str) -> None:
        self.name = name
        self.save()


def use(label: Label, project: Project) -> None:
    assert_type(label.id, int)
    assert_type(label.project, "Project | None")
    assert_type(label.project_id, "int | None")
    assert_type(Label.objects.blurred(), LabelManager)
    assert_type(Label.objects.create(name="dark", project=project), Label)
    assert_type(Label.objects.bulk_create([{"name": "dark"}]), list[Label])
    assert_type([one.id for one in Label.objects.filter(project=project)], list[int])
    label.titel = "dark"  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
