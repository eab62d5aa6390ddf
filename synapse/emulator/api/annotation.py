"""Projects, tasks and task tags."""

# ruff: noqa: ARG002 (the signatures are the framework's)

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from synapse.emulator.api.annotation_body import read_annotation
from synapse.emulator.api.base import (
    BulkCreateMixin,
    CreateMixin,
    DestroyMixin,
    ResourceSerializer,
    UpdateMixin,
)
from synapse.emulator.api.script_lists import ScriptListViewSet
from synapse.emulator.api.tagging import SetTagsMixin
from synapse.emulator.api.units import DataUnitViewSet, describe_files
from synapse.emulator.models import Assignment, Project, Task, TaskTag


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
    def annotate(cls, queryset: QuerySet[Any]) -> QuerySet[Any]:
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


class TaggedSerializer(ResourceSerializer):
    """Objects that carry tags of their own project only."""

    def project_of(self, attrs: dict[str, Any]) -> Project:
        """Return the object's project after the change."""
        project: Project = attrs.get("project") or self.instance.project
        return project

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("tags"):
            project = self.project_of(attrs)
            foreign = [
                f'The tag "{tag.pk}" belongs to another project.'
                for tag in attrs["tags"]
                if tag.project_id not in (None, project.pk)
            ]
            if foreign:
                raise serializers.ValidationError({"tags": foreign})
        return attrs


class TaskSerializer(TaggedSerializer):
    """A task, with the relations as ids and the URLs of the unit's files."""

    shows_created = True

    files = serializers.SerializerMethodField()

    class Meta(ResourceSerializer.Meta):
        model = Task
        fields = (
            "id",
            "project",
            "data_unit",
            "status",
            "priority",
            "assignee",
            "tags",
            "data",
            "meta",
            "files",
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

    def get_files(self, task: Task) -> dict[str, Any]:
        return describe_files(task.data_unit_id, self.context)

    def bulk_create(self, items: list[dict[str, Any]]) -> list[Task]:
        tasks: list[Task] = super().bulk_create(items)
        assign(tasks)
        return tasks

    def update(self, instance: Task, validated_data: dict[str, Any]) -> Task:
        task: Task = super().update(instance, validated_data)
        if "project" in validated_data:
            task.assignments.update(project=task.project)
        if "assignee" in validated_data:
            assign([task])
        return task


def assign(tasks: Iterable[Task]) -> None:
    """Ensure that a task's assignee has an assignment."""
    Assignment.objects.bulk_create(
        (
            Assignment(
                tenant_id=task.tenant_id,
                project_id=task.project_id,
                task=task,
                assignee_id=task.assignee_id,
            )
            for task in tasks
            if task.assignee_id is not None
        ),
        ignore_conflicts=True,
    )


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


class ScriptTaskViewSet(ScriptListViewSet):
    """``sdk/tasks/``: the list for scripts."""

    serializer_class = TaskSerializer


class TaskViewSet(
    mixins.RetrieveModelMixin, BulkCreateMixin, UpdateMixin, DestroyMixin, SetTagsMixin
):
    """``tasks/``; the list is at ``sdk/tasks/``."""

    serializer_class = TaskSerializer
    tagged_as = "task_ids"

    def create_all(self, request: Request) -> Response:
        """Create one task, a list, or ``{"project": p, "data": [{"data_unit": u}, ...]}``."""
        body = request.data
        if not isinstance(body, dict) or not isinstance(body.get("data"), list):
            return super().create_all(request)
        common = {name: value for name, value in body.items() if name != "data"}
        items = [{**common, **item} if isinstance(item, dict) else item for item in body["data"]]
        return self.create_many(items)

    @action(detail=True, methods=["put"])
    @transaction.atomic
    def annotate_task_data(self, request: Request, pk: str) -> Response:
        """Store annotations of task and assignment, and complete both unless they are a draft."""
        document, is_draft = read_annotation(request.data, request.query_params.get("schema"))
        task = self.locked_object()
        task.data = document
        task.status = Task.Status.IN_PROGRESS if is_draft else Task.Status.COMPLETED
        task.save(update_fields=["data", "status", "updated"])
        if task.assignee_id is not None:
            task.assignments.filter(assignee=task.assignee_id).update(
                data=document,
                status=Assignment.Status.IN_PROGRESS if is_draft else Assignment.Status.COMPLETED,
                updated=task.updated,
            )
        return self.answer(task.pk)


class TaskCreationViewSet(DataUnitViewSet):
    """``data_units/create_tasks/``: tasks for the units that the query selects."""

    @transaction.atomic
    def create_tasks(self, request: Request) -> Response:
        """Create the tasks of the body's ``project``, in the order of the units."""
        units = self.filter_queryset(self.get_queryset()).values_list("pk", flat=True)
        self.serializer_class = TaskSerializer
        if not isinstance(request.data, dict):
            raise serializers.ValidationError({"project": ["This field is required."]})
        common = {"project": None, **request.data}
        return self.create_many([{**common, "data_unit": key} for key in units])
