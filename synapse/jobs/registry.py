"""The runners by name. A runner is one module with `build_runner`, and one row here."""

from __future__ import annotations

from importlib import import_module

from synapse._internal.hints import suggestion
from synapse.errors import ConfigurationError
from synapse.jobs.protocols import Machines, Runner, RunnerOptions

__all__ = ["RUNNERS", "build_runner"]

#: The module of each runner, imported when an agent chooses the runner.
RUNNERS = {
    "local": "synapse.jobs.local.runner",
    "ray": "synapse.jobs.ray.runner",
}


def build_runner(name: str, options: RunnerOptions) -> tuple[Runner, Machines]:
    """Return a runner, and the machines that the jobs run on.

    Args:
        name: Name of the runner, a key of `RUNNERS`.
        options: The runner's options.

    Raises:
        ConfigurationError: No runner has this name, or an option is missing.
    """
    module = RUNNERS.get(name)
    if module is None:
        raise ConfigurationError(f"Runner {name!r} does not exist{suggestion(name, RUNNERS)}")
    built: tuple[Runner, Machines] = import_module(module).build_runner(options)
    return built
