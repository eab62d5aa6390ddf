"""Ground truth, read-only here; the process that started the server adds rows."""

from typing import Any

from django.db.models import Count, Q, QuerySet
from rest_framework import mixins, serializers

from synapse.emulator.api.annotation import ProjectSerializer
from synapse.emulator.api.base import ResourceSerializer, ResourceViewSet
from synapse.emulator.api.script_lists import ScriptListViewSet
from synapse.emulator.api.units import DataUnitSerializer, describe_files
from synapse.emulator.filters import RelationFilter, ThroughFilter, make_column_filters
from synapse.emulator.models import GroundTruth, GroundTruthEvent, GroundTruthVersion, Split

_VERSION = GroundTruthEvent._meta.get_field("ground_truth_dataset_version")
_PROJECT = GroundTruthEvent._meta.get_field("project")
_DATASET = GroundTruthVersion._meta.get_field("ground_truth_dataset")


class GroundTruthVersionSerializer(ResourceSerializer):
    """A version; the database counts the events with the rows."""

    event_count = serializers.IntegerField(read_only=True)
    statistics = serializers.SerializerMethodField()

    class Meta(ResourceSerializer.Meta):
        model = GroundTruthVersion
        fields = (
            "id",
            "version",
            "ground_truth_dataset",
            "event_count",
            "description",
            "is_archived",
            "statistics",
            "created",
            "updated",
        )

    @classmethod
    def annotate(cls, queryset: QuerySet[Any]) -> QuerySet[Any]:
        counts = {
            f"{split}_count": Count("events", filter=Q(events__category=split))
            for split in Split.values
        }
        rows: QuerySet[Any] = queryset.annotate(event_count=Count("events"), **counts)
        return rows

    def get_statistics(self, version: Any) -> dict[str, int]:
        return {split: getattr(version, f"{split}_count") for split in Split.values}


class GroundTruthSerializer(ResourceSerializer):
    """The current ground truth of a data unit, with the URLs of the unit's files."""

    files = serializers.SerializerMethodField()

    class Meta(ResourceSerializer.Meta):
        model = GroundTruth
        fields = (
            "id",
            "data",
            "data_unit",
            "files",
            "category",
            "ground_truth_dataset",
            "project",
            "meta",
            "created",
            "updated",
        )
        expandable_fields = {"data_unit": DataUnitSerializer, "project": ProjectSerializer}

    def get_files(self, truth: GroundTruth) -> dict[str, Any]:
        return describe_files(truth.data_unit_id, self.context)


class GroundTruthEventSerializer(ResourceSerializer):
    """A ground truth within a version, with the URLs of the unit's files.

    The ``id`` is the ground truth's, so that versions repeat it; ``pgh_id`` is unique.
    """

    pgh_id = serializers.IntegerField(source="pk", read_only=True)
    id = serializers.IntegerField(source="ground_truth_id", read_only=True)
    files = serializers.SerializerMethodField()

    class Meta(ResourceSerializer.Meta):
        model = GroundTruthEvent
        fields = (
            "pgh_id",
            "id",
            "ground_truth",
            "data",
            "data_unit",
            "files",
            "category",
            "ground_truth_dataset_version",
            "project",
            "meta",
            "created",
            "updated",
        )
        expandable_fields = {
            "ground_truth": GroundTruthSerializer,
            "data_unit": DataUnitSerializer,
            "ground_truth_dataset_version": GroundTruthVersionSerializer,
            "project": ProjectSerializer,
        }

    def get_files(self, event: GroundTruthEvent) -> dict[str, Any]:
        return describe_files(event.data_unit_id, self.context)


class GroundTruthVersionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ResourceViewSet):
    """``ground_truth_dataset_versions/``; ``project`` is that of some of the events."""

    serializer_class = GroundTruthVersionSerializer
    more_filters = {
        "project": ThroughFilter(
            relation=_PROJECT, back="ground_truth_dataset_version", label="project"
        )
    }


class GroundTruthViewSet(mixins.ListModelMixin, ResourceViewSet):
    """``ground_truths/``."""

    serializer_class = GroundTruthSerializer
    more_filters = {
        "ground_truth_dataset_versions": ThroughFilter(
            relation=_VERSION, back="ground_truth", label="ground_truth_dataset_versions"
        )
    }


class GroundTruthEventViewSet(ScriptListViewSet):
    """``sdk/ground_truth_events/``."""

    serializer_class = GroundTruthEventSerializer
    columns = {"pgh_id": "id", "id": "ground_truth"}
    more_filters = {
        **make_column_filters("id", "ground_truth"),
        **make_column_filters("pgh_id", "id"),
        "ground_truth_dataset_versions": RelationFilter(
            relation=_VERSION,
            field_name="ground_truth_dataset_version",
            label="ground_truth_dataset_versions",
        ),
        "ground_truth_dataset": RelationFilter(
            relation=_DATASET,
            field_name="ground_truth_dataset_version__ground_truth_dataset",
            label="ground_truth_dataset",
        ),
    }
