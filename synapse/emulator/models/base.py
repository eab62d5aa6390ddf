"""The common base of the tables."""

from django.db import models

from synapse.emulator.models.accounts import Tenant
from synapse.emulator.models.relations import ForeignKey


class Category(models.TextChoices):
    """The kinds of data that a project or a data collection is about."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"
    PCD = "pcd"
    DATA = "data"
    PROMPT = "prompt"
    TIME_SERIES = "time_series"


class TenantOwned(models.Model):
    """A row that belongs to one tenant and that no other can see."""

    tenant = ForeignKey(Tenant, models.CASCADE, related_name="+", editable=False)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
