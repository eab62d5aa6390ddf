"""The Django application that the local backend is."""

import threading

from django.apps import AppConfig

from synapse.emulator.fault_switch import Switch


class EmulatorConfig(AppConfig):
    """The application; carries what the process that started it told it."""

    name = "synapse.emulator"
    label = "emulator"
    verbose_name = "Synapse local backend"

    #: Lets its holder make tenants over HTTP; None switches that endpoint off.
    control_token: str | None = None

    #: Set when the server stops: whoever is waiting for something goes.
    stopping = threading.Event()

    #: The faults that whoever holds that token ordered.
    faults = Switch()
