"""Runs of the declared checks over a transport of the test."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs
import pytest

from synapse.doctor import CHECKS, DoctorReport, examine
from synapse.transport import Transport

#: Runs the checks from the proxy to the upload, each with a limit in seconds.
Examine: TypeAlias = Callable[..., DoctorReport]

_OF_THE_SERVER = ("settings", "proxy", "DNS", "connection", "TLS", "server", "clock", "token")


@pytest.fixture
def run_checks() -> Examine:
    """Run the checks of the way to the server."""

    def run(
        transport: Transport, *more: str, limit: float = 20.0, upload: bool = False
    ) -> DoctorReport:
        names = (*_OF_THE_SERVER, *more)
        checks = [attrs.evolve(check, limit=limit) for check in CHECKS if check.name in names]
        return examine(lambda: transport, checks, upload=upload, seconds=60.0)

    return run
