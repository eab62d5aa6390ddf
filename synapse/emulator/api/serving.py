"""Serve applications: plugins that answer requests."""

from typing import Any

from rest_framework import mixins, serializers

from synapse.emulator.api.base import CreateMixin, DestroyMixin, ResourceSerializer
from synapse.emulator.api.fields import ObjectField
from synapse.emulator.api.jobs import JobSerializer
from synapse.emulator.api.releases import PluginReleaseSerializer
from synapse.emulator.job_scope import validate_own_job
from synapse.emulator.models import Job, ServeApplication


class ServeApplicationSerializer(ResourceSerializer):
    """A serve application, as the deployer describes it."""

    data = ObjectField(required=False, allow_null=True)

    class Meta(ResourceSerializer.Meta):
        model = ServeApplication
        fields = (
            "id",
            "name",
            "plugin_release",
            "job",
            "status",
            "data",
            "created",
            "updated",
        )
        extra_kwargs = {"name": {"required": False}}
        expandable_fields = {"plugin_release": PluginReleaseSerializer, "job": JobSerializer}

    def validate_job(self, job: Job | None) -> Job | None:
        """Refuse another job to a job's token."""
        validate_own_job(self.context["request"], job)
        return job

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("name") and attrs.get("job") is None:
            raise serializers.ValidationError(
                {"name": ["This field is required, unless the application has a job."]}
            )
        return attrs


class ServeApplicationViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, CreateMixin, DestroyMixin
):
    """``serve_applications/``."""

    serializer_class = ServeApplicationSerializer

    def locked_object(self) -> ServeApplication:
        application: ServeApplication = super().locked_object()
        validate_own_job(self.request, application.job)
        return application
