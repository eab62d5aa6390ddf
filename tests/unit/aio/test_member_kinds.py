"""Annotations decide what becomes of a method in asyncio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from synapse import Agent, Job, Plugin, Project, Session, Task
from synapse.aio.member_kinds import MemberKind, find_kind, find_result
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
        (TaskManager, "get", MemberKind.CALL),
        (TaskManager, "filter", MemberKind.VIEW),
        (TaskManager, "values", MemberKind.VIEW),
        (TaskManager, "pages", MemberKind.STREAM),
        (TaskManager, "annotations", MemberKind.VIEW_ATTRIBUTE),
        (TaskManager, "_with", None),
        (Task, "save", MemberKind.CALL),
        (Task, "status", MemberKind.ATTRIBUTE),
        (Task, "project", MemberKind.ATTRIBUTE),
        (Task, "project_id", MemberKind.ATTRIBUTE),
        (Task, "annotations", MemberKind.ATTRIBUTE),
        (Task, "assignments", MemberKind.VIEW_ATTRIBUTE),
        (Task, "objects", None),
        (Project, "classes", MemberKind.ATTRIBUTE),
        (Plugin, "create", None),
        (Job, "follow", MemberKind.VIEW),
        (Agent, "jobs", MemberKind.VIEW_ATTRIBUTE),
        (Session, "me", MemberKind.ATTRIBUTE),
        (Session, "page_size", MemberKind.VALUE),
        (Session, "health", MemberKind.CALL),
        (Session, "client", None),
        (Own, "overdue", MemberKind.VIEW),
        (Own, "plain", MemberKind.CALL),
        (Own, "stream", MemberKind.STREAM),
        (Own, "pick", MemberKind.VIEW),
        (Own, "name", MemberKind.CALL),
    ],
)
def test_kinds(cls: type, name: str, kind: MemberKind | None) -> None:
    assert find_kind(cls, name) is kind


def test_results() -> None:
    assert find_result(TaskManager, Query.filter) is TaskManager
    assert find_result(TaskManager, Query.values) is Rows
    assert find_result(Job, Job.follow) is JobFollower
    assert find_result(Job, Job.wait) is Job
    assert find_result(Own, Own.pick) is Own
    assert find_result(Own, Own.name) is None or find_result(Own, Own.name) is str
