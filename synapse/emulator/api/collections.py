"""Data collections, with their file specifications."""

from typing import Any, NoReturn

from django.db.models import QuerySet
from rest_framework import mixins, serializers

from synapse.emulator.api.base import (
    CreateMixin,
    DestroyMixin,
    ResourceSerializer,
    UpdateMixin,
)
from synapse.emulator.api.fields import PositionalListSerializer
from synapse.emulator.api.hidden_rows import hide_implicit_collection
from synapse.emulator.models import DataCollection, FileSpecification


class FileSpecificationSerializer(serializers.ModelSerializer[FileSpecification]):
    """A file specification inside a collection."""

    id = serializers.IntegerField(required=False)
    index = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)

    class Meta:
        model = FileSpecification
        list_serializer_class = PositionalListSerializer
        fields = (
            "id",
            "name",
            "file_type",
            "function_type",
            "is_required",
            "is_primary",
            "index",
        )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        # A PATCH of the collection makes every field optional, also those of a new specification.
        missing = {"name", "file_type"} - attrs.keys() if "id" not in attrs else set()
        if missing:
            raise serializers.ValidationError(
                {name: ["This field is required."] for name in sorted(missing)}
            )
        return attrs


class DataCollectionSerializer(ResourceSerializer):
    """A data collection, written and read together with the specifications."""

    reads = ("file_specifications",)

    file_specifications = FileSpecificationSerializer(many=True, required=False)

    class Meta(ResourceSerializer.Meta):
        model = DataCollection
        fields = (
            "id",
            "name",
            "description",
            "category",
            "project",
            "file_specifications",
            "meta",
            "is_archived",
            "created",
            "updated",
        )
        expandable_fields = {"project": "synapse.emulator.api.annotation.ProjectSerializer"}

    def create(self, validated_data: dict[str, Any]) -> DataCollection:
        specifications = validated_data.pop("file_specifications", [])
        collection: DataCollection = super().create(validated_data)
        self._set_specifications(collection, specifications)
        return collection

    def update(self, instance: DataCollection, validated_data: dict[str, Any]) -> DataCollection:
        specifications = validated_data.pop("file_specifications", None)
        collection: DataCollection = super().update(instance, validated_data)
        if specifications is not None:
            self._set_specifications(collection, specifications)
        return collection

    def _set_specifications(self, collection: DataCollection, bodies: list[dict[str, Any]]) -> None:
        """Replace the specifications, matched by id, else by name."""
        present = {item.pk: item for item in collection.file_specifications.all()}
        by_name = {item.name: item for item in present.values()}
        items: list[FileSpecification] = []
        for position, values in enumerate(bodies):
            key = values.pop("id", None)
            match = by_name.get(values["name"]) if key is None else present.get(key)
            if key is not None and match is None:
                self._refuse([f'Invalid pk "{key}" - object does not exist.'])
            item = match or FileSpecification(data_collection=collection)
            for name, value in {"index": position, **values}.items():
                setattr(item, name, value)
            items.append(item)
        names = [item.name for item in items]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            self._refuse(
                [f'More than one file specification has the name "{name}".' for name in twice]
            )
        used_ids = {item.pk for item in items}
        self._remove([item for item in present.values() if item.pk not in used_ids])
        self._save(items)

    def _remove(self, items: list[FileSpecification]) -> None:
        rows = FileSpecification.objects.filter(pk__in=[item.pk for item in items])
        used = rows.filter(unit_files__isnull=False).distinct().order_by("index", "id")
        names = list(used.values_list("name", flat=True))
        if names:
            self._refuse(
                [f'Data units have files for "{name}". Remove the units first.' for name in names]
            )
        rows.delete()

    def _save(self, items: list[FileSpecification]) -> None:
        # Two that swap their names would each meet the other's old name on the way.
        for item in items:
            rows = FileSpecification.objects.filter(pk=item.pk).exclude(name=item.name)
            rows.update(name=f"\x1f{item.pk}")
        for item in items:
            item.save()

    def _refuse(self, why: list[str]) -> NoReturn:
        raise serializers.ValidationError({"file_specifications": why})


class DataCollectionViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, CreateMixin, UpdateMixin, DestroyMixin
):
    """``data_collections/``."""

    serializer_class = DataCollectionSerializer

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return super().filter_queryset(hide_implicit_collection(queryset, self.request))
