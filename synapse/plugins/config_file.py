"""Find and read a release's configuration file, in a folder or a zip."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import IO, Any

from synapse._internal.user_folders import expand_home
from synapse.errors import MissingExtra, PluginConfigError, UsageError
from synapse.plugins.archive import open_zip, read_entry
from synapse.plugins.config import PluginConfig

__all__ = [
    "CONFIG_NAMES",
    "describe_plugin",
    "explain_missing",
    "find_config",
    "load_config",
    "parse_config",
    "read_config",
    "read_plugin_fields",
]

#: Names of the configuration file, at the top of a release.
CONFIG_NAMES = ("config.yaml", "config.json")

_MAX_BYTES = 1 << 20
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
# Errors of the parsers for a malformed document.
_UNREADABLE = (ValueError, TypeError, ArithmeticError, AttributeError, LookupError, RecursionError)


def read_config(place: str | os.PathLike[str] | IO[bytes]) -> dict[str, Any]:
    """Read a release's configuration, unchecked.

    Args:
        place: A folder, or a zip: a path, or a file open_zip for reading.

    Returns:
        The configuration as plain JSON values.

    Raises:
        BadArchive: The file isn't a zip.
        PluginConfigError: The configuration is missing, or can't be read.
        MissingExtra: The configuration is YAML, and PyYAML isn't installed.
    """
    return _require_config(place)[1]


def load_config(
    place: str | os.PathLike[str] | IO[bytes],
    *,
    code: str | None = None,
    version: str | None = None,
) -> PluginConfig:
    """Read and check a release's configuration.

    Args:
        place: A folder, or a zip: a path, or a file open_zip for reading.
        code: The required code of the plugin.
        version: The required version of the release.

    Raises:
        BadArchive: The file isn't a zip.
        PluginConfigError: The configuration is missing, can't be read, or has mistakes.
        MissingExtra: The configuration is YAML, and PyYAML isn't installed.
    """
    name, document = _require_config(place)
    return PluginConfig.parse(document, source=name, code=code, version=version)


def find_config(
    place: str | os.PathLike[str] | IO[bytes],
) -> tuple[str | None, dict[str, Any]]:
    """Read a release's configuration, if any.

    Returns:
        The file's name and content; `None` and an empty mapping without a configuration.

    Raises:
        BadArchive: The file isn't a zip.
        PluginConfigError: The configuration can't be read.
        MissingExtra: The configuration is YAML, and PyYAML isn't installed.
    """
    if isinstance(place, (str, os.PathLike)) and (folder := expand_home(place)).is_dir():
        texts = {name: _read_file(folder / name) for name in CONFIG_NAMES}
    else:
        with open_zip(place) as source:
            texts = {name: read_entry(source, name, _MAX_BYTES) for name in CONFIG_NAMES}
    for name, text in texts.items():
        if text is not None:
            return name, parse_config(name, text)
    return None, {}


def _require_config(place: str | os.PathLike[str] | IO[bytes]) -> tuple[str, dict[str, Any]]:
    name, document = find_config(place)
    if name is None:
        raise PluginConfigError({"": [explain_missing(place)]}, "config.yaml")
    return name, document


def explain_missing(place: str | os.PathLike[str] | IO[bytes]) -> str:
    """Return the reason to refuse a folder or a zip without a configuration."""
    if isinstance(place, (str, os.PathLike)) and (folder := expand_home(place)).is_dir():
        return (
            f"Missing at the top of {folder.resolve()}. Name a plugin's folder, or make one: "
            "`synapse plugin new FOLDER`."
        )
    return "Missing at the top of the release."


def read_plugin_fields(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return a plugin's fields from the configuration in a folder.

    Raises:
        UsageError: The folder has no valid configuration.
        MissingExtra: The configuration is YAML, and PyYAML isn't installed.
    """
    if not expand_home(folder).is_dir():
        raise UsageError(f"{folder} is not a folder.")
    return describe_plugin(load_config(folder))


def describe_plugin(config: PluginConfig) -> dict[str, Any]:
    """Return a plugin's fields from the configuration of a release."""
    names = ("code", "name", "category", "description", "author")
    return {name: getattr(config, name) for name in names if getattr(config, name)}


def parse_config(name: str, text: bytes) -> dict[str, Any]:
    """Parse a configuration's text into plain JSON values.

    Args:
        name: The file's name, which decides about the format.
        text: The file's content.

    Raises:
        PluginConfigError: The text is too large, or can't be parsed.
        MissingExtra: The text is YAML, and PyYAML isn't installed.
    """
    if len(text) > _MAX_BYTES:  # a parser takes minutes, and a hundred times the memory
        raise PluginConfigError({"": [f"Larger than {_MAX_BYTES // 1024} KiB."]}, name)
    errors: tuple[type[Exception], ...] = _UNREADABLE
    if name.endswith(".json"):
        load: Any = json.loads
    else:
        try:
            import yaml
        except ImportError as error:
            raise MissingExtra("Reading config.yaml", "plugins") from error
        load = yaml.safe_load
        errors = (*errors, yaml.YAMLError)
    try:
        document = _plain(load(text))
    except errors as error:
        reason = " ".join(_without_excerpt(error).split())
        raise PluginConfigError({"": [f"Can't be read: {reason[:300]}."]}, name) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise PluginConfigError({"": ["Not a mapping."]}, name)
    return document


def _without_excerpt(error: Exception) -> str:
    """Return a parser's message without the quoted line and the mark below."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or not problem:
        return str(error)
    return f"{problem}, in line {mark.line + 1}, column {mark.column + 1}"


def _plain(document: Any) -> Any:
    """Convert YAML values to JSON; a few YAML references can stand for gigabytes."""
    parts: list[str] = []
    size = 0
    encoder = json.JSONEncoder(default=str, allow_nan=False, ensure_ascii=False)
    for part in encoder.iterencode(document):
        size += len(part)
        if size > _MAX_BYTES:
            raise ValueError("too large")
        parts.append(part)
    text = "".join(parts)
    if _ESCAPED_NUL.search(text):
        raise ValueError("a text has a NUL, which servers can't store")
    return json.loads(text.encode())  # refuses half of a surrogate pair


def _read_file(path: Path) -> bytes | None:
    if not path.is_file():  # a named pipe has no end
        return None
    with path.open("rb") as file:
        return file.read(_MAX_BYTES + 1)
