"""Releases of plugins."""

# ruff: noqa: ARG002 (the signatures are the framework's)

from collections.abc import Mapping
from typing import Any, NoReturn

from django.db import transaction
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from synapse.emulator.api.base import ResourceSerializer, ResourceViewSet
from synapse.emulator.api.fields import DocumentField
from synapse.emulator.api.plugins import (
    PluginField,
    PluginFilter,
    PluginSerializer,
    is_plugin_code,
)
from synapse.emulator.api.stored_files import StoredFileField, shorten_filename
from synapse.emulator.archives import InvalidRelease, read_archive
from synapse.emulator.files import store
from synapse.emulator.models import Plugin, PluginRelease
from synapse.emulator.tenancy import lock_tenant


class NewPluginField(PluginField):
    """A plugin by id or code; the code alone where the tenant has none of this code."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            return super().to_internal_value(data)
        except serializers.ValidationError:
            if not isinstance(data, str) or not is_plugin_code(data):
                raise
            return data

    def refuse(self, code: str) -> NoReturn:
        """Refuse a code that neither a plugin nor the configuration has."""
        try:
            self.fail("does_not_exist", pk_value=code)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"plugin": error.detail}) from error


class PluginReleaseSerializer(ResourceSerializer):
    """A release; the zip's configuration is read on arrival."""

    reads = ("blob",)

    plugin = NewPluginField(queryset=Plugin.objects.all(), required=False)
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
            "debug",
            "config",
            "file",
            "readme",
            "created",
            "updated",
        )
        read_only_fields = ("config",)
        expandable_fields = {"plugin": PluginSerializer}
        extra_kwargs = {"version": {"required": False}}
        validators: list[Any] = []  # the version's own error says more than that of the pair

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        plugin, version = attrs.get("plugin"), attrs.get("version")
        code = plugin.code if isinstance(plugin, Plugin) else None
        if code is not None and version is not None:
            self._find_replaceable(attrs)
        try:
            archive = read_archive(attrs["file"], code=code, version=version)
            config = DocumentField().run_validation(archive.config)
        except InvalidRelease as error:
            raise serializers.ValidationError({"file": error.reasons}) from error
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"file": error.detail}) from error
        if version is None:
            attrs["version"] = self._read_version(config)
        attrs["plugin"] = self._find_plugin(plugin, config)
        self._find_replaceable(attrs)
        return {
            **attrs,
            "config": config,
            "readme": attrs.get("readme") or archive.readme,
        }

    def _read_version(self, config: Mapping[str, Any]) -> str:
        version = config.get("version")
        if version is None:
            raise serializers.ValidationError({"version": ["This field is required."]})
        try:
            read: str = self.fields["version"].run_validation(version)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"version": error.detail}) from error
        return read

    def _find_plugin(self, plugin: Plugin | str | None, config: Mapping[str, Any]) -> Plugin:
        """Return the plugin, or an unsaved one of the configuration's code."""
        if isinstance(plugin, Plugin):
            return plugin
        code = config.get("code")
        if plugin is None and code is None:
            raise serializers.ValidationError({"plugin": ["This field is required."]})
        if plugin not in (None, code):
            self.fields["plugin"].refuse(plugin)
        rows = Plugin.objects.filter(tenant=self.owner)
        own = rows.filter(code=code).first() if isinstance(code, str) else None
        if own is not None:
            return own
        described = {
            name: config[name] for name in ("name", "description", "category") if config.get(name)
        }
        serializer = PluginSerializer(
            data={"name": code, **described, "code": code}, context=self.context
        )
        with transaction.atomic():  # the serializer locks the tenant
            is_valid = serializer.is_valid()
        if not is_valid:
            problems = [
                f"{name}: {reason}"
                for name, reasons in serializer.errors.items()
                for reason in reasons
            ]
            raise serializers.ValidationError({"plugin": problems})
        return Plugin(**serializer.validated_data, tenant=self.owner)

    def create(self, validated_data: dict[str, Any]) -> PluginRelease:
        content = validated_data.pop("file")
        # Outside a transaction, which would keep all other writers waiting.
        blob = store(self.owner, content)
        with transaction.atomic():
            plugin = self._lock_plugin(validated_data["plugin"])
            validated_data["plugin"] = plugin
            replaced = self._find_replaceable(validated_data)
            values = {
                "changelog": "",
                **validated_data,
                "blob": blob,
                "filename": shorten_filename(content),
            }
            release: PluginRelease = (
                super().create(values) if replaced is None else super().update(replaced, values)
            )
            plugin.version = release.version
            plugin.save(update_fields=["version", "updated"])
        return release

    def _lock_plugin(self, plugin: Plugin) -> Plugin:
        """Return the plugin, made by its first release if missing."""
        if plugin._state.adding:
            lock_tenant(self.owner)
            own = Plugin.objects.filter(tenant=self.owner, code=plugin.code).first()
            if own is None:
                plugin.save()
                return plugin
            plugin = own
        return Plugin.objects.select_for_update().get(pk=plugin.pk)

    def _find_replaceable(self, values: dict[str, Any]) -> PluginRelease | None:
        """Return the debug release of the same version, which a new one replaces."""
        plugin: Plugin = values["plugin"]
        if plugin._state.adding:
            return None
        release = plugin.releases.filter(version=values["version"]).first()
        if release is not None and not release.debug:
            raise serializers.ValidationError(
                {"version": ["The plugin has a release with this version already."]}
            )
        return release


class PluginReleaseViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ResourceViewSet):
    """``plugin_releases/``."""

    serializer_class = PluginReleaseSerializer
    lookup_value_regex = "[0-9]+|[A-Za-z0-9_-]+@[^/]+"
    more_filters = {"plugin": PluginFilter()}

    @property
    def lookup(self) -> dict[str, Any]:
        code, at, version = self.kwargs["pk"].partition("@")
        return {"plugin__code": code, "version": version} if at else {"pk": code}

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self.answer(serializer.save().pk, status.HTTP_201_CREATED)
