"""Tools for plugin authors: configuration, packing, and the context of running code.

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
    from synapse.plugins.job_context import Context, LocalContext, context, local_context
    from synapse.plugins.packaging import Package, pack

__all__ = [
    "Action",
    "Context",
    "LocalContext",
    "Package",
    "PluginConfig",
    "context",
    "load_config",
    "local_context",
    "pack",
]

_MODULE_OF = {
    "Action": "config",
    "Context": "job_context",
    "LocalContext": "job_context",
    "Package": "packaging",
    "PluginConfig": "config",
    "context": "job_context",
    "load_config": "config_file",
    "local_context": "job_context",
    "pack": "packaging",
}


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'synapse.plugins' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"synapse.plugins.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
