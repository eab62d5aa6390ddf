"""Know each plugin's releases that ran, so that most runs are checked without a request."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from synapse.errors import NotFound, PermissionDenied, UsageError, ValidationError
from synapse.plugins.run_check import Runnable, check_run

if TYPE_CHECKING:
    from synapse.orm.session_base import SessionBase
    from synapse.resources.plugins import Plugin, PluginRelease

__all__ = ["check_plugin_run", "forget_release", "remember_release"]

# By session, then by the plugin's id and the version: `None` as a version is the newest one, and as
# a value stands for a missing release.
_Key = tuple[Any, "str | None"]
_releases: WeakKeyDictionary[SessionBase, dict[_Key, Runnable | None]] = WeakKeyDictionary()
_lock = threading.Lock()


def check_plugin_run(
    plugin: Plugin, action: str | None, params: Mapping[str, Any], version: str | None = None
) -> str | None:
    """Check an action and parameters against a release of the plugin.

    One request the first time, and one before a remembered release, which may be outdated,
    refuses anything.

    Args:
        plugin: The plugin.
        action: The action's name, or `None` for the only one.
        params: The parameters, as JSON.
        version: The release's version; `None` for the newest.

    Returns:
        The action's name, if known.

    Raises:
        UsageError: No such action exists.
        ValidationError: A parameter doesn't fit.
    """
    releases = _releases_of(plugin)
    key = plugin.id, version
    if key in releases:
        with suppress(UsageError, ValidationError):
            return check_run(releases[key], action, params, label=plugin._label())
    release = releases[key] = _fetch_release(plugin, version)
    return check_run(release, action, params, label=plugin._label())


def remember_release(plugin: Plugin, release: PluginRelease) -> None:
    """Remember a plugin's newest release."""
    runnable = Runnable.from_config(release.version, release.config)
    _releases_of(plugin).update(
        dict.fromkeys([(plugin.id, None), (plugin.id, release.version)], runnable)
    )


def forget_release(plugin: Plugin) -> None:
    """Forget a plugin's releases: the next run fetches a release again."""
    releases = _releases_of(plugin)
    for key in [key for key in list(releases) if key[0] == plugin.id]:
        releases.pop(key, None)


def _releases_of(plugin: Plugin) -> dict[_Key, Runnable | None]:
    with _lock:
        return _releases.setdefault(plugin._session, {})


def _fetch_release(plugin: Plugin, version: str | None) -> Runnable | None:
    """Fetch the release of a version, or the newest. One request."""
    query = plugin.releases.order_by("-id")
    # Some users may run a plugin and not see its releases.
    with suppress(NotFound, PermissionDenied):
        release = (query if version is None else query.filter(version=version)).first()
        return None if release is None else Runnable.from_config(release.version, release.config)
    return None
