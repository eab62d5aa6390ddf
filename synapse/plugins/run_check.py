"""Check an action and parameters before a run is sent; the server checks again."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import attrs

from synapse.errors import MissingExtra, UsageError, ValidationError
from synapse.plugins.config import validate_action
from synapse.plugins.parameters import find_problems

__all__ = ["Runnable", "check_run"]


@attrs.frozen
class Runnable:
    """The release that a run would use.

    Attributes:
        version: The release's version.
        actions: The release's actions; empty if none is named, and then any name passes.
    """

    version: str
    actions: Mapping[str, Any]

    @classmethod
    def from_config(cls, version: str, config: Any) -> Runnable:
        """Read the actions from a release's configuration, whatever the form."""
        actions = config.get("actions") if isinstance(config, dict) else None
        return cls(version, actions if isinstance(actions, dict) else {})


def check_run(
    runnable: Runnable | None, action: str | None, params: Mapping[str, Any], *, label: str
) -> str | None:
    """Check an action and parameters against a release.

    Args:
        runnable: The release; `None` accepts every action and parameter.
        action: The action's name, or `None` for the only one.
        params: The parameters, as JSON.
        label: The plugin, for messages.

    Returns:
        The action's name, if known.

    Raises:
        UsageError: No such action exists.
        ValidationError: A parameter doesn't fit.

    Example:
        >>> release = Runnable("1.0.0", {"train": {}})
        >>> check_run(release, None, {}, label="Plugin 'digits'")
        'train'
    """
    if runnable is None or not runnable.actions:
        return action
    resource = f"{label}, release {runnable.version}"
    try:
        name = validate_action(action, runnable.actions)
    except UsageError as error:
        raise UsageError(f"{resource}: {error}") from error
    config = runnable.actions[name]
    schema = config.get("parameters") if isinstance(config, dict) else None
    problems: dict[str, list[str]] = {}
    if isinstance(schema, dict):
        with suppress(MissingExtra):  # the server checks them anyway
            problems = find_problems(schema, params)
    if problems:
        lines = [f"{path}: {reason}" for path, reasons in problems.items() for reason in reasons]
        raise ValidationError(
            400,
            f"The parameters of {name!r} don't fit: {'; '.join(lines)}",
            fields={"params": problems},
            resource=resource,
            hint="No job was started.",
        )
    return name
