"""Projects, their tasks and the tags on them."""

from django.db import models

from synapse.emulator.models.accounts import User
from synapse.emulator.models.base import Category, TenantOwned
from synapse.emulator.models.data import DataCollection, DataUnit
from synapse.emulator.models.documents import JSONField
from synapse.emulator.models.relations import ForeignKey


class Project(TenantOwned):
    """A piece of annotation work with one configuration."""

    class AccessLevel(models.TextChoices):
        """Visibility of a project."""

        PUBLIC = "public"
        PARTIALLY_PUBLIC = "partially_public"
        PRIVATE = "private"

    title = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    category = models.CharField(max_length=16, choices=Category.choices)
    configuration = JSONField(default=dict, blank=True)
    settings = JSONField(default=dict, blank=True)
    data_collection = ForeignKey(
        DataCollection, models.SET_NULL, null=True, blank=True, related_name="projects"
    )
    access_level = models.CharField(
        max_length=16, choices=AccessLevel.choices, default=AccessLevel.PRIVATE
    )
    count_max_assignments_per_task = models.PositiveIntegerField(default=1)
    can_discard = models.BooleanField(default=False)
    is_archived = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.title


class TaskTag(TenantOwned):
    """A label that people put on tasks to find them again."""

    project = ForeignKey(Project, models.CASCADE, null=True, blank=True, related_name="task_tags")
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    color = models.CharField(max_length=32, blank=True)
    category = models.CharField(max_length=64, blank=True)
    meta = JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return self.name


class Task(TenantOwned):
    """One data unit to annotate in one project."""

    class Status(models.TextChoices):
        """State of a task."""

        PENDING = "pending"
        IN_PROGRESS = "in_progress"
        COMPLETED = "completed"
        STAND_BY = "stand_by"
        SKIPPED = "skipped"

    class Priority(models.TextChoices):
        """Urgency of a task."""

        LOW = "low"
        NORMAL = "normal"
        HIGH = "high"

    project = ForeignKey(Project, models.CASCADE, related_name="tasks")
    # Annotations outlive the annotated data.
    data_unit = ForeignKey(DataUnit, models.SET_NULL, null=True, blank=True, related_name="tasks")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING)
    priority = models.CharField(max_length=8, choices=Priority.choices, default=Priority.NORMAL)
    assignee = ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="tasks")
    tags = models.ManyToManyField(TaskTag, blank=True, related_name="tasks")
    data = JSONField(null=True, blank=True, default=None)
    meta = JSONField(default=dict, blank=True)
    is_discarded = models.BooleanField(default=False)

    class Meta:
        # Counts and pages of a project's tasks, in the order of their ids.
        indexes = [models.Index(fields=["tenant", "project"], name="task_by_project")]

    def __str__(self) -> str:
        return f"task {self.pk}"
