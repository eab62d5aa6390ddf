"""Storages of files, as far as the platform knows them."""

from django.db import models

from synapse.emulator.models.base import TenantOwned
from synapse.emulator.models.documents import JSONField


class Storage(TenantOwned):
    """A place for files; at most one of a tenant is the default."""

    class Provider(models.TextChoices):
        """Kind of a storage service."""

        AMAZON_S3 = "amazon_s3"
        AZURE = "azure"
        DIGITAL_OCEAN = "digital_ocean"
        FILE_SYSTEM = "file_system"
        FTP = "ftp"
        SFTP = "sftp"
        MINIO = "minio"
        GCP = "gcp"
        S3 = "s3"
        GCS = "gcs"
        SYNOLOGY = "synology"
        SMB = "smb"

    class Category(models.TextChoices):
        """Owner of a storage."""

        INTERNAL = "internal"
        EXTERNAL = "external"

    name = models.CharField(max_length=255)
    provider = models.CharField(max_length=16, choices=Provider.choices)
    category = models.CharField(max_length=8, choices=Category.choices, default=Category.INTERNAL)
    #: Access data, secrets included.
    configuration = JSONField()
    is_default = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=models.Q(is_default=True),
                name="one_default_storage_per_tenant",
            )
        ]

    def __str__(self) -> str:
        return self.name
