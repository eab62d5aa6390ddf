"""Check a configuration against the files of the release."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from typing import Any

from synapse.errors import PluginConfigError
from synapse.plugins.config import ENTRYPOINT, PLATFORM_MODULE, PluginConfig, split_entrypoint
from synapse.plugins.mapping_reader import did_you_mean

__all__ = ["check_release", "find_entrypoints"]

_COMPILED = (".so", ".pyd")


def check_release(
    document: Mapping[str, Any],
    *,
    source: str,
    names: Collection[str],
    read: Callable[[str], bytes],
    is_ignored: Callable[[str], bool] | None = None,
    code: str | None = None,
    version: str | None = None,
) -> PluginConfig:
    """Check a configuration, and that the release contains the named files.

    Args:
        document: The configuration.
        source: Name of the configuration file.
        names: Names of the release's files.
        read: Reads a file.
        is_ignored: Returns whether an existing file isn't part of the release.
        code: The required code of the plugin.
        version: The required version of the release.

    Raises:
        PluginConfigError: The configuration has mistakes; the message names all.
    """
    problems: dict[str, list[str]] = {}
    config = None
    try:
        config = PluginConfig.parse(document, source=source, code=code, version=version)
    except PluginConfigError as error:
        problems = error.problems
    for path, entrypoint in find_entrypoints(document):
        reason = _find_entrypoint_problem(entrypoint, names, read, is_ignored)
        if reason is not None and path not in problems:
            problems[path] = [reason]
    installs = document.get("install") is True
    listed = document.get("requirements") or "requirements.txt" in names
    if installs and not listed and "requirements" not in problems:
        problems["requirements"] = [
            "Missing: `install` needs requirements, or a requirements.txt at the top."
        ]
    if config is None or problems:
        raise PluginConfigError(problems, source)
    return config


def find_entrypoints(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the well-formed entrypoints of a configuration, each with the path of its key."""
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


def _find_entrypoint_problem(
    entrypoint: str,
    names: Collection[str],
    read: Callable[[str], bytes],
    is_ignored: Callable[[str], bool] | None,
) -> str | None:
    """Return why an entrypoint can't be found, as far as that shows without running code."""
    module, function = split_entrypoint(entrypoint)
    if module.partition(".")[0] == PLATFORM_MODULE:
        return None  # a ready-made action of the platform's package
    base = module.replace(".", "/")
    files = (f"{base}.py", f"{base}/__init__.py")
    file = next((name for name in files if name in names), None)
    first = function.partition(".")[0]
    names_in_file = _names_in(read(file)) if file is not None else set()
    if names_in_file is None or first in names_in_file:
        return None
    if ":" not in entrypoint and f"{base}/{function}.py" in names:
        return f"{entrypoint} is a module. Add the callable, such as {entrypoint}:run."
    if file is None:
        if any(name.startswith(f"{base}.") and name.endswith(_COMPILED) for name in names):
            return None
        for name in files:
            if is_ignored is not None and is_ignored(name):
                return f"The release has no {name}: a rule of git leaves the file out."
        return f"The release has no {files[0]}{did_you_mean(files[0], names)}"
    return f"{file} has no {first!r}{did_you_mean(first, names_in_file)}"


def _names_in(source: bytes) -> set[str] | None:
    """Return the names that a module may define; `None` if reading can't tell."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # perhaps written for another Python
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(names=[ast.alias(name="*"), *_]):
                return None
            case ast.FunctionDef(name="__getattr__") | ast.Name(id="globals" | "setattr" | "exec"):
                return None
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.alias():
                names.add(node.asname or node.name.partition(".")[0])
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case _:
                pass
    return names
