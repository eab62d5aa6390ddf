"""`AgentClient`: a machine that runs jobs for the platform, as plain dicts and lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synapse.clients.agent.ids import validate_id, validate_release
from synapse.clients.agent.ray_mixin import RayClientMixin
from synapse.clients.base import Params
from synapse.config import (
    Secret,
    Settings,
    Timeout,
    TimeoutArgument,
    TokenArgument,
    checked_tenant,
    checked_url,
)
from synapse.errors import ConfigurationError
from synapse.transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Self

    from synapse.transport.options import Options

__all__ = ["AgentClient"]


class AgentClient(RayClientMixin):
    """A client of an agent.

    Args:
        base_url: Address of the agent.
        agent_token: TokenArgument of the agent; default: `SYNAPSE_AGENT_TOKEN`.
        user_token: TokenArgument of the user for whom the agent acts.
        tenant: Code of that user's tenant.
        timeout: Seconds: one number, a pair (connect, read), or a mapping with those names.

    Raises:
        ConfigurationError: The base URL or the token is missing, or a setting is malformed.

    Example:
        >>> AgentClient("http://127.0.0.1:8100", agent_token="...")
        AgentClient('http://127.0.0.1:8100')
    """

    def __init__(
        self,
        base_url: str,
        agent_token: TokenArgument | None = None,
        *,
        user_token: str | None = None,
        tenant: str | None = None,
        timeout: TimeoutArgument = None,
    ) -> None:
        credentials = {"agent_access": Secret.find(agent_token, "agent_token")}
        if user_token is not None:
            credentials["user_token"] = Secret(user_token, "the argument user_token")
        if not base_url:
            raise ConfigurationError("The base URL is missing. Pass base_url, the agent's address.")
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
        """Build a client with the proxies, certificates, retries and hooks of a session.

        Makes no request.

        Args:
            base_url: Address of the agent.
            agent_token: TokenArgument of the agent.
            timeout: Timeouts of the session.
            options: Options of the session.

        Raises:
            ConfigurationError: The address or the token can't be used.
        """
        settings = Settings(
            base_url=checked_url(base_url, "the agent's address from the server"),
            credentials={"agent_access": Secret(agent_token, "the agent's token")},
            timeout=timeout,
        )
        client = cls.__new__(cls)
        super(AgentClient, client).__init__(
            transport=Transport(settings, options.for_other_server())
        )
        return client

    def health_check(self) -> Any:
        """Return the health of the agent. One request."""
        return self._get("health/")

    def get_metrics(self, panel: str) -> Any:
        """Return the figures of one panel of the agent's metrics. One request.

        Args:
            panel: `cpu`, `memory`, `disk`, `network`, `jobs` or `process`.

        Raises:
            BadRequest: The name can't be a panel's; no request was made.
            NotFound: The agent has no such panel; the message lists the panels.
        """
        return self._get(f"metrics/{validate_id(panel)}/")

    def list_plugin_releases(self, params: Params | None = None) -> Any:
        """List the plugin releases on the agent. One request."""
        return self._get("plugin_releases/", params)

    def get_plugin_release(self, release: str) -> Any:
        """Return a plugin release on the agent. One request.

        Args:
            release: Id of the release, or `code@version`.
        """
        return self._get(f"plugin_releases/{validate_release(release)}/")

    def create_plugin_release(self, data: Mapping[str, Any]) -> Any:
        """Make the agent fetch and keep a plugin release. One request.

        Args:
            data: `plugin` (the code) and `version`, or `plugin_release` (the id).

        Raises:
            NotFound: The backend has no such release.
        """
        return self._post("plugin_releases/", data)

    def delete_plugin_release(self, release: str) -> Any:
        """Delete a plugin release from the agent. One request.

        Args:
            release: Id of the release, or `code@version`.
        """
        return self._delete(f"plugin_releases/{validate_release(release)}/")

    def run_plugin_release(self, release: str, data: Mapping[str, Any]) -> Any:
        """Run an action of a plugin release on the agent. One request.

        Args:
            release: The release as `code@version`.
            data: `action`, `params`, `debug`, `job_id`, each optional unless ambiguous.

        Returns:
            The agent's response, with the `job_id`.

        Raises:
            ValidationError: The agent refused the action or a parameter.
        """
        return self._post(f"plugin_releases/{validate_release(release)}/run/", data)
