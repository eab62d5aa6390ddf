"""Agents: machines that run jobs for the platform."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from synapse.errors import UsageError
from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import Manager
from synapse.orm.relations import ManagerDescriptor
from synapse.orm.resource import Fetchable

if TYPE_CHECKING:
    from synapse.resources._typed import TypedAgentManager
    from synapse.resources.agent_collections import (
        AgentJobs,
        AgentReleases,
        ClusterTasks,
        Nodes,
        ServedApplications,
    )
    from synapse.resources.agent_values import AgentApi, AgentHealth, Metrics
else:
    TypedAgentManager = Manager["Agent"]

__all__ = ["Agent", "AgentManager", "connect_path"]


class AgentSession(Protocol):
    """The part of a session that stores agents' addresses and tokens."""

    def meet_agent(self, key: int, url: str | None, token: str) -> None:
        """Store an agent's address and token."""

    def agent_api(self, key: int) -> AgentApi | None:
        """Return the agent's client; `None` for an unknown agent, or one without an address."""

    def knows_agent(self, key: int) -> bool:
        """Return whether the agent is known."""


class AgentManager(TypedAgentManager):
    """Agents: read, and connect by token."""

    __slots__ = ()

    def connect(self, token: str, **details: Any) -> Agent:
        """Connect the agent of a token at the server, and return the agent. One request.

        The session keeps the token for requests to the agent itself. The token is in no pickle, and
        goes only to the server and to the agent's own address.

        Args:
            token: The agent's token.
            **details: Facts about the agent, such as the `url`.

        Raises:
            UsageError: The token is malformed.
            NotFound: No agent has this token. No message shows the token.
        """
        row = self._session.transport.request(
            "POST", connect_path(token), json=details, resource="agent of the token", secret=token
        )
        agent = self._session.identity.load(self._resource, [row])[0]
        url = agent.url if "url" in row else None  # a server needn't repeat the address
        cast("AgentSession", self._session).meet_agent(agent.id, url, token)
        return agent

    def get(
        self, key: int | str | None = None, /, *, refresh: bool = False, **filters_: Any
    ) -> Agent:
        """Return an agent by token or id, or the one that matches some filters.

        One request, or none for the id of an agent that was connected in this session. Requests to
        the agent itself need the token.

        Args:
            key: The agent's token, as a string; or the id, as a number.
            refresh: Ask the server even if the agent is known.
            **filters_: Filters that exactly one agent matches.

        Raises:
            NotFound: No such agent exists.
            InvalidQuery: Neither a key nor a filter was given, or a filter is unknown.

        Example:
            >>> agent = session.agents.get(emulator.agent_token)
            >>> session.agents.get(agent.id) is agent
            True
        """
        if isinstance(key, str):
            return self.connect(key)
        is_known = key is not None and cast("AgentSession", self._session).knows_agent(key)
        if is_known and not refresh and not filters_:
            agent: Agent = self._session.identity.related("Agent", key, via="agent")
            return agent
        return super().get(key, refresh=refresh, **filters_)


@resource("agents/", manager=AgentManager)
class Agent(Fetchable):
    """A machine that runs jobs for the platform.

    Jobs, machines and figures come from the agent's own address, with the agent's token: use an
    agent from `session.agents.get(token)` or `connect(token)`.

    Attributes:
        id: The agent's id.
        name: Display name.
        url: Address of the agent.
        status: Connection state, in the server's words.
        is_active: Whether the agent may be used.
        connected: Time of the last connection.

    Example:
        >>> agent = session.agents.get(running_agent.token)
        >>> agent.health().is_ok, [node.is_alive for node in agent.nodes]
        (True, [True])
    """

    objects: ClassVar[ManagerDescriptor[AgentManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    name: str = field(read_only=True)
    url: str | None = field(read_only=True)
    status: str | None = field(read_only=True)
    is_active: bool = field(read_only=True)
    connected: datetime | None = field(read_only=True)

    @property
    def jobs(self) -> AgentJobs:
        """The agent's past and present jobs. Makes no request."""
        from synapse.resources.agent_collections import AgentJobs  # few ask an agent itself

        return AgentJobs(self._api())

    @property
    def plugin_releases(self) -> AgentReleases:
        """The plugin releases that the agent keeps. Makes no request."""
        from synapse.resources.agent_collections import AgentReleases

        return AgentReleases(self._api())

    @property
    def nodes(self) -> Nodes:
        """The machines of the agent's jobs. Makes no request."""
        from synapse.resources.agent_collections import Nodes

        return Nodes(self._api())

    @property
    def tasks(self) -> ClusterTasks:
        """The tasks on those machines. Makes no request."""
        from synapse.resources.agent_collections import ClusterTasks

        return ClusterTasks(self._api())

    @property
    def serve_applications(self) -> ServedApplications:
        """The applications served on those machines. Makes no request."""
        from synapse.resources.agent_collections import ServedApplications

        return ServedApplications(self._api())

    def metrics(self, panel: str) -> Metrics:
        """Return the figures of a panel, such as `cpu`, `memory`, `disk` or `jobs`. One request.

        Raises:
            NotFound: No such panel exists; the message names the panels.
        """
        from synapse.resources.agent_values import fetch_metrics

        return fetch_metrics(self._api(), panel)

    def health(self) -> AgentHealth:
        """Fetch the agent's health. One request.

        Raises:
            ConnectionFailed: The agent can't be reached.
        """
        from synapse.resources.agent_values import fetch_health

        return fetch_health(self._api())

    def _api(self) -> AgentApi:
        """Return the agent's client.

        Raises:
            UsageError: The session lacks the agent's token, or the server the address.
        """
        session = cast("AgentSession", self._session)
        api = session.agent_api(self._key)
        if not session.knows_agent(self._key):
            raise UsageError(
                f"{self._label()} needs its token for this call. Get the agent by "
                "session.agents.get(token)."
            )
        if api is None:
            raise UsageError(
                f"The server has no address of {self._label()}. Start the agent, then call "
                "session.agents.get(token) again."
            )
        return api


def connect_path(token: str) -> str:
    """Return the path where the agent of a token is connected.

    Raises:
        UsageError: The token is malformed.
    """
    try:
        return Agent.__schema__.detail_path(token, "connect/")
    except UsageError:
        raise UsageError(
            "The agent's token is malformed: not text, empty, a dot path, or with a slash or a "
            "control character. Pass the token unchanged."
        ) from None
