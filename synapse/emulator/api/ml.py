"""Trained models."""

# ruff: noqa: ARG002 (the signatures are the framework's)

from typing import Any

from django.db import transaction
from rest_framework import mixins, serializers, status
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from synapse.emulator.api.annotation import ProjectSerializer
from synapse.emulator.api.base import DestroyMixin, ResourceSerializer
from synapse.emulator.api.plugins import PluginField, PluginSerializer
from synapse.emulator.api.stored_files import StoredFileField, shorten_filename
from synapse.emulator.api.uploads import CompleteUploadField
from synapse.emulator.files import store, store_upload
from synapse.emulator.models import Model, Plugin


class ModelSerializer(ResourceSerializer):
    """A model, with a file from the request or from a finished upload."""

    reads = ("blob",)

    plugin = PluginField(queryset=Plugin.objects.all(), required=False, allow_null=True)
    file = StoredFileField(required=False)
    chunked_upload = CompleteUploadField(write_only=True, required=False)
    is_active = serializers.BooleanField(default=True)

    class Meta(ResourceSerializer.Meta):
        model = Model
        fields = (
            "id",
            "name",
            "description",
            "model_type",
            "project",
            "plugin",
            "version",
            "checkpoint",
            "file",
            "chunked_upload",
            "metrics",
            "configuration",
            "is_active",
            "created",
            "updated",
        )
        expandable_fields = {
            "project": ProjectSerializer,
            "plugin": PluginSerializer,
            "checkpoint": "synapse.emulator.api.ml.ModelSerializer",
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "file" in attrs and "chunked_upload" in attrs:
            raise serializers.ValidationError(
                {"file": ["Send either a file or the id of a finished chunked_upload."]}
            )
        return attrs

    # Outside a transaction, which would keep all other writers waiting.

    def create(self, validated_data: dict[str, Any]) -> Model:
        model: Model = super().create(self._stored(validated_data))
        return model

    def update(self, instance: Model, validated_data: dict[str, Any]) -> Model:
        values = self._stored(validated_data)
        with transaction.atomic():
            locked = get_object_or_404(Model.objects.select_for_update(), pk=instance.pk)
            model: Model = super().update(locked, values)
        return model

    def _stored(self, values: dict[str, Any]) -> dict[str, Any]:
        content, upload = values.pop("file", None), values.pop("chunked_upload", None)
        if content is not None:
            values["blob"], values["filename"] = (
                store(self.owner, content),
                shorten_filename(content),
            )
        if upload is not None:
            values["blob"] = store_upload(self.owner, upload.path)
            values["filename"] = upload.filename
        return values


class ModelViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, DestroyMixin):
    """``models/``."""

    serializer_class = ModelSerializer

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._save(status.HTTP_201_CREATED, data=request.data)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._save(status.HTTP_200_OK, self.get_object(), data=request.data, partial=True)

    def _save(self, code: int, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(*args, **kwargs)
        serializer.is_valid(raise_exception=True)
        return self.answer(serializer.save().pk, code)
