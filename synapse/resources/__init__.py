"""The declared resources, one module per noun of the platform.

New modules are found by themselves. A module is imported when one of its classes is used: importing
all of them would take a tenth of a session's start.
"""

from synapse._internal.lazy_import import load
from synapse._public import MODULE_OF
from synapse.orm import registry

# A class and its root manager have the same name, without case and underscores.
_MODULE_OF_NAME = {
    name.lower(): module for name, module in MODULE_OF.items() if module.startswith(f"{__name__}.")
}


def _load_and_publish(module: str) -> None:
    load(module)
    registry.publish(module)


def _load_exported(name: str) -> None:
    """Import the module of a class that `synapse` exports, such as `DataUnit` or `data_units`."""
    key = name.replace("_", "").lower()
    module = _MODULE_OF_NAME.get(key) or _MODULE_OF_NAME.get(key.removesuffix("s"))
    if module is not None:
        _load_and_publish(module)


def _load_all(_: str) -> None:
    """Import every module here, for a name that `synapse` doesn't export."""
    import pkgutil

    for module in pkgutil.iter_modules(__path__):
        _load_and_publish(f"{__name__}.{module.name}")


def _load_discovered(name: str) -> None:
    """Import the resources of other packages, for a name that this package doesn't have."""
    load("synapse.orm.discovery").load_discovered(name)


registry.set_loaders(_load_exported, _load_all, _load_discovered)
