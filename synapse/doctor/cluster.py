"""Checks of an agent and of a Ray cluster, where the environment names one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from synapse._internal.server_url import checked_url
from synapse.config import Secret, Settings, Timeout
from synapse.doctor.examination import Examination, as_mapping
from synapse.doctor.report import Finding, failed, ok, skipped, warning
from synapse.transport import Transport

__all__ = ["check_agent", "check_ray"]

_AGENT_URL = "SYNAPSE_AGENT_URL"
_AGENT_TOKEN = "SYNAPSE_AGENT_TOKEN"  # noqa: S105 - the variable's name
_RAY_URLS = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
_RAY_TOKEN = "RAY_AUTH_TOKEN"  # noqa: S105 - the variable's name
_TIMEOUT = Timeout(3.0, 3.0)


def check_agent(_: Examination) -> Iterator[Finding]:
    """Yield whether the agent answers and takes the token. One request."""
    address = os.environ.get(_AGENT_URL)
    if not address:
        yield skipped(f"{_AGENT_URL} names no agent.")
        return
    credentials = {"agent_access": Secret.find(None, "agent_token")}
    report = _ask(address, _AGENT_URL, credentials, "health/", "the agent")
    yield ok(
        f"{address} answers: version {report.get('version') or 'unknown'}, "
        f"status {report.get('status') or 'unknown'}."
    )


def check_ray(_: Examination) -> Iterator[Finding]:
    """Yield whether Ray here has the version of the cluster. One request."""
    variable = next((name for name in _RAY_URLS if os.environ.get(name)), None)
    address = os.environ.get(variable, "") if variable else ""
    if variable is None or not address.startswith(("http://", "https://")):
        yield skipped(f"{_RAY_URLS[0]} names no cluster's dashboard.")
        return
    credentials: dict[str, Secret] = {}
    if token := os.environ.get(_RAY_TOKEN):
        credentials["ray_token"] = Secret(token, f"the environment variable {_RAY_TOKEN}")
    report = _ask(address, variable, credentials, "api/version", "the cluster")
    cluster = str(report.get("ray_version") or "unknown")
    try:
        local = version("ray")
    except PackageNotFoundError:
        yield ok(f"The cluster has Ray {cluster}. This machine has none, which is enough for jobs.")
        return
    if local == cluster:
        yield ok(f"The cluster and this machine have Ray {cluster}.")
    elif cluster == "unknown":
        yield failed(f"{address} doesn't name Ray's version.", f"Check {variable}.")
    else:
        yield warning(
            f"The cluster has Ray {cluster}, this machine {local}.",
            f"Jobs need no Ray here; Ray Data and ray.init() do: pip install 'ray=={cluster}'",
        )


def _ask(
    address: str, variable: str, credentials: Mapping[str, Secret], path: str, resource: str
) -> Mapping[str, Any]:
    """Return the JSON object of another server than the session's. One request."""
    url = checked_url(address, f"the environment variable {variable}")
    with Transport(Settings(url, credentials, timeout=_TIMEOUT)) as transport:
        return as_mapping(transport.request("GET", path, resource=resource))
