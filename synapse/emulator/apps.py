"""The Django application that the local backend is."""

import threading
import uuid
from typing import TYPE_CHECKING

from django.apps import AppConfig

from synapse.emulator.behaviours import BehaviourStore
from synapse.emulator.fault_switch import FaultSwitch

if TYPE_CHECKING:
    from synapse.emulator.agent_registry import ConnectedAgents
    from synapse.emulator.job_runner import JobRunner


class EmulatorConfig(AppConfig):
    """The application, with the settings of the process that started the server."""

    name = "synapse.emulator"
    label = "emulator"
    verbose_name = "Synapse local backend"

    #: Lets the holder create tenants over HTTP; None switches that endpoint off.
    control_token: str | None = None

    #: Port of the storage service; None where the API's own port serves it.
    storage_port: int | None = None

    #: Set when the server stops: all waiting requests end.
    stopping = threading.Event()

    #: The faults that holders of that token armed.
    faults = FaultSwitch()

    #: The behaviours that holders of that token chose.
    behaviours = BehaviourStore()

    #: Final statuses that jobs' own code reported, until their processes end. Lost with a restart
    #: of the server, which ends the jobs that it runs.
    announced: dict[uuid.UUID, str] = {}  # one for the process, as all of these

    #: Seconds for which a job's token is valid at most.
    job_token_lifetime = 7 * 86400.0

    #: The job runner; None where several processes may serve, none of which sees all jobs.
    running: "JobRunner | None" = None

    #: The agents that jobs can be given to.
    agents: "ConnectedAgents | None" = None
