"""Whether what a release is asked to do is among what it can do."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from synapse.emulator.models import Plugin, PluginRelease


def release_for(plugin: Plugin, version: str | None) -> PluginRelease | None:
    """Give the release of a version, or the newest; None if there are none.

    Raises:
        serializers.ValidationError: There is none with this version.
    """
    releases = plugin.releases.select_related("blob")
    if version is None:
        return releases.order_by("-pk").first()
    found = releases.filter(version=version).first()
    if found is None:
        raise serializers.ValidationError(
            {"version": ["The plugin has no release with this version."]}
        )
    return found


def actions_of(release: PluginRelease | None) -> Mapping[str, Any]:
    """Give the actions that a release declares; none means that nobody here can run it."""
    actions = release.config.get("actions") if release is not None else None
    return actions if isinstance(actions, dict) else {}


def checked_action(actions: Mapping[str, Any], action: str | None, params: Any) -> str:
    """Give the action that is meant, if it is there and takes such parameters.

    Args:
        actions: Those that there are.
        action: The one that is asked for; None means the only one.
        params: What it is given.

    Raises:
        serializers.ValidationError: There is no such action, or it takes other parameters.
    """
    from synapse.plugins.config import checked_action as checked  # few requests need it
    from synapse.plugins.parameters import problems

    try:
        name = checked(action or None, actions)
    except ValueError as error:
        raise serializers.ValidationError({"action": [str(error)]}) from error
    declared = actions[name]
    schema = declared.get("parameters") if isinstance(declared, dict) else None
    found = problems(schema, params) if schema else {}
    if found:
        raise serializers.ValidationError({"params": found})
    return name
