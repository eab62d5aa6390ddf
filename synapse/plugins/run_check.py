"""Checks before a release or a run is sent.

The server checks again. The modules behind these checks are imported at first use: most readers of
plugins neither release nor run any.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import attrs

from synapse.errors import MissingExtra, NotFound, PermissionDenied, UsageError, ValidationError

if TYPE_CHECKING:
    from synapse.orm.session_base import SessionBase
    from synapse.resources.plugins import Plugin, PluginRelease

__all__ = ["Runnable", "check_run", "forget", "plugin_fields", "remember", "uploadable"]


@attrs.frozen
class Runnable:
    """The release that a run would use.

    Attributes:
        version: The release's version.
        actions: The release's actions; empty if none is named, and then any name passes.
    """

    version: str
    actions: Mapping[str, Any]


# By session, then by the plugin's id; `None` stands for a plugin without a release.
_known: WeakKeyDictionary[SessionBase, dict[Any, Runnable | None]] = WeakKeyDictionary()
_lock = threading.Lock()


@contextmanager
def uploadable(
    source: str | os.PathLike[str] | IO[bytes], *, name: str | None, code: str, version: str
) -> Iterator[tuple[str | os.PathLike[str] | IO[bytes], str | None]]:
    """Check a release, and yield the file to upload and its name.

    Args:
        source: A folder, a zip's path, or a zip opened for reading.
        name: The requested name of the file.
        code: The plugin's code.
        version: The release's version.

    Raises:
        UsageError: The source can't be released; see `synapse.plugins.packaging`.
        MissingExtra: The source is a folder, and packing needs a missing package.
    """
    from synapse.plugins.packaging import check_zip, pack

    if isinstance(source, (str, os.PathLike)) and Path(source).is_dir():
        name = name or f"{code}-{version}.zip"
        with tempfile.TemporaryDirectory(prefix="synapse-release-") as folder:
            yield pack(source, Path(folder, "release.zip"), code=code, version=version).path, name
        return
    if not isinstance(source, (str, os.PathLike)) and not _is_at_its_beginning(source):
        yield source, name
        return
    try:
        # What can't be read is left to the upload, which says so of any file.
        with suppress(MissingExtra, OSError):
            check_zip(source, code=code, version=version)
    finally:
        if not isinstance(source, (str, os.PathLike)):
            source.seek(0)
    yield source, name


def plugin_fields(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return a plugin's fields from the configuration in its folder.

    Raises:
        UsageError: The folder has no valid configuration.
        MissingExtra: The configuration is YAML, and PyYAML isn't installed.
    """
    from synapse.plugins.config_file import load_config

    if not Path(folder).is_dir():
        raise UsageError(f"{folder} is not a folder.")
    config = load_config(folder)
    names = ("code", "name", "category", "description", "author")
    return {name: getattr(config, name) for name in names if getattr(config, name)}


def check_run(plugin: Plugin, action: str | None, params: Mapping[str, Any]) -> str | None:
    """Check an action and its parameters against the newest release.

    One request the first time, and one before the kept configuration, which may be outdated,
    refuses anything.

    Args:
        plugin: The plugin.
        action: The action's name, or `None` for the only one.
        params: The parameters, as JSON.

    Returns:
        The action's name, if known.

    Raises:
        UsageError: No such action exists.
        ValidationError: A parameter doesn't fit.
    """
    known = _known_of(plugin)
    if plugin.id in known:
        with suppress(UsageError, ValidationError):
            return _checked(plugin, known[plugin.id], action, params)
    runnable = known[plugin.id] = _ask(plugin)
    return _checked(plugin, runnable, action, params)


def remember(plugin: Plugin, release: PluginRelease) -> None:
    """Take note of a plugin's newest release."""
    _known_of(plugin)[plugin.id] = _runnable(release)


def forget(plugin: Plugin) -> None:
    """Drop the kept configuration: the next run fetches the newest release."""
    _known_of(plugin).pop(plugin.id, None)


def _known_of(plugin: Plugin) -> dict[Any, Runnable | None]:
    with _lock:
        return _known.setdefault(plugin._session, {})


def _ask(plugin: Plugin) -> Runnable | None:
    """Ask for the newest release. One request."""
    # Who may run a plugin need not be one who may see its releases.
    with suppress(NotFound, PermissionDenied):
        release = plugin.releases.order_by("-id").first()
        return None if release is None else _runnable(release)
    return None


def _runnable(release: PluginRelease) -> Runnable:
    actions = release.config.get("actions") if isinstance(release.config, dict) else None
    return Runnable(release.version, actions if isinstance(actions, dict) else {})


def _checked(
    plugin: Plugin, runnable: Runnable | None, action: str | None, params: Mapping[str, Any]
) -> str | None:
    if runnable is None or not runnable.actions:
        return action
    from synapse.plugins.config import checked_action
    from synapse.plugins.parameters import problems

    where = f"{plugin._label()}, release {runnable.version}"
    try:
        name = checked_action(action, runnable.actions)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
    about = runnable.actions[name]
    schema = about.get("parameters") if isinstance(about, dict) else None
    found: dict[str, list[str]] = {}
    if isinstance(schema, dict):
        with suppress(MissingExtra):  # the server checks them anyway
            found = problems(schema, params)
    if found:
        lines = [f"{path}: {reason}" for path, reasons in found.items() for reason in reasons]
        raise ValidationError(
            400,
            f"The parameters of {name!r} don't fit: {'; '.join(lines)}",
            fields={"params": found},
            resource=where,
            hint="No job was started.",
        )
    return name


def _is_at_its_beginning(file: IO[bytes]) -> bool:
    """Return whether an open file can be checked: the upload begins at its position."""
    try:
        return file.seekable() and file.tell() == 0
    except (AttributeError, OSError, ValueError):
        return False
