"""Projects, tasks and task tags."""

# ruff: noqa: ARG002 (the signatures are the framework's)

from typing import Any

from django.db import transaction
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from synapse.emulator.api.base import (
    BulkCreateMixin,
    CreateMixin,
    DestroyMixin,
    ResourceSerializer,
    ResourceViewSet,
    UpdateMixin,
)
from synapse.emulator.api.fields import DocumentField
from synapse.emulator.api.units import files_of
from synapse.emulator.models import Project, Task, TaskTag


class ProjectSerializer(ResourceSerializer):
    """A project; ``task_count`` is counted by the database with the rows."""

    task_count = serializers.IntegerField(read_only=True)

    class Meta(ResourceSerializer.Meta):
        model = Project
        fields = (
            "id",
            "title",
            "description",
            "category",
            "configuration",
            "settings",
            "data_collection",
            "tenant",
            "access_level",
            "count_max_assignments_per_task",
            "can_discard",
            "is_archived",
            "task_count",
            "created",
            "updated",
        )
        read_only_fields = ("tenant",)
        expandable_fields = {
            "data_collection": "synapse.emulator.api.collections.DataCollectionSerializer",
        }

    @classmethod
    def annotated(cls, queryset: QuerySet[Any]) -> QuerySet[Any]:
        tasks = Task.objects.filter(project=OuterRef("pk")).order_by().values("project")
        counts = Subquery(tasks.annotate(n=Count("pk")).values("n"), IntegerField())
        rows: QuerySet[Any] = queryset.annotate(task_count=Coalesce(counts, 0))
        return rows


class TaskTagSerializer(ResourceSerializer):
    """A task tag."""

    class Meta(ResourceSerializer.Meta):
        model = TaskTag
        fields = (
            "id",
            "project",
            "name",
            "description",
            "color",
            "category",
            "meta",
            "created",
            "updated",
        )
        expandable_fields = {"project": ProjectSerializer}


class TaskSerializer(ResourceSerializer):
    """A task, with its relations as ids."""

    reads: tuple[str, ...] = ("tags",)

    class Meta(ResourceSerializer.Meta):
        model = Task
        fields: tuple[str, ...] = (
            "id",
            "project",
            "data_unit",
            "status",
            "priority",
            "assignee",
            "tags",
            "data",
            "meta",
            "is_discarded",
            "created",
            "updated",
        )
        expandable_fields = {
            "project": ProjectSerializer,
            "data_unit": "synapse.emulator.api.units.DataUnitSerializer",
            "assignee": "synapse.emulator.api.users.UserSerializer",
            "tags": (TaskTagSerializer, {"many": True}),
        }


class TaskWithFilesSerializer(TaskSerializer):
    """A task as scripts want it: with where its unit's files are."""

    reads = (
        *TaskSerializer.reads,
        "data_unit__unit_files__blob",
        "data_unit__unit_files__specification",
    )

    files = serializers.SerializerMethodField()

    class Meta(TaskSerializer.Meta):
        fields = (*TaskSerializer.Meta.fields, "files")

    def get_files(self, task: Task) -> dict[str, Any]:
        return files_of(task.data_unit, self.context["request"]) if task.data_unit else {}


class ProjectViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, CreateMixin, UpdateMixin, DestroyMixin
):
    """``projects/``."""

    serializer_class = ProjectSerializer


class TaskTagViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, CreateMixin, UpdateMixin, DestroyMixin
):
    """``task_tags/``."""

    serializer_class = TaskTagSerializer


class ScriptTaskViewSet(mixins.ListModelMixin, ResourceViewSet):
    """``sdk/tasks/``: the list for scripts."""

    serializer_class = TaskWithFilesSerializer


class TaskViewSet(mixins.RetrieveModelMixin, BulkCreateMixin, UpdateMixin, DestroyMixin):
    """``tasks/``; the list is at ``sdk/tasks/``."""

    serializer_class = TaskSerializer

    @action(detail=True, methods=["put"])
    @transaction.atomic
    def annotate_task_data(self, request: Request, pk: str) -> Response:
        """Keep the body as the task's annotations, and count the task as done."""
        document = DocumentField().run_validation(request.data)
        if not isinstance(document, dict):
            raise serializers.ValidationError(
                {"non_field_errors": ["Invalid data. Expected a dictionary."]}
            )
        task = self.locked_object()
        task.data = document
        task.status = Task.Status.COMPLETED
        task.save(update_fields=["data", "status", "updated"])
        return self.answer(task.pk)
