"""Find and read a release's configuration file, in a folder or a zip."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, Any

from synapse.errors import MissingExtra, PluginConfigError
from synapse.plugins.archive import opened, read_entry
from synapse.plugins.config import PluginConfig

__all__ = ["CONFIG_NAMES", "find_config", "load_config", "parsed", "read_config"]

#: What the configuration may be called; it is at the top.
CONFIG_NAMES = ("config.yaml", "config.json")

_MOST = 1 << 20
# What parsers raise for a document that is none.
_UNREADABLE = (ValueError, TypeError, ArithmeticError, AttributeError, LookupError, RecursionError)


def read_config(place: str | os.PathLike[str] | IO[bytes]) -> dict[str, Any]:
    """Read a release's configuration, unchecked.

    Args:
        place: A folder, or a zip: a path, or a file opened for reading.

    Returns:
        The configuration as plain JSON values.

    Raises:
        BadArchive: The file isn't a zip.
        PluginConfigError: The configuration is missing, or can't be read.
        MissingExtra: The configuration is YAML, and PyYAML isn't installed.
    """
    name, document = find_config(place)
    if name is None:
        raise PluginConfigError({"": ["There is none at the top of the release."]}, "config.yaml")
    return document


def load_config(
    place: str | os.PathLike[str] | IO[bytes],
    *,
    code: str | None = None,
    version: str | None = None,
) -> PluginConfig:
    """Read and check a release's configuration.

    Args:
        place: A folder, or a zip: a path, or a file opened for reading.
        code: The required code of the plugin.
        version: The required version of the release.

    Raises:
        BadArchive: The file isn't a zip.
        PluginConfigError: The configuration is missing, can't be read, or has mistakes.
        MissingExtra: The configuration is YAML, and PyYAML isn't installed.
    """
    name, document = find_config(place)
    if name is None:
        raise PluginConfigError({"": ["There is none at the top of the release."]}, "config.yaml")
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
    if isinstance(place, (str, os.PathLike)) and Path(place).is_dir():
        texts = {name: _read_file(Path(place, name)) for name in CONFIG_NAMES}
    else:
        with opened(place) as source:
            texts = {name: read_entry(source, name, _MOST) for name in CONFIG_NAMES}
    for name, text in texts.items():
        if text is not None:
            return name, parsed(name, text)
    return None, {}


def parsed(name: str, text: bytes) -> dict[str, Any]:
    """Parse a configuration's text into plain JSON values.

    Args:
        name: The file's name, which decides about the format.
        text: The file's content.

    Raises:
        PluginConfigError: The text can't be parsed.
        MissingExtra: The text is YAML, and PyYAML isn't installed.
    """
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
        raise PluginConfigError({"": [f"It can't be read: {reason[:300]}."]}, name) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise PluginConfigError({"": ["It is not an object."]}, name)
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
        if size > _MOST:
            raise ValueError("it is too large")
        parts.append(part)
    return json.loads("".join(parts).encode())  # half of a surrogate pair is refused here


def _read_file(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST + 1)
    except (FileNotFoundError, IsADirectoryError):
        return None
    if len(content) > _MOST:
        raise PluginConfigError({"": [f"It is larger than {_MOST // 1024} KiB."]}, path.name)
    return content
