"""A resource of a user's own, which type checkers accept without an ignore."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import assert_type

from synapse import Project, Session, Task
from synapse.extending import (
    BulkCreates,
    Deletable,
    Deletes,
    Editable,
    Event,
    ForeignKeyId,
    ListedRows,
    Manager,
    ManagerDescriptor,
    Updates,
    field,
    resource,
    to_one,
)
from synapse.resources.tasks import TaskManager
from synapse.testing import make, make_session


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


@resource("parts/", manager=Manager["Part"])
class Part(Editable):
    """A class without an attribute `objects`."""

    id: int = field(read_only=True)


class ReviewTask(Task):
    """A task with a verb of one's own."""

    def approve(self) -> None:
        self.status = "completed"
        self.save()

    def rate(self, stars: int, comment: str = "") -> bool:
        self.data = {"stars": stars, "comment": comment}
        self.save()
        return stars > 2


class ReviewSession(Session):
    """A session whose tasks have the verb."""

    resource_classes = (ReviewTask,)

    if TYPE_CHECKING:
        labels: LabelManager


async def await_own_verbs(session: ReviewSession, task: ReviewTask) -> None:
    aio = session.aio
    assert_type(await aio.run(task.rate, 3, comment="sharp"), bool)
    assert_type(await aio.run(session.labels.create, name="dark"), Label)
    assert_type([one.id async for one in aio(session.labels.blurred())], list[int])
    await aio.run(task.rate, "3")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def sign(event: Event) -> None:
    event.headers["X-Signature"] = f"{event.method} {event.url}"


def use_sessions(session: ReviewSession) -> None:
    assert_type(session.manager(Label), LabelManager)
    assert_type(session[Label], Manager[Label])
    assert_type(session.manager(Part), Manager[Part])
    assert_type(session[Part].get(1), Part)
    assert_type(session.manager(Task), TaskManager)
    session[ReviewTask].filter(status="pending")[0].approve()
    assert_type(session.labels.create(name="dark"), Label)
    with session.options(timeout=5, deadline=None, headers={"X-Reason": "night"}) as patient:
        assert_type(patient, ReviewSession)
    assert_type(session.pages("labels/"), ListedRows)
    assert_type(make(ReviewTask, id=1), ReviewTask)
    assert_type(make_session(ReviewSession), ReviewSession)
    assert_type(make_session(), Session)
    ReviewSession(on_request=sign)
    session.aio.manager(int)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType, reportCallIssue]
    session.manager(int)  # type: ignore[arg-type] # pyright: ignore[reportCallIssue, reportArgumentType]
    session["labels"]  # type: ignore[index] # pyright: ignore[reportArgumentType]
