"""Assignments: people's work on tasks, and the reviews."""

from typing import Any

from django.utils import timezone
from rest_framework import mixins, serializers

from synapse.emulator.api.annotation import (
    ProjectSerializer,
    TaggedSerializer,
    TaskSerializer,
    TaskTagSerializer,
)
from synapse.emulator.api.base import ResourceSerializer, UpdateMixin
from synapse.emulator.api.script_lists import ScriptListViewSet
from synapse.emulator.api.tagging import SetTagsMixin
from synapse.emulator.api.units import describe_files
from synapse.emulator.models import Assignment, Task, User


class AssignmentSerializer(TaggedSerializer):
    """An assignment, with the relations as ids and the URLs of the unit's files."""

    reads = ("task",)

    files = serializers.SerializerMethodField()

    class Meta(ResourceSerializer.Meta):
        model = Assignment
        fields = (
            "id",
            "project",
            "task",
            "status",
            "assignee",
            "reviewer",
            "data",
            "files",
            "tags",
            "meta",
            "created",
            "updated",
        )
        read_only_fields = ("project", "task")
        expandable_fields = {
            "project": ProjectSerializer,
            "task": TaskSerializer,
            "assignee": "synapse.emulator.api.users.UserSerializer",
            "reviewer": "synapse.emulator.api.users.UserSerializer",
            "tags": (TaskTagSerializer, {"many": True}),
        }

    def get_files(self, assignment: Assignment) -> dict[str, Any]:
        return describe_files(assignment.task.data_unit_id, self.context)

    def validate_assignee(self, assignee: User | None) -> User | None:
        """Refuse a user who has an assignment for the task already."""
        others = Assignment.objects.filter(task=self.instance.task_id).exclude(pk=self.instance.pk)
        if assignee is not None and others.filter(assignee=assignee).exists():
            raise serializers.ValidationError("This user already has an assignment for the task.")
        return assignee

    def update(self, instance: Assignment, validated_data: dict[str, Any]) -> Assignment:
        before = instance.assignee_id
        assignment: Assignment = super().update(instance, validated_data)
        if before != assignment.assignee_id and before is not None:
            # The task's assignee changes together with the assignment.
            Task.objects.filter(pk=assignment.task_id, assignee=before).update(
                assignee=assignment.assignee_id, updated=timezone.now()
            )
        return assignment


class ScriptAssignmentViewSet(ScriptListViewSet):
    """``sdk/assignments/``: the list for scripts."""

    serializer_class = AssignmentSerializer


class AssignmentViewSet(mixins.RetrieveModelMixin, UpdateMixin, SetTagsMixin):
    """``assignments/``; the list is at ``sdk/assignments/``."""

    serializer_class = AssignmentSerializer
    tagged_as = "assignment_ids"
