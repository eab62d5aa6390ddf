"""The declared resources, one module per noun of the platform.

New modules are found by themselves. A module is imported when one of its classes is used: importing
all of them would take a tenth of a session's start.
"""

from synapse._internal.lazy_import import load
from synapse._public import MODULE_OF
from synapse.orm import registry

# By their names without case and underscores, as a class and its root manager have them in common.
_PLACES = {
    name.lower(): module for name, module in MODULE_OF.items() if module.startswith(f"{__name__}.")
}


def _enter(module: str) -> None:
    load(module)
    registry.publish(module)


def _enter_exported(name: str) -> None:
    """Import the module of a class that `synapse` exports, such as `DataUnit` or `data_units`."""
    key = name.replace("_", "").lower()
    module = _PLACES.get(key) or _PLACES.get(key.removesuffix("s"))
    if module is not None:
        _enter(module)


def _enter_all(_: str) -> None:
    """Import every module here, wherever the name may be."""
    import pkgutil  # only a name that isn't exported needs it

    for module in pkgutil.iter_modules(__path__):
        _enter(f"{__name__}.{module.name}")


registry.set_loaders(_enter_exported, _enter_all)
