"""Log entries: they are written, but not listed."""

# ruff: noqa: ARG002 (the signatures are the framework's)

from typing import Any

from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from synapse.emulator.api.base import BulkCreateMixin, ResourceSerializer
from synapse.emulator.api.fields import WordField
from synapse.emulator.api.jobs import JobSerializer
from synapse.emulator.api.stored_files import DataUriField, shorten_filename
from synapse.emulator.files import store
from synapse.emulator.job_scope import validate_own_job
from synapse.emulator.models import Job, Log, LogLevel


class LogSerializer(ResourceSerializer):
    """A log entry, with a file as a data URI."""

    reads = ("blob",)

    level = WordField(choices=LogLevel.choices, required=False)
    file = DataUriField(required=False, allow_null=True)

    class Meta(ResourceSerializer.Meta):
        model = Log
        fields = (
            "id",
            "job",
            "level",
            "message",
            "event",
            "step",
            "datetime",
            "data",
            "file",
            "created",
        )
        extra_kwargs = {
            "message": {"required": False, "allow_blank": True, "trim_whitespace": False}
        }
        expandable_fields = {"job": JobSerializer}

    def validate_job(self, job: Job | None) -> Job | None:
        """Refuse another job to a job's token."""
        validate_own_job(self.context["request"], job)
        return job

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "message" not in attrs and not attrs.get("event"):
            raise serializers.ValidationError(
                {"message": ["This field is required, unless the entry has an event."]}
            )
        return attrs

    def bulk_create(self, items: list[dict[str, Any]]) -> list[Log]:
        for item in items:
            content = item.pop("file", None)
            if content is not None:
                item.update(blob=store(self.owner, content), filename=shorten_filename(content))
        with transaction.atomic():
            logs: list[Log] = super().bulk_create(items)
        return logs


class LogViewSet(BulkCreateMixin):
    """``logs/``."""

    serializer_class = LogSerializer

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # Outside a transaction, which would keep all other writers waiting.
        return self.create_all(request)
