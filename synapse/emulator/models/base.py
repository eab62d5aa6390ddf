"""The common base of the tables."""

from django.db import models

from synapse.emulator.models.accounts import Tenant
from synapse.emulator.models.loading import LoadedModel
from synapse.emulator.models.relations import ForeignKey


class Category(models.TextChoices):
    """Kind of data of a project or a data collection."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"
    PCD = "pcd"
    DATA = "data"
    PROMPT = "prompt"
    TIME_SERIES = "time_series"


class TenantOwned(LoadedModel):
    """A row of one tenant, invisible to others."""

    tenant = ForeignKey(Tenant, models.CASCADE, related_name="+", editable=False)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
