"""`RayClient`: a Ray cluster, through the REST interface of the head's dashboard.

The client uses plain HTTP, and WebSockets if `websocket-client` is installed. Ray itself isn't
needed.
"""

from __future__ import annotations

from synapse.clients.agent.ray_logs import RayLogs
from synapse.clients.agent.ray_mixin import RayClientMixin
from synapse.clients.agent.ray_serve import RayServe
from synapse.clients.agent.ray_state import RayState

__all__ = ["RayClient", "RayClientMixin"]


class RayClient(RayLogs, RayState, RayServe):
    """A client of a Ray cluster: jobs, logs, machines, tasks, actors, served applications.

    Args:
        base_url: Address of the head's dashboard, such as `http://head:8265`.
        token: Token of a cluster that runs with `RAY_AUTH_MODE=token`; default:
            `RAY_AUTH_TOKEN`, the variable of Ray's own client.
        timeout: Seconds: one number, a pair (connect, read), or a mapping with those names.

    Raises:
        ConfigurationError: The address or a setting is malformed.

    Example:
        >>> RayClient("http://127.0.0.1:8265")
        RayClient('http://127.0.0.1:8265')
    """
