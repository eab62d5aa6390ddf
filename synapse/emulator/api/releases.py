"""Releases of plugins."""

# ruff: noqa: ARG002 (the signatures are the framework's)

from typing import Any

from django.db import transaction
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from synapse.emulator.api.base import ResourceSerializer, ResourceViewSet
from synapse.emulator.api.fields import DocumentField
from synapse.emulator.api.plugins import PluginField, PluginSerializer
from synapse.emulator.api.stored_files import StoredFileField, shorten_filename
from synapse.emulator.archives import InvalidRelease, read_archive
from synapse.emulator.files import store
from synapse.emulator.models import Plugin, PluginRelease


class PluginReleaseSerializer(ResourceSerializer):
    """A release; the zip's configuration is read on arrival."""

    reads = ("blob",)

    plugin = PluginField(queryset=Plugin.objects.all())
    file = StoredFileField()
    is_stable = serializers.BooleanField(default=True)

    class Meta(ResourceSerializer.Meta):
        model = PluginRelease
        fields = (
            "id",
            "plugin",
            "version",
            "changelog",
            "is_stable",
            "config",
            "file",
            "readme",
            "created",
            "updated",
        )
        read_only_fields = ("config",)
        expandable_fields = {"plugin": PluginSerializer}
        validators: list[Any] = []  # the version's own error says more than that of the pair

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        self._refuse_twice(attrs)
        try:
            archive = read_archive(
                attrs["file"], code=attrs["plugin"].code, version=attrs["version"]
            )
            config = DocumentField().run_validation(archive.config)
        except InvalidRelease as error:
            raise serializers.ValidationError({"file": error.reasons}) from error
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"file": error.detail}) from error
        return {
            **attrs,
            "config": config,
            "readme": attrs.get("readme") or archive.readme,
        }

    def create(self, validated_data: dict[str, Any]) -> PluginRelease:
        content = validated_data.pop("file")
        # Outside a transaction, which would keep all other writers waiting.
        blob = store(self.owner, content)
        with transaction.atomic():
            plugin = Plugin.objects.select_for_update().get(pk=validated_data["plugin"].pk)
            self._refuse_twice(validated_data)
            release: PluginRelease = super().create(
                {**validated_data, "blob": blob, "filename": shorten_filename(content)}
            )
            plugin.version = release.version
            plugin.save(update_fields=["version", "updated"])
        return release

    def _refuse_twice(self, values: dict[str, Any]) -> None:
        if values["plugin"].releases.filter(version=values["version"]).exists():
            raise serializers.ValidationError(
                {"version": ["The plugin has a release with this version already."]}
            )


class PluginReleaseViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ResourceViewSet):
    """``plugin_releases/``."""

    serializer_class = PluginReleaseSerializer

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self.answer(serializer.save().pk, status.HTTP_201_CREATED)
