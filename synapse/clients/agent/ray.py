"""`RayClient`: a Ray cluster, by the REST interface of its head's dashboard.

It speaks plain HTTP (and WebSockets, where `websocket-client` is installed); Ray itself is neither
needed nor imported.
"""

from __future__ import annotations

from synapse.clients.agent.cluster import RayClientMixin
from synapse.clients.agent.ids import checked_id
from synapse.clients.agent.ray_logs import RayLogs
from synapse.clients.agent.ray_serve import RayServe
from synapse.clients.agent.ray_state import RayState

__all__ = ["RayClient", "RayClientMixin", "checked_id"]


class RayClient(RayLogs, RayState, RayServe):
    """A client of a Ray cluster: jobs, logs, machines, tasks, actors, and what is served.

    Args:
        base_url: The address of the head's dashboard, such as `http://head:8265`.
        token: The cluster's token, where Ray runs with `RAY_AUTH_MODE=token`; else
            `RAY_AUTH_TOKEN`, the variable that Ray's own client reads.
        timeout: Seconds: one number, a pair (connect, read), or a mapping with those names.

    Raises:
        ConfigurationError: The address or a setting is malformed.

    Example:
        >>> RayClient("http://127.0.0.1:8265")
        RayClient('http://127.0.0.1:8265')
    """
