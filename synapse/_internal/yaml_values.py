"""Let PyYAML write the SDK's values as plain ones.

PyYAML knows types, not their bases: a `dict` that reports changes, or an enumeration that is a
string, is nothing to `safe_dump` until it is registered. PyYAML is optional and may be imported
later than the SDK, so that registering waits for that import.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["write_as"]

_Convert = Callable[[Any], Any]
_converters: dict[type, _Convert] = {}


def write_as(cls: type, convert: _Convert) -> None:
    """Register how YAML writes the values of a class and its subclasses.

    Args:
        cls: The class.
        convert: Returns a plain value for one of the class.
    """
    _converters[cls] = convert
    yaml = sys.modules.get("yaml")
    if yaml is None:
        if _watcher not in sys.meta_path:
            sys.meta_path.insert(0, _watcher)
    elif hasattr(yaml, "SafeDumper"):  # else it is being imported
        _register(yaml, {cls: convert})


def _register(yaml: Any, converters: dict[type, _Convert]) -> None:
    base = yaml.representer.SafeRepresenter
    for representer in dict.fromkeys([base, *_find_own_representers(base)]):
        for cls, convert in converters.items():
            representer.add_multi_representer(cls, _build_representer(convert))


def _find_own_representers(base: Any) -> list[Any]:
    """Return the classes that don't inherit what is registered on the class above them."""
    below = [one for cls in base.__subclasses__() for one in _find_own_representers(cls)]
    return [base, *below] if "yaml_multi_representers" in base.__dict__ else below


def _build_representer(convert: _Convert) -> Callable[[Any, Any], Any]:
    return lambda dumper, value: dumper.represent_data(convert(value))


class _Watcher(MetaPathFinder):
    """Waits for the import of PyYAML."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "yaml":
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _RegisteringLoader(spec.loader)
                return spec
        return None


class _RegisteringLoader(Loader):
    """Loads PyYAML by its own loader, and registers the classes."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        if _watcher in sys.meta_path:
            sys.meta_path.remove(_watcher)
        _register(module, _converters)


_watcher = _Watcher()
