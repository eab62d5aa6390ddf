"""Assignments of tasks to people."""

from django.db import models

from synapse.emulator.models.accounts import User
from synapse.emulator.models.annotation import Project, Task, TaskTag
from synapse.emulator.models.base import TenantOwned
from synapse.emulator.models.documents import JSONField
from synapse.emulator.models.relations import ForeignKey


class Assignment(TenantOwned):
    """One person's work on one task, preserved when the assignee changes."""

    class Status(models.TextChoices):
        """State of an assignment."""

        PENDING = "pending"
        IN_PROGRESS = "in_progress"
        COMPLETED = "completed"
        REJECTED = "rejected"

    # The task's project, copied so that an index finds a project's assignments.
    project = ForeignKey(Project, models.CASCADE, related_name="assignments")
    task = ForeignKey(Task, models.CASCADE, related_name="assignments")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING)
    assignee = ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="assignments")
    reviewer = ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="reviews")
    data = JSONField(null=True, blank=True, default=None)
    tags = models.ManyToManyField(TaskTag, blank=True, related_name="assignments")
    meta = JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "assignee"], name="one_assignment_per_person")
        ]
        indexes = [models.Index(fields=["tenant", "project"], name="assignment_by_project")]

    def __str__(self) -> str:
        return f"assignment {self.pk}"
