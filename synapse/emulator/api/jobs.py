"""Jobs and their output."""

# ruff: noqa: ARG002 (the signatures are the framework's)

import contextlib
import uuid
from typing import Any

from django import forms
from django.db import transaction
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from synapse.emulator.api.base import ResourceSerializer, ResourceViewSet, UpdateMixin
from synapse.emulator.api.fields import ObjectField, PositionalListSerializer, WordField
from synapse.emulator.api.plugins import PluginSerializer, find_job
from synapse.emulator.api.releases import PluginReleaseSerializer
from synapse.emulator.api.tailing import tail
from synapse.emulator.dispatch import ask_to_stop
from synapse.emulator.downloads import AnyAccept
from synapse.emulator.errors_json import ApiConflict
from synapse.emulator.filters import AnyOfFilter, InFilter
from synapse.emulator.job_reporter import announce_end, settle_end
from synapse.emulator.models import ConsoleLine, Job, LogLevel, Token
from synapse.emulator.tenancy import access_of, tenant_of
from synapse.plugins.platform_records import read_progress

_STORED = {status.wire.lower(): str(status) for status in Job.Status}


def _to_stored_spelling(status: str) -> str:
    word = status.lower()
    return _STORED.get(word, word)


class StatusField(WordField):
    """A status in either spelling, answered in the platform's."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(
            _to_stored_spelling(data) if isinstance(data, str) else data
        )

    def to_representation(self, value: Any) -> str:
        return Job.Status(value).wire


class StatusFormField(forms.CharField):
    """A state to filter by, in either spelling."""

    def clean(self, value: Any) -> Any:
        return _to_stored_spelling(super().clean(value))


class ConsoleLineSerializer(serializers.ModelSerializer[ConsoleLine]):
    """A line of the console."""

    message = serializers.CharField(allow_blank=True, trim_whitespace=False)
    level = WordField(choices=LogLevel.choices, required=False, allow_null=True)
    created = serializers.DateTimeField(required=False)

    class Meta:
        model = ConsoleLine
        list_serializer_class = PositionalListSerializer
        fields = ("message", "level", "created")


class ConsoleLogsField(serializers.Field[Any, Any, Any, Any]):
    """Lines to add: a text, a list of texts and of lines with level and time, or a mapping."""

    def to_internal_value(self, data: Any) -> list[ConsoleLine]:
        if isinstance(data, str):
            data = data.removesuffix("\n").split("\n") if data else []
        if isinstance(data, dict):
            data = [data] if "message" in data else [f"{key}: {text}" for key, text in data.items()]
        if isinstance(data, list):
            data = [{"message": line} if isinstance(line, str) else line for line in data]
        lines = ConsoleLineSerializer(data=data, many=True)
        lines.is_valid(raise_exception=True)
        return [ConsoleLine(**line) for line in lines.validated_data]


class JobSerializer(ResourceSerializer):
    """A job, updated by the reports of the runner."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    status = StatusField(choices=Job.Status.choices, required=False)
    progress = serializers.FloatField(min_value=0, max_value=100, required=False, allow_null=True)
    progress_record = ObjectField(required=False, allow_null=True)
    metrics_record = ObjectField(required=False, allow_null=True)
    meta = ObjectField(required=False)
    console_logs = ConsoleLogsField(required=False, write_only=True)

    class Meta(ResourceSerializer.Meta):
        model = Job
        fields = (
            "id",
            "plugin",
            "plugin_release",
            "agent",
            "action",
            "status",
            "progress",
            "progress_record",
            "metrics_record",
            "console_logs",
            "params",
            "options",
            "result",
            "meta",
            "debug",
            "is_active",
            "created",
            "updated",
            "completed",
        )
        read_only_fields = (
            "plugin",
            "plugin_release",
            "agent",
            "action",
            "params",
            "options",
            "debug",
            "is_active",
            "completed",
        )
        expandable_fields = {
            "plugin": PluginSerializer,
            "plugin_release": PluginReleaseSerializer,
            "agent": "synapse.emulator.api.users.UserSerializer",
        }

    def validate_progress(self, progress: float | None) -> float | None:
        """Refuse NaN, which compares as neither too small nor too large."""
        if progress is not None and progress != progress:  # so is NaN found
            raise serializers.ValidationError("A valid number is required.")
        return progress

    def update(self, instance: Job, validated_data: dict[str, Any]) -> Job:
        status = validated_data.get("status", instance.status)
        if (
            self._is_own
            and not instance.is_final
            and status in (Job.Status.COMPLETED, Job.Status.FAILED)
        ):
            # The last lines and the reason of a failure come with the end of the process.
            announce_end(instance.pk, validated_data.pop("status"))
            status = instance.status
        if instance.is_final and status != instance.status:
            raise ApiConflict(f"The job has already ended: {Job.Status(instance.status).wire}.")
        if status != instance.status and not self._can_set_status(instance, status):
            # The job ends when the runner reports the end.
            validated_data.pop("status")
            status = instance.status
            ask_to_stop(instance)
        overall = read_progress(validated_data.get("progress_record"))
        if overall is not None:
            validated_data.setdefault("progress", overall)
        lines: list[ConsoleLine] = validated_data.pop("console_logs", [])
        if status in Job.FINAL and not instance.is_final:
            status = validated_data["status"] = settle_end(instance.pk, status)
        if status in Job.FINAL and instance.completed is None:
            validated_data["completed"] = timezone.now()
        job: Job = super().update(instance, validated_data)
        for line in lines:
            line.job = job
        ConsoleLine.objects.bulk_create(lines)
        if status in Job.FINAL and not self._is_own:  # its code may report more until it exits
            Token.objects.filter(job=job).delete()
        return job

    @property
    def _is_own(self) -> bool:
        """Whether the job's own code sent the request."""
        token = access_of(self.context["request"]).token
        return bool(self.instance and token.job_id == self.instance.pk)

    def _can_set_status(self, job: Job, status: str) -> bool:
        """Return whether the request decides a job's state, or only requests the end.

        Raises:
            ApiConflict: Only the job's runner may report this.
        """
        asker = access_of(self.context["request"])
        if job.runner == Job.Runner.ELSEWHERE or asker.token.user_id == job.agent_id:
            return True
        if status == Job.Status.STOPPED:
            return False
        if self._is_own and status != Job.Status.QUEUED:
            return True
        if job.runner == Job.Runner.AGENT:
            raise ApiConflict('An agent runs the job. Others can only set the status to "stopped".')
        raise ApiConflict('The backend runs the job. Clients can only set the status to "stopped".')


