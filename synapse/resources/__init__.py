"""The declared resources, one module per domain of the platform.

A module that is added here is found by itself: importing the package imports each of them.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
