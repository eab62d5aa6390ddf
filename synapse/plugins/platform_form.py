"""Recognize actions that the platform's package runs, and describe how it starts them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from synapse.plugins.config import PLATFORM_MODULE, Action, PluginConfig, split_entrypoint

__all__ = [
    "PLATFORM_PYTHON",
    "list_requirements",
    "make_variables",
    "mark_platform_requirements",
    "platform_requirement",
    "uses_platform_package",
]

#: Versions of Python that the platform's package supports.
PLATFORM_PYTHON = ">=3.12"

_REQUIREMENTS = "requirements.txt"
_PACKAGE = re.compile(r"\s*synapse[-_.]sdk\s*(?:$|[\[<>=!~;@#\s])", re.IGNORECASE)
_IMPORT = re.compile(
    rb"^[ \t]*(?:(?:from|import)[ \t]+synapse_sdk\.plugins\b"
    rb"|from[ \t]+synapse_sdk[ \t]+import\b.*\bplugins\b)",
    re.MULTILINE,
)


def uses_platform_package(
    config: PluginConfig, action: Action, read: Callable[[str], bytes | None]
) -> bool:
    """Return whether the platform's package runs an action.

    That is so if the action's module imports `synapse_sdk.plugins`, and if the requirements name
    the package and the entrypoint is dotted or a class. Every other action is one of this SDK.

    Args:
        config: The release's configuration.
        action: The action.
        read: Returns a file of the release by name; `None` for a missing file.
    """
    module, name = split_entrypoint(action.entrypoint)
    if module.partition(".")[0] == PLATFORM_MODULE:
        return True
    base = module.replace(".", "/")
    source = read(f"{base}.py") or read(f"{base}/__init__.py") or b""
    if _IMPORT.search(source):
        return True
    is_required = config.requires.sdk is not None or any(
        _PACKAGE.match(line) for line in list_requirements(config, read)
    )
    is_class = re.search(rb"^class %s\b" % re.escape(name).encode(), source, re.MULTILINE)
    return is_required and (":" not in action.entrypoint or is_class is not None)


def list_requirements(config: PluginConfig, read: Callable[[str], bytes | None]) -> Sequence[str]:
    """Return the requirements of a release, from the configuration or `requirements.txt`."""
    if config.requirements:
        return config.requirements
    text = (read(_REQUIREMENTS) or b"").decode("utf-8-sig", errors="replace")
    return text.replace("\\\n", " ").splitlines()


def platform_requirement(config: PluginConfig) -> str:
    """Return the requirement of the platform's package.

    The upper bound excludes this SDK, which has the same name and versions with an epoch.
    """
    return f"synapse-sdk{config.requires.sdk or '>=2026'},<1!0"


def mark_platform_requirements(requirements: Sequence[str]) -> list[str]:
    """Restrict the package's lines among requirements to the versions of Python that it supports.

    On another version pip then succeeds, and the job's process names the version that is missing.

    Example:
        >>> mark_platform_requirements(["numpy", "synapse-sdk"])
        ['numpy', 'synapse-sdk; python_version >= "3.12"']
    """
    marker = f'; python_version {PLATFORM_PYTHON[:2]} "{PLATFORM_PYTHON[2:]}"'
    return [
        f"{line}{marker}" if _PACKAGE.match(line) and ";" not in line else line
        for line in requirements
    ]


def make_variables(
    action: Action,
    *,
    job_id: str,
    params: str,
    base_url: str,
    credentials: Mapping[str, Any],
) -> dict[str, str]:
    """Return the environment variables by which the platform's package learns the job.

    Args:
        action: The action.
        job_id: The job's id.
        params: The parameters, as JSON.
        base_url: Address of the backend.
        credentials: The job's credentials, by the name of `Session`'s argument.
    """
    token, tenant = credentials.get("api_token", ""), credentials.get("tenant")
    variables = {
        "SYNAPSE_ACTION_ENTRYPOINT": ".".join(split_entrypoint(action.entrypoint)),
        "SYNAPSE_ACTION_PARAMS": params,
        "SYNAPSE_JOB_ID": job_id,
        "SYNAPSE_HOST": base_url,
    }
    if tenant is None:
        return {**variables, "SYNAPSE_ACCESS_TOKEN": token}
    return {
        **variables,
        "SYNAPSE_PLUGIN_RUN_USER_TOKEN": token,
        "SYNAPSE_PLUGIN_RUN_TENANT": tenant,
    }
