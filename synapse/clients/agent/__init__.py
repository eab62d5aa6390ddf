"""`AgentClient`: a machine that runs jobs for the platform, as plain dicts and lists."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from synapse._internal.server_url import checked_url
from synapse.clients.agent.ids import validate_id, validate_release
from synapse.clients.agent.long_poll import NO_ADDRESS, LongPollHandler, LongPollTransport
from synapse.clients.agent.ray_mixin import RayClientMixin
from synapse.clients.agent.resource_mixin import ResourceClientMixin
from synapse.clients.all_rows import AllRows
from synapse.clients.base import Params
from synapse.clients.keyword_aliases import accept_aliases, choose_one
from synapse.clients.page import Page
from synapse.config import Secret, Settings, Timeout, TimeoutArgument, TokenArgument, checked_tenant
from synapse.errors import ConfigurationError, UsageError
from synapse.transport import Transport
from synapse.transport.stream_limits import StreamLimits

if TYPE_CHECKING:
    from typing_extensions import Self


__all__ = ["AgentClient"]

_ADDRESS = "SYNAPSE_AGENT_URL"


class AgentClient(RayClientMixin, ResourceClientMixin):
    """A client of an agent.

    Args:
        base_url: Address of the agent; default: `SYNAPSE_AGENT_URL`.
        agent_token: Token of the agent; default: `SYNAPSE_AGENT_TOKEN`.
        user_token: Token of the user for whom the agent acts.
        tenant: Code of that user's tenant.
        timeout: Seconds: one number, a pair (connect, read), or a mapping with those names.
        stream_limits: Limits for following logs; also an attribute, which may be set later.
        long_poll_handler: Broker that passes requests on to an agent, which then needs no address.

    Raises:
        ConfigurationError: The base URL or the token is missing, or a setting is malformed.

    Example:
        >>> AgentClient("http://127.0.0.1:8100", agent_token="...")
        AgentClient('http://127.0.0.1:8100')
    """

    def __init__(
        self,
        base_url: str | None = None,
        agent_token: TokenArgument | None = None,
        *,
        user_token: str | None = None,
        tenant: str | None = None,
        timeout: TimeoutArgument = None,
        stream_limits: StreamLimits | None = None,
        long_poll_handler: LongPollHandler | None = None,
    ) -> None:
        credentials = {"agent_access": Secret.find(agent_token, "agent_token")}
        if user_token is not None:
            credentials["user_token"] = Secret(user_token, "the argument user_token")
        source = "the argument base_url"
        if base_url is None and long_poll_handler is not None:
            base_url = NO_ADDRESS
        elif base_url is None:
            base_url, source = os.environ.get(_ADDRESS), f"the environment variable {_ADDRESS}"
        if not base_url:
            raise ConfigurationError(
                f"The base URL is missing. Pass base_url, the agent's address, or set {_ADDRESS}."
            )
        settings = Settings(
            base_url=checked_url(base_url, source),
            credentials=credentials,
            tenant=checked_tenant(tenant),
            timeout=Timeout.of(timeout),
        )
        if stream_limits is not None:
            self.stream_limits = stream_limits
        super().__init__(
            transport=Transport(settings)
            if long_poll_handler is None
            else LongPollTransport(settings, long_poll_handler)
        )

    @classmethod
    def _of_session(cls, base_url: str, agent_token: str, transport: Transport) -> Self:
        """Build a client with the proxies, certificates, retries and hooks of a session.

        Makes no request.

        Args:
            base_url: Address of the agent.
            agent_token: Token of the agent.
            transport: Transport of the session.

        Raises:
            ConfigurationError: The address or the token can't be used.
        """
        settings = Settings(
            base_url=checked_url(base_url, "the agent's address from the server"),
            credentials={"agent_access": Secret(agent_token, "the agent's token")},
            timeout=transport.settings.timeout,
        )
        client = cls.__new__(cls)
        super(AgentClient, client).__init__(transport=transport.for_other_server(settings))
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

    @overload
    def list_plugin_releases(
        self, params: Params | None = None, *, list_all: Literal[False] = False
    ) -> Page: ...
    @overload
    def list_plugin_releases(
        self, params: Params | None = None, *, list_all: Literal[True]
    ) -> AllRows: ...
    @overload
    def list_plugin_releases(
        self, params: Params | None = None, *, list_all: bool = False
    ) -> Page | AllRows: ...
    def list_plugin_releases(
        self, params: Params | None = None, *, list_all: bool = False
    ) -> Page | AllRows:
        """List the plugin releases on the agent.

        One request, and with `list_all` one for each further page, as the rows are used.

        Args:
            params: Query parameters, such as `page` and `page_size`.
            list_all: Whether to return all rows instead of one page.
        """
        return self._list("plugin_releases/", params, list_all=list_all)

    @accept_aliases(release="lookup")
    def get_plugin_release(self, lookup: str) -> Any:
        """Return a plugin release on the agent. One request.

        Args:
            lookup: Id of the release, or `code@version`; `release` is an alias.

        Raises:
            BadRequest: The value can't be a release; no request was made.
            NotFound: The agent has no such release.
        """
        return self._get(f"plugin_releases/{validate_release(lookup)}/")

    @accept_aliases(data="plugin")
    def create_plugin_release(
        self, plugin: str | Mapping[str, Any], version: str | None = None
    ) -> Any:
        """Make the agent fetch and keep a plugin release. One request.

        Args:
            plugin: Code of the plugin; or the body, a mapping with `plugin` and `version`, or with
                `plugin_release` (the id), for which `data` is an alias.
            version: Version of the release.

        Raises:
            UsageError: The version is missing; no request was made.
            NotFound: The backend has no such release.
        """
        if isinstance(plugin, Mapping):
            version = choose_one("version", version, "data['version']", plugin.get("version"))
            body = {**plugin, **({} if version is None else {"version": version})}
        elif version is None:
            raise UsageError("The version is missing. Pass the plugin's code and the version.")
        else:
            body = {"plugin": plugin, "version": version}
        return self._post("plugin_releases/", data=body)

    @accept_aliases(release="lookup")
    def delete_plugin_release(self, lookup: str) -> None:
        """Delete a plugin release from the agent. One request.

        Args:
            lookup: Id of the release, or `code@version`; `release` is an alias.
        """
        self._delete(f"plugin_releases/{validate_release(lookup)}/")

    @accept_aliases(release="lookup")
    def run_plugin_release(
        self,
        lookup: str,
        action: str | Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        data: Mapping[str, Any] | None = None,
        requirements: Sequence[str] | None = None,
        job_id: str | None = None,
        language: str | None = None,
        timeout: TimeoutArgument = None,
    ) -> Any:
        """Run an action of a plugin release on the agent. One request.

        Args:
            lookup: The release as `code@version`; `release` is an alias.
            action: Name of the action, optional for a release with one; or `data`.
            params: Parameters of the action.
            data: The body with `action`, `params`, `debug` and `job_id`, instead of the arguments.
            requirements: Further requirements of the code.
            job_id: Id of the job; default: a new id.
            language: Language of the messages.
            timeout: Seconds, as for the client; default: the client's.

        Returns:
            The agent's response, with the `job_id`.

        Raises:
            UsageError: An argument differs from its value in `data`; no request was made.
            ValidationError: The agent refused the action or a parameter.
        """
        if isinstance(action, Mapping):
            data, action = choose_one("data", data, "action", action), None
        values = {
            "action": action,
            "params": params,
            "requirements": requirements,
            "job_id": job_id,
            "language": language,
        }
        path = f"plugin_releases/{validate_release(lookup)}/run/"
        return self._post(path, data=_merge(data, values), timeout=timeout)

    def run_debug_plugin_release(
        self,
        action: str,
        params: Mapping[str, Any] | None = None,
        *,
        plugin_path: str | None = None,
        config: Mapping[str, Any] | None = None,
        modules: Mapping[str, str] | None = None,
        requirements: Sequence[str] | None = None,
        job_id: str | None = None,
        language: str | None = None,
        timeout: TimeoutArgument = None,
    ) -> Any:
        """Run an action of code that isn't released, for debugging. One request.

        Args:
            action: Name of the action.
            params: Parameters of the action.
            plugin_path: Folder of the plugin on the agent's machine.
            config: Content of the `config.yaml`, instead of the folder's.
            modules: Source code by name of the module, instead of a folder.
            requirements: Further requirements of the code.
            job_id: Id of the job; default: a new id.
            language: Language of the messages.
            timeout: Seconds, as for the client; default: the client's.

        Returns:
            The agent's response, with the `job_id`.

        Raises:
            ValidationError: The agent refused the code, the action or a parameter.
        """
        values = {
            "action": action,
            "params": params,
            "plugin_path": plugin_path,
            "config": config,
            "modules": modules,
            "requirements": requirements,
            "job_id": job_id,
            "language": language,
        }
        return self._post("plugin_releases/run_debug/", data=_merge(None, values), timeout=timeout)


def _merge(data: Mapping[str, Any] | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body with the arguments that were given."""
    body = dict(data or {})
    for name, value in values.items():
        if value is not None:
            body[name] = choose_one(name, value, f"data[{name!r}]", body.get(name))
    return body
