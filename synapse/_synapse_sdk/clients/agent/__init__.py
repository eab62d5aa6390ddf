"""An agent's client; the same objects as in `synapse.clients.agent`."""

from synapse.clients.agent import (
    AgentClient,
)

__all__ = [
    "AgentClient",
]
