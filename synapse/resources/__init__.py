"""The declared resources, one module per domain of the platform.

A module that is added here is found by itself: importing the package imports each of them, but for
those that declare nothing and are needed by few.
"""

import importlib
import pkgutil

# Imported where they are used: together they would take a tenth of the time of a session's start.
_LATER = {"cluster", "cluster_lists", "console", "plugin_checks", "progress", "waiting"}

for _module in pkgutil.iter_modules(__path__):
    if _module.name not in _LATER:
        importlib.import_module(f"{__name__}.{_module.name}")
