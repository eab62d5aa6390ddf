"""Verbs of the team's own on tasks of the SDK."""

from __future__ import annotations

from synapse import Task, TaskStatus
from synapse.resources.tasks import TaskManager

__all__ = ["ReviewQueue", "ReviewTask"]


class ReviewTask(Task):
    """A task that a reviewer approves. Every task of a `TeamSession` is one."""

    @property
    def reviewer(self) -> str | None:
        """The name of the reviewer who approved the task, if any."""
        name = (self.meta or {}).get("reviewer")
        return name if isinstance(name, str) else None

    def approve(self, reviewer: str) -> None:
        """Complete the task in a reviewer's name. One request, or none if that is done.

        Args:
            reviewer: The reviewer's name.
        """
        self.status = TaskStatus.COMPLETED
        self.meta = {**(self.meta or {}), "reviewer": reviewer}
        self.save()


class ReviewQueue(TaskManager):
    """The tasks that wait for a review."""

    __slots__ = ()

    def waiting(self) -> ReviewQueue:
        """Return a query for the pending tasks, oldest first. Makes no request."""
        return self.filter(status="pending").order_by("id")
