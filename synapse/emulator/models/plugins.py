"""Plugins and their releases."""

from django.db import models

from synapse.emulator.models.base import TenantOwned
from synapse.emulator.models.data import Blob
from synapse.emulator.models.documents import JSONField
from synapse.emulator.models.relations import ForeignKey


class Plugin(TenantOwned):
    """Code that runs on data, known by a code within the tenant."""

    class Category(models.TextChoices):
        """Purpose of a plugin."""

        NEURAL_NET = "neural_net"
        EXPORT = "export"
        UPLOAD = "upload"
        SMART_TOOL = "smart_tool"
        PRE_ANNOTATION = "pre_annotation"
        POST_ANNOTATION = "post_annotation"
        DATA_VALIDATION = "data_validation"
        CONVERTER = "converter"
        CUSTOM = "custom"

    code = models.CharField(max_length=100)
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    version = models.CharField(max_length=64, null=True, blank=True)  # null on the wire
    author = models.CharField(max_length=255, blank=True)
    category = models.CharField(
        max_length=16, choices=Category.choices, default=Category.NEURAL_NET
    )
    configuration = JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "code"], name="one_plugin_per_code")
        ]

    def __str__(self) -> str:
        return self.code


class PluginRelease(TenantOwned):
    """One version of a plugin, as a zip."""

    plugin = ForeignKey(Plugin, models.CASCADE, related_name="releases")
    version = models.CharField(max_length=64)
    changelog = models.TextField(blank=True)
    is_stable = models.BooleanField(default=True)
    debug = models.BooleanField(default=False)
    config = JSONField(default=dict, blank=True)
    readme = models.TextField(blank=True)
    blob = ForeignKey(Blob, models.PROTECT, related_name="+", editable=False)
    filename = models.CharField(max_length=255, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plugin", "version"], name="one_release_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.plugin_id}@{self.version}"
