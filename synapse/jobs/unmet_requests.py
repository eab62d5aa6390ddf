"""The requests of a configuration that a runner can't honour, as sentences for the job's log."""

from __future__ import annotations

import attrs

from synapse.plugins.config import Action, PluginConfig, Resources

__all__ = ["describe_resources", "find_unmet_requests"]

# Keys of the platform's configurations that change how its own runner prepares a job.
_PREPARATION = ("runtime_env", "package_manager_options", "wheels_dir", "dependencies")


def find_unmet_requests(
    config: PluginConfig, action: Action, *, can_reserve: bool, uses_platform_package: bool = False
) -> list[str]:
    """Return a sentence for each request that the runner can't honour.

    Args:
        config: The release's configuration.
        action: The action to run.
        can_reserve: Whether the runner reserves resources.
        uses_platform_package: Whether the platform's package runs the action.

    Example:
        >>> document = {"code": "c", "name": "C", "version": "1", "category": "custom"}
        >>> document["actions"] = {"a": {"entrypoint": "m:f", "resources": {"gpu": 1}}}
        >>> config = PluginConfig.parse(document)
        >>> find_unmet_requests(config, config.action(), can_reserve=False)
        ['config.yaml requests resources (gpu: 1). This runner reserves none.']
    """
    unmet = []
    resources = describe_resources(action.resources)
    if resources and not can_reserve:
        unmet.append(f"config.yaml requests resources ({resources}). This runner reserves none.")
    if config.requires.cuda is not None:
        unmet.append(
            f"config.yaml requires CUDA {config.requires.cuda}. This runner doesn't check CUDA."
        )
    if config.requires.sdk is not None and not uses_platform_package:
        unmet.append(
            f"config.yaml requires the platform's package {config.requires.sdk}. This action "
            "runs without that package."
        )
    if action.method in ("serve", "restapi"):
        unmet.append(f"config.yaml sets method: {action.method}. This runner runs a job instead.")
    if config.extra.get("package_manager") not in (None, "pip"):
        unmet.append("config.yaml sets package_manager. This runner uses pip.")
    unmet += [
        f"config.yaml sets {key}. This runner ignores that key."
        for key in _PREPARATION
        if config.extra.get(key)
    ]
    return unmet


def describe_resources(resources: Resources) -> str:
    """Return the requested resources as text; empty without a request."""
    own = attrs.asdict(resources, filter=lambda field, value: field.name != "others" and value)
    return ", ".join(f"{name}: {amount:g}" for name, amount in {**own, **resources.others}.items())
