"""Check a requested action against the actions of a release."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from synapse.emulator.models import Plugin, PluginRelease


def find_release(plugin: Plugin, version: str | None) -> PluginRelease | None:
    """Return the release of a version, or the newest; None without releases.

    Raises:
        serializers.ValidationError: No release has this version.
    """
    releases = plugin.releases.select_related("blob")
    if version is None:
        return releases.order_by("-pk").first()
    release = releases.filter(version=version).first()
    if release is None:
        raise serializers.ValidationError(
            {"version": ["The plugin has no release with this version."]}
        )
    return release


def read_actions(release: PluginRelease | None) -> Mapping[str, Any]:
    """Return the declared actions of a release; empty without any."""
    actions = release.config.get("actions") if release is not None else None
    return actions if isinstance(actions, dict) else {}


def validate_action(actions: Mapping[str, Any], action: str | None, params: Any) -> str:
    """Return the action's name, if the action accepts the parameters.

    Args:
        actions: The release's actions.
        action: The requested action; None means the only one.
        params: The parameters.

    Raises:
        serializers.ValidationError: The action doesn't exist, or takes other parameters.
    """
    from synapse.plugins import config  # imported here, as few requests need this
    from synapse.plugins.parameters import find_problems

    try:
        name = config.validate_action(action or None, actions)
    except ValueError as error:
        raise serializers.ValidationError({"action": [str(error)]}) from error
    declared = actions[name]
    schema = declared.get("parameters") if isinstance(declared, dict) else None
    problems = find_problems(schema, params) if schema else {}
    if problems:
        raise serializers.ValidationError({"params": problems})
    return name
