"""Know each plugin's newest release, so that most runs are checked without a request."""

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

# By session, then by the plugin's id; `None` stands for a plugin without a release.
_releases: WeakKeyDictionary[SessionBase, dict[Any, Runnable | None]] = WeakKeyDictionary()
_lock = threading.Lock()


def check_plugin_run(plugin: Plugin, action: str | None, params: Mapping[str, Any]) -> str | None:
    """Check an action and parameters against the plugin's newest release.

    One request the first time, and one before a remembered release, which may be outdated,
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
    releases = _releases_of(plugin)
    if plugin.id in releases:
        with suppress(UsageError, ValidationError):
            return check_run(releases[plugin.id], action, params, label=plugin._label())
    release = releases[plugin.id] = _fetch_release(plugin)
    return check_run(release, action, params, label=plugin._label())


def remember_release(plugin: Plugin, release: PluginRelease) -> None:
    """Remember a plugin's newest release."""
    _releases_of(plugin)[plugin.id] = Runnable.from_config(release.version, release.config)


def forget_release(plugin: Plugin) -> None:
    """Forget a plugin's newest release: the next run fetches it again."""
    _releases_of(plugin).pop(plugin.id, None)


def _releases_of(plugin: Plugin) -> dict[Any, Runnable | None]:
    with _lock:
        return _releases.setdefault(plugin._session, {})


def _fetch_release(plugin: Plugin) -> Runnable | None:
    """Fetch the newest release. One request."""
    # Some users may run a plugin and not see its releases.
    with suppress(NotFound, PermissionDenied):
        release = plugin.releases.order_by("-id").first()
        return None if release is None else Runnable.from_config(release.version, release.config)
    return None
