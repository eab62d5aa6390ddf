"""Storages: where the platform keeps files."""

# ruff: noqa: ARG002 (the signatures are the framework's)

from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from synapse.emulator.api.base import CreateMixin, ResourceSerializer
from synapse.emulator.api.fields import ObjectField
from synapse.emulator.models import Storage
from synapse.emulator.tenancy import lock_tenant


class StorageSerializer(ResourceSerializer):
    """A storage without the access data, which contain secrets."""

    configuration: Any = ObjectField(write_only=True)

    class Meta(ResourceSerializer.Meta):
        model = Storage
        fields = (
            "id",
            "name",
            "provider",
            "category",
            "configuration",
            "is_default",
            "created",
            "updated",
        )

    def create(self, validated_data: dict[str, Any]) -> Storage:
        if validated_data.get("is_default"):
            lock_tenant(self.owner)
            Storage.objects.filter(tenant=self.owner, is_default=True).update(is_default=False)
        storage: Storage = super().create(validated_data)
        return storage


class StorageWithConfigurationSerializer(StorageSerializer):
    """A storage with the access data, for explicit requests."""

    configuration = ObjectField()


class StorageSessionSerializer(serializers.Serializer[Any]):
    """The body of ``session/``."""

    purpose = serializers.CharField(max_length=255)


class StorageViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, CreateMixin):
    """``storages/``."""

    serializer_class = StorageSerializer

    def get_serializer_class(self) -> type[Any]:
        flag = self.request.query_params.get("with_configuration", "").lower()
        if self.action == "retrieve" and flag in ("true", "1"):
            return StorageWithConfigurationSerializer
        return self.serializer_class

    @action(detail=True, methods=["post"])
    def session(self, request: Request, pk: str) -> Response:
        """Answer the access data for a purpose, for an hour."""
        serializer = StorageSessionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        storage = self.get_object()
        return Response(
            {
                "provider": storage.provider,
                "configuration": storage.configuration,
                "expires_at": timezone.now() + timedelta(hours=1),
                "contract_version": 1,
            }
        )

    @action(detail=False)
    def default(self, request: Request) -> Response:
        """Answer the storage that is used when none is named."""
        storage = get_object_or_404(self.get_queryset(), is_default=True)
        return Response(self.get_serializer(storage).data)
