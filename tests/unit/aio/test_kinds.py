"""Annotations decide what becomes of a method in asyncio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from synapse import Agent, Job, Plugin, Project, Session, Task
from synapse.aio.kinds import Kind, find_kind, find_result
from synapse.orm.manager import Manager
from synapse.orm.pages import Rows
from synapse.orm.query import Query
from synapse.resources.job_following import JobFollower
from synapse.resources.tasks import TaskManager

if TYPE_CHECKING:
    from typing_extensions import Self

M = TypeVar("M", bound="Manager[Any]")


class Own(Manager[Task]):
    """A user's manager."""

    def overdue(self) -> Self:
        return self.filter(status="pending")

    def plain(self):  # type: ignore[no-untyped-def] # as users write
        return 5

    def stream(self) -> Iterator[Task]:
        return iter(self)

    def pick(self, cls: type[M]) -> M:
        raise NotImplementedError

    def name(self) -> str:
        return "own"


@pytest.mark.parametrize(
    ("cls", "name", "kind"),
    [
        (TaskManager, "get", Kind.CALL),
        (TaskManager, "filter", Kind.VIEW),
        (TaskManager, "values", Kind.VIEW),
        (TaskManager, "pages", Kind.STREAM),
        (TaskManager, "annotations", Kind.VIEW_ATTRIBUTE),
        (TaskManager, "_with", None),
        (Task, "save", Kind.CALL),
        (Task, "status", Kind.ATTRIBUTE),
        (Task, "project", Kind.ATTRIBUTE),
        (Task, "project_id", Kind.ATTRIBUTE),
        (Task, "annotations", Kind.ATTRIBUTE),
        (Task, "assignments", Kind.VIEW_ATTRIBUTE),
        (Task, "objects", None),
        (Project, "classes", Kind.ATTRIBUTE),
        (Plugin, "create", None),
        (Job, "follow", Kind.VIEW),
        (Agent, "jobs", Kind.VIEW_ATTRIBUTE),
        (Session, "me", Kind.ATTRIBUTE),
        (Session, "page_size", Kind.VALUE),
        (Session, "health", Kind.CALL),
        (Session, "client", None),
        (Own, "overdue", Kind.VIEW),
        (Own, "plain", Kind.CALL),
        (Own, "stream", Kind.STREAM),
        (Own, "pick", Kind.VIEW),
        (Own, "name", Kind.CALL),
    ],
)
def test_kinds(cls: type, name: str, kind: Kind | None) -> None:
    assert find_kind(cls, name) is kind


def test_results() -> None:
    assert find_result(TaskManager, Query.filter) is TaskManager
    assert find_result(TaskManager, Query.values) is Rows
    assert find_result(Job, Job.follow) is JobFollower
    assert find_result(Job, Job.wait) is Job
    assert find_result(Own, Own.pick) is Own
    assert find_result(Own, Own.name) is None or find_result(Own, Own.name) is str
