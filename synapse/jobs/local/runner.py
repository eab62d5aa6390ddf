"""The runner of this machine's processes."""

from __future__ import annotations

from synapse.jobs.local.engine import Engine
from synapse.jobs.local.machine import ThisMachine
from synapse.jobs.protocols import Machines, Runner, RunnerOptions

__all__ = ["build_runner"]


def build_runner(options: RunnerOptions) -> tuple[Runner, Machines]:
    """Return an engine, and this machine."""
    engine = Engine(
        options.folder / "engine", workers=options.workers, platform_python=options.python
    )
    return engine, ThisMachine(options.node_id, engine.processes)
