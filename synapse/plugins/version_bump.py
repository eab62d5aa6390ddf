"""Raise the version in a plugin's configuration, and leave the rest of the file as it is."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, get_args

from synapse._internal.hints import suggestion
from synapse._internal.user_folders import expand_home
from synapse.errors import PluginConfigError, UsageError
from synapse.plugins.config_file import explain_missing, find_config, parse_config

__all__ = ["VersionPart", "bump_version", "raise_version"]

#: The part of a version that a bump raises.
VersionPart = Literal["patch", "minor", "major"]

_PARTS: tuple[str, ...] = get_args(VersionPart)
_NUMBERS = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)


def raise_version(version: str, part: str) -> str:
    """Return the next version.

    Args:
        version: Three numbers, such as `1.4.2`.
        part: The part to raise: `"patch"`, `"minor"` or `"major"`; later parts become 0.

    Raises:
        UsageError: The part is another word, or the version has another form.

    Example:
        >>> raise_version("1.4.2", "patch"), raise_version("1.4.2", "minor")
        ('1.4.3', '1.5.0')
    """
    if part not in _PARTS:
        raise UsageError(f"bump={part!r} is not valid{suggestion(str(part), _PARTS)}")
    match = _NUMBERS.fullmatch(version)
    if match is None:
        raise UsageError(
            f"The version {version!r} is not three numbers, such as 1.0.0, so the next one isn't "
            "obvious. Write the new version into the configuration."
        )
    numbers = [int(number) for number in match.groups()]
    place = 2 - _PARTS.index(part)
    numbers[place] += 1
    numbers[place + 1 :] = [0] * (2 - place)
    return ".".join(map(str, numbers))


def bump_version(folder: str | os.PathLike[str], part: str) -> Callable[[], None]:
    """Raise the version in a folder's configuration. Makes no request.

    Comments, order and quotes stay as they are.

    Args:
        folder: The plugin's folder.
        part: The part to raise: `"patch"`, `"minor"` or `"major"`.

    Returns:
        A function that restores the file, unless somebody has changed the file since.

    Raises:
        UsageError: The folder doesn't exist, or the part is another word.
        PluginConfigError: The configuration is missing, can't be read, or the version isn't three
            numbers.
    """
    place = expand_home(folder)
    if not place.is_dir():
        raise UsageError(f"{folder} is not a folder. bump= writes the folder's configuration.")
    name, document = find_config(place)
    if name is None:
        raise PluginConfigError({"": [explain_missing(place)]}, "config.yaml")
    version = document.get("version")
    if not isinstance(version, str):
        raise PluginConfigError({"version": ["Expected text, such as 1.0.0."]}, name)
    try:
        raised = raise_version(version, part)
    except UsageError as error:
        if part not in _PARTS:
            raise
        raise PluginConfigError({"version": [str(error)]}, name) from error
    path = place / name
    before = path.read_bytes()
    after = _replace_version(name, before, version, raised, {**document, "version": raised})
    _write(path, after)

    def undo() -> None:
        with suppress(OSError):
            if path.read_bytes() == after:
                _write(path, before)

    return undo


def _replace_version(name: str, text: bytes, old: str, new: str, wanted: object) -> bytes:
    """Return the text with the new version, where that alone changes the document."""
    for match in re.finditer(re.escape(old.encode()), text):
        replaced = text[: match.start()] + new.encode() + text[match.end() :]
        with suppress(PluginConfigError):
            if parse_config(name, replaced) == wanted:
                return replaced
    raise PluginConfigError(
        {"version": [f"{old!r} can't be replaced in the file. Write {new} yourself."]}, name
    )


def _write(path: Path, content: bytes) -> None:
    """Replace a file at once: a reader sees the old or the new content."""
    real = path.resolve()
    descriptor, draft = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(draft).chmod(real.stat().st_mode & 0o7777)
        Path(draft).replace(real)
    except BaseException:
        with suppress(OSError):
            Path(draft).unlink()
        raise
