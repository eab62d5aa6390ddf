"""Tools for plugin authors: skeletons, checks, packing, and the context of running code.

Names are imported at first use.

Example:
    >>> from synapse.plugins import local_context
    >>> with local_context({"epochs": 3}) as context:
    ...     context.params["epochs"]
    3
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synapse.plugins.config import Action, PluginConfig
    from synapse.plugins.config_file import load_config
    from synapse.plugins.folder_check import PluginProblem, PluginReport, check
    from synapse.plugins.job_context import Context, LocalContext, context, local_context
    from synapse.plugins.local_run import run_local
    from synapse.plugins.packaging import Package, pack
    from synapse.plugins.scaffold import new

__all__ = [
    "Action",
    "Context",
    "LocalContext",
    "Package",
    "PluginConfig",
    "PluginProblem",
    "PluginReport",
    "check",
    "context",
    "load_config",
    "local_context",
    "new",
    "pack",
    "run_local",
]

_MODULE_OF = {
    "Action": "config",
    "Context": "job_context",
    "LocalContext": "job_context",
    "Package": "packaging",
    "PluginConfig": "config",
    "PluginProblem": "folder_check",
    "PluginReport": "folder_check",
    "check": "folder_check",
    "context": "job_context",
    "load_config": "config_file",
    "local_context": "job_context",
    "new": "scaffold",
    "pack": "packaging",
    "run_local": "local_run",
}

if not TYPE_CHECKING:
    # Hidden from type checkers, which would otherwise accept the import of any name.
    def __getattr__(name: str) -> Any:
        module = _MODULE_OF.get(name)
        if module is None:
            raise AttributeError(f"module 'synapse.plugins' has no attribute {name!r}")
        value = getattr(importlib.import_module(f"synapse.plugins.{module}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
