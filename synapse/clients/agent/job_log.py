"""Read the log of a job at an agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synapse.errors import InvalidResponse
from synapse.transport import Transport

__all__ = ["log_text", "read_log"]


def read_log(
    transport: Transport, key: str, params: Mapping[str, Any] | None = None
) -> str | Mapping[str, Any]:
    """Return the log of a job so far. One request.

    Args:
        transport: Transport to the agent.
        key: Valid id of the job.
        params: `format="json"`, and the first line as `from` and the number of lines as `limit`.

    Returns:
        The text; with `format="json"`, from agents that know the parameters, a mapping with the
        text as `logs` and the state of the log.

    Raises:
        NotFound: The agent has no such job.
        InvalidResponse: The answer is neither text nor a mapping.
    """
    label = f"job {key}"
    response = transport.fetch(
        "GET", f"jobs/{key}/logs/", params=params, headers={"Accept": "*/*"}, resource=label
    )
    response.raise_for_status()
    kind = response.response.headers.get("Content-Type", "")
    if not kind.startswith("application/json"):
        return response.content.decode("utf-8", "replace")
    log = response.json()
    if not isinstance(log, str | Mapping):
        raise InvalidResponse(200, "the answer is not a log", response=log, resource=label)
    return log


def log_text(log: str | Mapping[str, Any]) -> str:
    """Return the text of a log from `read_log`."""
    return log if isinstance(log, str) else str(log.get("logs") or "")
