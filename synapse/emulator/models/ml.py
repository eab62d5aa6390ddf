"""Models, and the ground truth that they are trained and judged by."""

from django.db import models

from synapse.emulator.models.annotation import Project
from synapse.emulator.models.base import TenantOwned
from synapse.emulator.models.data import Blob, DataUnit
from synapse.emulator.models.documents import JSONField
from synapse.emulator.models.plugins import Plugin
from synapse.emulator.models.relations import ForeignKey


class Model(TenantOwned):
    """A trained model, whose file may come later."""

    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    model_type = models.CharField(max_length=64, null=True, blank=True)  # null on the wire
    project = ForeignKey(Project, models.SET_NULL, null=True, blank=True, related_name="models")
    plugin = ForeignKey(Plugin, models.SET_NULL, null=True, blank=True, related_name="models")
    version = models.CharField(max_length=64, null=True, blank=True)  # null on the wire
    #: The model that this one was trained from.
    checkpoint = ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+")
    blob = ForeignKey(Blob, models.PROTECT, null=True, blank=True, related_name="+", editable=False)
    filename = models.CharField(max_length=255, blank=True, editable=False)
    metrics = JSONField(default=dict, blank=True)
    configuration = JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class Split(models.TextChoices):
    """Use of a ground truth."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class GroundTruthDataset(TenantOwned):
    """A set of ground truths, known by name within the tenant."""

    name = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="one_dataset_per_name")
        ]

    def __str__(self) -> str:
        return self.name


class GroundTruthVersion(TenantOwned):
    """A fixed state of a dataset."""

    ground_truth_dataset = ForeignKey(GroundTruthDataset, models.CASCADE, related_name="versions")
    version = models.CharField(max_length=64)
    description = models.TextField(blank=True)
    is_archived = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["ground_truth_dataset", "version"], name="one_version_per_name"
            )
        ]

    def __str__(self) -> str:
        return self.version


class Truth(TenantOwned):
    """The fields of a ground truth, current or within a version."""

    category = models.CharField(max_length=16, choices=Split.choices)
    project = ForeignKey(Project, models.SET_NULL, null=True, blank=True, related_name="+")
    data = JSONField(null=True, blank=True, default=None)
    meta = JSONField(default=dict, blank=True)

    class Meta:
        abstract = True


class GroundTruth(Truth):
    """The current ground truth of a data unit."""

    ground_truth_dataset = ForeignKey(
        GroundTruthDataset, models.CASCADE, related_name="ground_truths"
    )
    data_unit = ForeignKey(DataUnit, models.CASCADE, related_name="ground_truths")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["ground_truth_dataset", "data_unit"], name="one_ground_truth_per_unit"
            )
        ]

    def __str__(self) -> str:
        return f"ground truth {self.pk}"


class GroundTruthEvent(Truth):
    """A ground truth within a version."""

    ground_truth = ForeignKey(GroundTruth, models.CASCADE, related_name="events")
    ground_truth_dataset_version = ForeignKey(
        GroundTruthVersion, models.CASCADE, related_name="events"
    )
    data_unit = ForeignKey(DataUnit, models.CASCADE, related_name="ground_truth_events")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["ground_truth_dataset_version", "data_unit"], name="one_event_per_unit"
            )
        ]

    def __str__(self) -> str:
        return f"ground truth event {self.pk}"
