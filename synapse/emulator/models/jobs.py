"""Jobs, their output and their log entries."""

import uuid

from django.db import models
from django.utils import timezone

from synapse.emulator.models.accounts import User
from synapse.emulator.models.base import TenantOwned
from synapse.emulator.models.data import Blob
from synapse.emulator.models.documents import JSONField
from synapse.emulator.models.loading import LoadedModel
from synapse.emulator.models.plugins import Plugin, PluginRelease
from synapse.emulator.models.relations import ForeignKey


class LogLevel(models.TextChoices):
    """Severity of an entry."""

    DEBUG = "debug"
    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    DANGER = "danger"
    ERROR = "error"
    CRITICAL = "critical"


class Job(TenantOwned):
    """A run of a plugin."""

    class Status(models.TextChoices):
        """State of a job."""

        QUEUED = "queued"
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"
        STOPPED = "stopped"

        @property
        def wire(self) -> str:
            """The platform's spelling, as in requests and responses."""
            words = {"queued": "PENDING", "completed": "SUCCEEDED"}
            return words.get(self.value, self.value.upper())

    class Runner(models.TextChoices):
        """Runner of a job."""

        ELSEWHERE = "", "Another program"
        ENGINE = "engine", "This server"
        AGENT = "agent", "An agent"

    #: Final states: no transition leaves them.
    FINAL = (Status.COMPLETED, Status.FAILED, Status.STOPPED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    #: The id by which the tenant knows the job, if another tenant's job has that id as `id`.
    requested_id = models.UUIDField(null=True, blank=True, editable=False)
    plugin = ForeignKey(Plugin, models.CASCADE, related_name="jobs")
    plugin_release = ForeignKey(
        PluginRelease, models.SET_NULL, null=True, blank=True, related_name="jobs"
    )
    agent = ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="jobs")
    action = models.CharField(max_length=255, null=True, blank=True)  # null on the wire
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)
    runner = models.CharField(
        max_length=8, choices=Runner.choices, default=Runner.ELSEWHERE, blank=True, editable=False
    )
    progress = models.FloatField(null=True, blank=True)
    progress_record = JSONField(null=True, blank=True, default=None)
    metrics_record = JSONField(null=True, blank=True, default=None)
    params = JSONField(default=dict, blank=True)
    #: Other keys of the run request.
    options = JSONField(default=dict, blank=True)
    result = JSONField(null=True, blank=True, default=None)
    #: Free facts of the job's code.
    meta = JSONField(default=dict, blank=True)
    debug = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    completed = models.DateTimeField(null=True, blank=True)

    class Meta:
        # A list is in the order of creation: the ids have none.
        indexes = [models.Index(fields=["tenant", "created"], name="job_by_creation")]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "requested_id"], name="one_job_per_requested_id"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def public_id(self) -> uuid.UUID:
        """The id that the tenant sees."""
        key: uuid.UUID = self.requested_id or self.pk
        return key

    @property
    def is_final(self) -> bool:
        """True if the job has ended."""
        return self.status in self.FINAL


class ConsoleLine(LoadedModel):
    """Something that a job printed."""

    job = ForeignKey(Job, models.CASCADE, related_name="console_lines")
    message = models.TextField(blank=True)
    level = models.CharField(
        max_length=8, choices=LogLevel.choices, null=True, blank=True
    )  # null on the wire
    created = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.message


class Log(TenantOwned):
    """An entry that a job or another client wrote."""

    job = ForeignKey(Job, models.CASCADE, null=True, blank=True, related_name="logs")
    level = models.CharField(max_length=8, choices=LogLevel.choices, default=LogLevel.INFO)
    message = models.TextField(blank=True)
    event = models.CharField(max_length=255, null=True, blank=True)  # null on the wire
    step = models.CharField(max_length=255, null=True, blank=True)  # null on the wire
    #: Time of the event, as the job says; `created` is the time of arrival.
    datetime = models.DateTimeField(null=True, blank=True)
    data = JSONField(null=True, blank=True, default=None)
    blob = ForeignKey(Blob, models.PROTECT, null=True, blank=True, related_name="+", editable=False)
    filename = models.CharField(max_length=255, blank=True, editable=False)

    def __str__(self) -> str:
        return self.message


class ServeApplication(TenantOwned):
    """A plugin that answers requests."""

    name = models.CharField(max_length=255, blank=True)
    plugin_release = ForeignKey(
        PluginRelease, models.SET_NULL, null=True, blank=True, related_name="serve_applications"
    )
    job = ForeignKey(Job, models.SET_NULL, null=True, blank=True, related_name="serve_applications")
    status = models.CharField(max_length=32, null=True, blank=True)  # null on the wire
    data = JSONField(null=True, blank=True, default=None)

    def __str__(self) -> str:
        return self.name
