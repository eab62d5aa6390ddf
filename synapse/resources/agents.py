"""Agents: machines that run jobs for the platform."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from synapse.core.bound import Bound
from synapse.core.declaration import resource
from synapse.core.fields import field
from synapse.core.relations import Root
from synapse.core.resource import Resource
from synapse.errors import InvalidQuery

__all__ = ["Agent", "AgentManager", "connect_path"]


class AgentManager(Bound["Agent"]):
    """Agents. The server tells only whether the agent of a token is connected."""

    __slots__ = ()

    def connect(self, token: str, **details: Any) -> Agent:
        """Tell the server that the agent of a token is there, and ask how it stands. One request.

        Args:
            token: The agent's token.
            **details: What the agent says of itself, such as its `url`.

        Raises:
            InvalidQuery: The token can't be one.
            NotFound: No agent has this token. No message shows it.
        """
        row = self._context.transport.request(
            "POST", connect_path(token), json=details, resource="agent of the token", secret=token
        )
        return self._context.identity.load(self._resource, [row])[0]


@resource("agents/", manager=AgentManager, list_path=None)
class Agent(Resource):
    """A machine that runs jobs for the platform.

    Attributes:
        id: The agent's id.
        name: Its name.
        url: Where it is reached.
        status: Whether it is connected, in the server's words.
        is_active: Whether it may be used.
        connected: When it was last connected.
    """

    objects: ClassVar[Root[AgentManager]] = Root()

    id: int = field(read_only=True)
    name: str = field(read_only=True)
    url: str | None = field(read_only=True)
    status: str | None = field(read_only=True)
    is_active: bool = field(read_only=True)
    connected: datetime | None = field(read_only=True)


def connect_path(token: str) -> str:
    """Return the path where the agent of a token is connected.

    Raises:
        InvalidQuery: The token can't be one.
    """
    try:
        return Agent.__schema__.detail_path(token, "connect/")
    except InvalidQuery:
        raise InvalidQuery(
            "The agent's token can't be one: it is no text, empty, a dot path, or has a slash or a "
            "control character."
        ) from None
