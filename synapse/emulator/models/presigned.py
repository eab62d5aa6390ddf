"""Uploads by URLs that need no token."""

import uuid

from django.db import models

from synapse.emulator.models.accounts import Tenant
from synapse.emulator.models.data import DataFile
from synapse.emulator.models.loading import LoadedModel
from synapse.emulator.models.relations import ForeignKey


class PresignedUpload(LoadedModel):
    """A file that a client announced, and may send to the storage's URLs."""

    key = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = ForeignKey(Tenant, models.CASCADE, related_name="+")
    filename = models.CharField(max_length=255)
    size = models.BigIntegerField()
    content_type = models.CharField(max_length=255, blank=True)
    #: Size of the parts; 0 for an upload in one piece.
    part_size = models.BigIntegerField(default=0)
    data_file = ForeignKey(DataFile, models.SET_NULL, null=True, related_name="+")
    expires = models.DateTimeField()

    def __str__(self) -> str:
        return self.filename

    @property
    def part_count(self) -> int:
        """Number of the parts."""
        return max(1, -(-self.size // self.part_size)) if self.part_size else 1
