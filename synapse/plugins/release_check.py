"""Check a configuration against the files of the release."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from typing import Any

from synapse.errors import PluginConfigError
from synapse.plugins.config import ENTRYPOINT, PluginConfig
from synapse.plugins.mapping_reader import near

__all__ = ["check_release"]

_COMPILED = (".so", ".pyd")


def check_release(
    document: Mapping[str, Any],
    *,
    source: str,
    names: Collection[str],
    read: Callable[[str], bytes],
    is_left_out: Callable[[str], bool] | None = None,
    code: str | None = None,
    version: str | None = None,
) -> PluginConfig:
    """Check a configuration, and that the release contains the named files.

    Args:
        document: The configuration.
        source: Name of the configuration file.
        names: Names of the release's files.
        read: Reads a file.
        is_left_out: Returns whether an existing file isn't part of the release.
        code: The required code of the plugin.
        version: The required version of the release.

    Raises:
        PluginConfigError: The configuration has mistakes; the message names all.
    """
    found: dict[str, list[str]] = {}
    config = None
    try:
        config = PluginConfig.parse(document, source=source, code=code, version=version)
    except PluginConfigError as error:
        found = error.problems
    for path, entrypoint in _entrypoints(document):
        reason = _missing(entrypoint, names, read, is_left_out)
        if reason is not None and path not in found:
            found[path] = [reason]
    installs = document.get("install") is True
    listed = document.get("requirements") or "requirements.txt" in names
    if installs and not listed and "requirements" not in found:
        found["requirements"] = [
            "It is missing: `install` needs it, or a requirements.txt at the top."
        ]
    if config is None or found:
        raise PluginConfigError(found, source)
    return config


def _entrypoints(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    actions = document.get("actions")
    if not isinstance(actions, Mapping):
        return []
    return [
        (f"actions.{name}.entrypoint", action["entrypoint"])
        for name, action in actions.items()
        if isinstance(action, Mapping)
        and isinstance(action.get("entrypoint"), str)
        and ENTRYPOINT.fullmatch(action["entrypoint"])
    ]


def _missing(
    entrypoint: str,
    names: Collection[str],
    read: Callable[[str], bytes],
    is_left_out: Callable[[str], bool] | None,
) -> str | None:
    """Return why an entrypoint can't be found, as far as that shows without running code."""
    module, _, function = entrypoint.partition(":")
    base = module.replace(".", "/")
    files = (f"{base}.py", f"{base}/__init__.py")
    file = next((name for name in files if name in names), None)
    if file is None:
        if any(name.startswith(f"{base}.") and name.endswith(_COMPILED) for name in names):
            return None
        for name in files:
            if is_left_out is not None and is_left_out(name):
                return f"The release has no {name}: .gitignore leaves it out."
        return f"The release has no {files[0]}{near(files[0], names)}"
    there = _names_in(read(file))
    first = function.partition(".")[0]
    if there is None or first in there:
        return None
    return f"{file} has no {first!r}{near(first, there)}"


def _names_in(source: bytes) -> set[str] | None:
    """Return the names that a module may define; `None` if reading can't tell."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # it may be for another Python than this one
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(names=[ast.alias(name="*"), *_]):
                return None
            case ast.FunctionDef(name="__getattr__") | ast.Name(id="globals" | "setattr" | "exec"):
                return None
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.add(node.name)
            case ast.alias():
                found.add(node.asname or node.name.partition(".")[0])
            case ast.Name(ctx=ast.Store()):
                found.add(node.id)
            case _:
                pass
    return found