class _JobsView(ResourceViewSet):
    """Jobs by the ids that their tenant knows."""

    serializer_class = JobSerializer
    lookup_value_regex = "[0-9A-Fa-f-]{32,36}"

    @property
    def lookup(self) -> dict[str, Any]:
        key = self.kwargs["pk"]
        with contextlib.suppress(ValueError):
            job = find_job(tenant_of(self.request), uuid.UUID(key))
            return {"pk": job.pk if job is not None else key}
        return {"pk": key}


class TrainViewSet(_JobsView):
    """``trains/``: jobs that train models."""

    @action(detail=True, methods=["put"])
    @transaction.atomic
    def override_best_trial(self, request: Request, pk: str) -> Response:
        """Keep the body as the best trial in the job's ``meta``."""
        job = self.locked_object()
        job.meta = {**job.meta, "best_trial": ObjectField().run_validation(request.data)}
        job.save(update_fields=["meta", "updated"])
        return self.answer(job.pk)


class JobViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, UpdateMixin, _JobsView):
    """``jobs/``; they are made by running a plugin."""

    ordering = ("created",)
    more_filters = {
        "status": AnyOfFilter(field_name="status", item_field=StatusFormField(strip=False)),
        "status__in": InFilter(field_name="status", item_field=StatusFormField(strip=False)),
    }

    @action(detail=True)
    def console_logs(self, request: Request, pk: str) -> Response:
        """Answer the job's output, as one page unless the request has pages."""
        lines = self.get_object().console_lines.order_by("pk").values("message", "level", "created")
        if {"page", "page_size"} & set(request.query_params):
            page = self.paginate_queryset(lines)
            return self.get_paginated_response(page)
        results = list(lines)
        return Response({"count": len(results), "next": None, "previous": None, "results": results})

    @action(detail=True, content_negotiation_class=AnyAccept)
    def tail_console_logs(self, request: Request, pk: str) -> HttpResponseBase:
        """Stream the job's output until the job has ended."""
        return tail(self.get_object(), request)
