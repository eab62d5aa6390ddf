"""Data collections, data units and files."""

from django.db import models

from synapse.emulator.models.base import Category, TenantOwned
from synapse.emulator.models.documents import JSONField
from synapse.emulator.models.loading import LoadedModel
from synapse.emulator.models.relations import ForeignKey


class DataCollection(TenantOwned):
    """A set of data units with the same kinds of files."""

    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    category = models.CharField(max_length=16, choices=Category.choices)
    project = ForeignKey(
        "emulator.Project", models.SET_NULL, null=True, blank=True, related_name="data_collections"
    )
    meta = JSONField(default=dict, blank=True)
    is_archived = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name


class FileSpecification(LoadedModel):
    """One kind of file in a collection's units, known by name."""

    class FileType(models.TextChoices):
        """Type of the file's content."""

        IMAGE = "image"
        VIDEO = "video"
        AUDIO = "audio"
        TEXT = "text"
        PCD = "pcd"
        DATA = "data"

    class FunctionType(models.TextChoices):
        """Function of the file."""

        MAIN = "main"
        SUB = "sub"
        META = "meta"

    data_collection = ForeignKey(DataCollection, models.CASCADE, related_name="file_specifications")
    name = models.CharField(max_length=255)
    file_type = models.CharField(max_length=8, choices=FileType.choices)
    function_type = models.CharField(
        max_length=8, choices=FunctionType.choices, default=FunctionType.MAIN
    )
    is_required = models.BooleanField(default=False)
    is_primary = models.BooleanField(default=False)
    index = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["data_collection", "name"], name="one_specification_per_name"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Blob(LoadedModel):
    """Content, stored once for each tenant and SHA-256."""

    tenant = ForeignKey("emulator.Tenant", models.CASCADE, related_name="+")
    #: The MD5 that rows show. Different contents may have the same one.
    checksum = models.CharField(max_length=32)
    #: Empty where content was stored before the column was there.
    sha1 = models.CharField(max_length=40, blank=True)
    #: Empty where content was stored before the column was there.
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "sha256"],
                condition=~models.Q(sha256=""),
                name="one_blob_per_content",
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "sha1"], name="blob_by_sha1"),
            models.Index(fields=["tenant", "checksum"], name="blob_by_checksum"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        """Name of the file on disk, part of the URL, and entity tag."""
        return self.sha256 or self.checksum


class DataUnitGroup(TenantOwned):
    """A node in the tree of a collection's groups of units, known by name below its parent."""

    data_collection = ForeignKey(DataCollection, models.CASCADE, related_name="groups")
    parent = ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="children")
    name = models.CharField(max_length=255)

    def __str__(self) -> str:
        return self.name


class DataUnit(TenantOwned):
    """The files that are annotated together."""

    data_collection = ForeignKey(DataCollection, models.CASCADE, related_name="data_units")
    meta = JSONField(default=dict, blank=True)
    checksum = models.CharField(max_length=32, editable=False)
    can_generate_task = models.BooleanField(default=True)
    group = ForeignKey(
        DataUnitGroup, models.SET_NULL, null=True, blank=True, related_name="data_units"
    )

    class Meta:
        indexes = [models.Index(fields=["tenant", "data_collection"], name="unit_by_collection")]

    def __str__(self) -> str:
        return f"data unit {self.pk}"


class UnitFile(LoadedModel):
    """The content of a unit's file for one of the collection's specifications."""

    data_unit = ForeignKey(DataUnit, models.CASCADE, related_name="unit_files")
    specification = ForeignKey(FileSpecification, models.CASCADE, related_name="unit_files")
    blob = ForeignKey(Blob, models.PROTECT, related_name="unit_files")
    path = models.CharField(max_length=1024)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["data_unit", "specification"], name="one_file_per_specification"
            )
        ]

    def __str__(self) -> str:
        return self.path


class DataFile(TenantOwned):
    """An upload of a file; several may share one content."""

    blob = ForeignKey(Blob, models.PROTECT, related_name="data_files")
    filename = models.CharField(max_length=255)
    meta = JSONField(default=dict, blank=True)
    data_unit = ForeignKey(
        DataUnit, models.SET_NULL, null=True, blank=True, related_name="data_files"
    )
    processing_status = models.CharField(max_length=16, default="completed")

    def __str__(self) -> str:
        return self.filename
