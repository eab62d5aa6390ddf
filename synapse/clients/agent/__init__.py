"""`AgentClient`: a machine that runs jobs for the platform, with plain dicts and lists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synapse.clients.agent.cluster import RayClientMixin
from synapse.clients.agent.ids import checked_id
from synapse.clients.base import Params
from synapse.config import Secret, Settings, Timeout, TimeoutArgument, checked_tenant, checked_url
from synapse.errors import ConfigurationError
from synapse.transport import Transport
from synapse.transport.urls import path_segment

if TYPE_CHECKING:
    from typing_extensions import Self

    from synapse.transport.options import Options

__all__ = ["AgentClient"]


class AgentClient(RayClientMixin):
    """A client of an agent.

    Args:
        base_url: The agent's address.
        agent_token: The agent's token; else `SYNAPSE_AGENT_TOKEN`.
        user_token: The token of the user on whose behalf the agent acts.
        tenant: That user's tenant.
        timeout: Seconds: one number, a pair (connect, read), or a mapping with those names.

    Raises:
        ConfigurationError: There is no base URL or agent token, or a setting is malformed.

    Example:
        >>> AgentClient("http://127.0.0.1:8100", agent_token="...")
        AgentClient('http://127.0.0.1:8100')
    """

    def __init__(
        self,
        base_url: str,
        agent_token: str | None = None,
        *,
        user_token: str | None = None,
        tenant: str | None = None,
        timeout: TimeoutArgument = None,
    ) -> None:
        credentials = {"agent_access": Secret.find(agent_token, "agent_token")}
        if user_token is not None:
            credentials["user_token"] = Secret(user_token, "the argument user_token")
        if not base_url:
            raise ConfigurationError("No base URL: give the agent's address as base_url.")
        settings = Settings(
            base_url=checked_url(base_url, "the argument base_url"),
            credentials=credentials,
            tenant=checked_tenant(tenant),
            timeout=Timeout.of(timeout),
        )
        super().__init__(transport=Transport(settings))

    @classmethod
    def _of_session(
        cls, base_url: str, agent_token: str, timeout: Timeout, options: Options
    ) -> Self:
        """Make a client with a session's options: its proxies, certificates, retries and hooks.

        Makes no request.

        Args:
            base_url: The agent's address.
            agent_token: The agent's token.
            timeout: The session's timeouts.
            options: The session's options.

        Raises:
            ConfigurationError: The address or the token can't be used.
        """
        settings = Settings(
            base_url=checked_url(base_url, "what the server says of the agent"),
            credentials={"agent_access": Secret(agent_token, "the agent's token")},
            timeout=timeout,
        )
        client = cls.__new__(cls)
        super(AgentClient, client).__init__(transport=Transport(settings, options))
        return client

    def health_check(self) -> Any:
        """Ask whether the agent is up, and how it stands. One request."""
        return self._get("health/")

    def get_metrics(self, panel: str) -> Any:
        """Return the figures of one panel of the agent's metrics. One request.

        Args:
            panel: The panel's name: `cpu`, `memory`, `disk`, `network`, `jobs` or `process`.

        Raises:
            BadRequest: The name can't be one; no request was made.
            NotFound: There is no such panel; the message names those that there are.
        """
        return self._get(f"metrics/{checked_id(panel)}/")

    def list_plugin_releases(self, params: Params | None = None) -> Any:
        """List the plugin releases that the agent keeps. One request."""
        return self._get("plugin_releases/", params)

    def get_plugin_release(self, release: str) -> Any:
        """Return a plugin release that the agent keeps. One request.

        Args:
            release: Its id, or `code@version`.
        """
        return self._get(f"plugin_releases/{checked_release(release)}/")

    def create_plugin_release(self, data: Mapping[str, Any]) -> Any:
        """Have the agent fetch a plugin release and keep it. One request.

        Args:
            data: Which release: `plugin` (its code) and `version`, or `plugin_release` (its id).

        Raises:
            NotFound: The backend has no such release.
        """
        return self._post("plugin_releases/", data)

    def delete_plugin_release(self, release: str) -> Any:
        """Have the agent drop a plugin release. One request.

        Args:
            release: Its id, or `code@version`.
        """
        return self._delete(f"plugin_releases/{checked_release(release)}/")

    def run_plugin_release(self, release: str, data: Mapping[str, Any]) -> Any:
        """Run an action of a plugin release on the agent. One request.

        Args:
            release: The release, as `code@version`.
            data: `action`, `params`, `debug`, `job_id`, each optional where that leaves no doubt.

        Returns:
            What the agent says of the job; `job_id` is in it.

        Raises:
            ValidationError: The action or a parameter is refused.
        """
        return self._post(f"plugin_releases/{checked_release(release)}/run/", data)


def checked_release(release: Any) -> str:
    """Return a release's id or `code@version` as a segment of a path.

    Raises:
        BadRequest: It can't be one; no request was made.
    """
    if not isinstance(release, str) or "@" not in release:
        return checked_id(release)
    code, _, version = release.partition("@")
    # Versions have parts, which are ids each: 1.0.0, 1.0+cpu.
    pieces = re.split("([.+!])", version)
    parts = [piece if number % 2 else checked_id(piece) for number, piece in enumerate(pieces)]
    return f"{checked_id(code)}@{path_segment(''.join(parts))}"
