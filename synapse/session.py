"""Sessions: a connection to a Synapse server, with the identity map and the root managers."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from synapse._internal.described import Described, Description
from synapse._internal.doubles import is_specifying
from synapse._internal.hints import attribute_error, suggestion
from synapse._internal.redaction import redacted
from synapse._internal.short_traceback import shortened
from synapse.config import TimeoutArgument, TokenArgument, resolve
from synapse.errors import ConfigurationError
from synapse.orm import registry, session_base
from synapse.orm.description import summary_of
from synapse.orm.manager_access import ManagerAccess
from synapse.orm.session_base import SessionBase
from synapse.transport import Transport
from synapse.transport.observer import Observer
from synapse.transport.options import Hook, Options, PagingOption, UploadsOption
from synapse.transport.retry import OnRetry, RetryPolicy

if TYPE_CHECKING:
    from synapse.aio import AsyncSession
    from synapse.clients.agent import AgentClient
    from synapse.clients.backend import BackendClient
    from synapse.doctor import DoctorReport
    from synapse.orm._typing import LazyPolicy
    from synapse.resources.agents import AgentManager
    from synapse.resources.assignments import AssignmentManager
    from synapse.resources.data_collections import DataCollectionManager
    from synapse.resources.data_files import DataFileManager
    from synapse.resources.data_units import DataUnitManager
    from synapse.resources.ground_truths import (
        GroundTruthEventManager,
        GroundTruthManager,
        GroundTruthVersionManager,
    )
    from synapse.resources.job_logs import LogManager
    from synapse.resources.jobs import Job as Job  # for the context of a job
    from synapse.resources.jobs import JobManager
    from synapse.resources.models import ModelManager
    from synapse.resources.plugins import PluginManager, PluginReleaseManager
    from synapse.resources.projects import ProjectManager
    from synapse.resources.serve_applications import ServeApplicationManager
    from synapse.resources.storages import StorageManager
    from synapse.resources.task_tags import TaskTagManager
    from synapse.resources.tasks import TaskManager
    from synapse.resources.users import User, UserManager

__all__ = ["Session", "connect"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

# The interface for objects, which is neither completed nor suggested.
_OF_OBJECTS = {
    "agent_api",
    "before_lazy_load",
    "identity",
    "key",
    "knows_agent",
    "lock",
    "meet_agent",
    "saving",
}


class Session(Described, ManagerAccess, SessionBase):
    """A connection to a Synapse server as one user, with one Python object per server object.

    Making a session sends no request; the first use does. A session is a context manager, and may
    be used from several threads.

    Args:
        base_url: The server's address; else `SYNAPSE_BASE_URL`, else the profile's.
        api_token: The API token, or a source, which is asked again when the server refuses the
            token: a function that returns the token, or the path (`pathlib.Path`) of a file with
            the token; else `SYNAPSE_API_TOKEN` or `SYNAPSE_API_TOKEN_FILE`, else the profile's.
        authorization_token: A login token of the older kind, instead of `api_token`.
        agent_token: An agent's token.
        tenant: The tenant's code, for tokens that are good for several tenants.
        web_url: Template of the addresses of the platform's pages, to which cards and tables in
            notebooks link, such as `"https://app.example.com/{kind}/{id}"`; else `SYNAPSE_WEB_URL`,
            else the profile's. Without one, they have no links.
        profile: The section of `~/.config/synapse/config.toml`; else `SYNAPSE_PROFILE`.
        timeout: Seconds: one number, a pair (connect, read), or a mapping with those names; by
            default 5 to connect and 30 between two reads.
        lazy: Rule for fields whose reading needs a request: `"allow"`, `"warn"` (in a loop) or
            `"raise"`.
        page_size: Rows per page, unless a query sets another size.
        cache_size: Number of fetched objects that `get()` may return without a request.
        cache_ttl: Seconds for which they count as fresh; with 0 each `get()` sends a request.
        deadline: Seconds for a whole call, retries included; `None` for no bound.
        retries: Largest number of harmless retries of a request; 0 for none.
        https_only: Whether to refuse a server that is reached by plain http.
        paging: Way to read long lists: `"keys"` (bounds on the id), `"cursor"` or `"numbers"`; by
            default the best one that the server offers for the list.
        uploads: Way to send data files: `"direct"` (to the server) or `"presigned"` (to the
            storage); by default the one that the server's default storage asks for.
        max_query_length: Length of the longest query of a request, in bytes. A filter with more
            values is sent in several requests.
        proxies: Proxies by scheme, instead of the environment's.
        verify: A bundle of certificate authorities, or `False` to trust anybody.
        cert: A client certificate: a path, or a pair of paths (certificate, key).
        headers: Further headers for this server only, such as a gateway's key; messages and logs
            show no value of them.
        on_request: Called with an `Event` before each attempt; may add to `event.headers`.
        on_response: Called with an `Event` after each attempt. Its own errors are only logged.
        on_retry: Called with a `Retry` before each pause for another attempt. Errors of the
            function are only logged.
        observer: Watches each call and attempt, such as `OpenTelemetry()` of
            `synapse.integrations.otel`.
        transport: A client's transport to share, instead of all connection options.

    Raises:
        ConfigurationError: The base URL or the token is missing, or a setting is malformed.

    Example:
        >>> with Session(emulator.url, emulator.api_token) as session:
        ...     session.projects.count() >= 0
        True
    """

    _INSTEAD = dict.fromkeys(
        ("api_token", "authorization_token", "access_token", "token"),
        "Call session.authenticate(token).",
    )

    if TYPE_CHECKING:
        # For type checkers and editors; at run time the declarations decide.
        projects: ProjectManager
        tasks: TaskManager
        task_tags: TaskTagManager
        assignments: AssignmentManager
        data_collections: DataCollectionManager
        data_units: DataUnitManager
        data_files: DataFileManager
        plugins: PluginManager
        plugin_releases: PluginReleaseManager
        jobs: JobManager
        logs: LogManager
        serve_applications: ServeApplicationManager
        storages: StorageManager
        models: ModelManager
        ground_truths: GroundTruthManager
        ground_truth_events: GroundTruthEventManager
        ground_truth_versions: GroundTruthVersionManager
        agents: AgentManager
        users: UserManager

    def __init__(
        self,
        base_url: str | None = None,
        api_token: TokenArgument | None = None,
        *,
        authorization_token: TokenArgument | None = None,
        agent_token: TokenArgument | None = None,
        tenant: str | None = None,
        web_url: str | None = None,
        profile: str | None = None,
        timeout: TimeoutArgument = None,
        lazy: LazyPolicy = "warn",
        page_size: int = 100,
        cache_size: int = 1024,
        cache_ttl: float = 60.0,
        deadline: float | None = 300.0,
        retries: int = 3,
        https_only: bool = False,
        paging: PagingOption = "auto",
        uploads: UploadsOption = "auto",
        max_query_length: int = 8192,
        proxies: dict[str, str] | None = None,
        verify: bool | str | os.PathLike[str] | None = None,
        cert: str | os.PathLike[str] | tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        on_request: Hook | None = None,
        on_response: Hook | None = None,
        on_retry: OnRetry | None = None,
        observer: Observer | None = None,
        transport: Transport | None = None,
    ) -> None:
        if transport is None:
            settings = resolve(
                base_url,
                api_token,
                authorization_token=authorization_token,
                agent_token=agent_token,
                tenant=tenant,
                profile=profile,
                timeout=timeout,
                web_url=web_url,
            )
            transport = Transport(
                settings,
                Options(
                    retry=RetryPolicy.of(retries),
                    deadline=deadline,
                    https_only=https_only,
                    paging=paging,
                    uploads=uploads,
                    max_query_length=max_query_length,
                    proxies=proxies,
                    verify=verify,
                    cert=cert,
                    headers=headers,
                    on_request=on_request,
                    on_response=on_response,
                    on_retry=on_retry,
                    observer=observer,
                ),
            )
        super().__init__(
            transport,
            lazy=lazy,
            page_size=page_size,
            cache_size=cache_size,
            cache_ttl=cache_ttl,
        )
        self._agents: dict[int, AgentClient | None] = {}

    if not TYPE_CHECKING:
        # Hidden from type checkers, which would otherwise accept any misspelled name.
        def __getattr__(self, name: str) -> Any:
            cls = registry.get_by_plural(name) if name[:1] != "_" else None
            if cls is None:
                names = [other for other in dir(self) if not other.startswith("_")]
                hint = suggestion(name, names)
                raise attribute_error(f"{type(self).__name__} has no {name!r}{hint}", name)
            return cls.__schema__.manager(cls, self)

    def _can_assign(self, name: str) -> bool:
        # Tests put doubles in the place of root managers.
        return super()._can_assign(name) or registry.get_by_plural(name) is not None

    @property
    def me(self) -> User:
        """The user that the token belongs to. One request, each time."""
        if is_specifying():
            raise AttributeError("me needs a request, which a double's spec must not send")
        return self.users.me()

    def authenticate(self, token: TokenArgument) -> None:
        """Use another token of the same user from now on. Makes no request.

        The objects, their unsaved changes and the connections stay. For another user or tenant,
        make another session.

        Args:
            token: The token, a function that returns the token, or the path of a file with it.

        Raises:
            ConfigurationError: The text can't be a token, or the source fails.
        """
        self.transport.authenticate(token)

    def health(self) -> dict[str, Any]:
        """Check that the server is up. One request, which needs no credentials.

        Returns:
            The server's report.

        Raises:
            ClientError: The server is down, or can't be reached.
        """
        report: dict[str, Any] = self.transport.request("GET", "health/", resource="health")
        return report

    def doctor(self, *, upload: bool = False) -> DoctorReport:
        """Examine the installation, the settings, the network and the server of this session.

        At most five requests, one each for an agent and a Ray cluster that the environment names,
        and up to five more with `upload`. Ends after some twenty seconds on a dead network.

        Args:
            upload: Whether to upload one byte, too, which stays on the server as a data file.

        Returns:
            The report, with a line for each check, and a cure where one is needed. Faults are lines
            of the report, not exceptions.

        Example:
            >>> report = session.doctor()
            >>> report.has_failed, [finding.status for finding in report["token"]]
            (False, ['ok'])
        """
        from synapse.doctor import CHECKS, examine  # few scripts need it

        return examine(lambda: self.transport, CHECKS, upload=upload)

    @cached_property
    def client(self) -> BackendClient:
        """The compatibility namespace over the same connection. Makes no request."""
        from synapse.clients.backend import BackendClient

        # Not `self.transport`: the client outlives the block of `options()` that it is made in.
        client = BackendClient(transport=self._transport)
        client.session = self  # not another one, with objects of its own
        return client

    @cached_property
    def aio(self) -> AsyncSession:
        """The managers and verbs as awaitables, for asyncio. Makes no request.

        Example:
            >>> import asyncio
            >>> asyncio.run(session.aio.projects.count())
            0
        """
        from synapse.aio import AsyncSession  # few scripts need it

        original = self._original
        threads = None if original is None else original.aio._threads
        return AsyncSession(self, threads=threads)

    def meet_agent(self, key: int, url: str | None, token: str) -> None:
        """Store an agent's address and token. Makes no request.

        Args:
            key: The agent's id.
            url: The agent's address, if known.
            token: The agent's token.

        Raises:
            ConfigurationError: The address or the token can't be used.
        """
        from synapse.clients.agent import AgentClient

        # Not `self.transport`: the client outlives the block of `options()` that it is made in.
        original = self if self._original is None else self._original
        client = AgentClient._of_session(url, token, original._transport) if url else None
        with self.lock:
            previous = self._agents.get(key)
            self._agents[key] = client
        if previous is not None:
            previous.close()

    def agent_api(self, key: int) -> AgentClient | None:
        """Return the client of a known agent. Makes no request.

        `session.agents.get(token)` returns the agent as an object, which uses this client. The
        session closes the client.

        Args:
            key: The agent's id.
        """
        return self._agents.get(key)

    def knows_agent(self, key: int) -> bool:
        """Return whether an agent is known. Makes no request."""
        return key in self._agents

    @property
    def request_count(self) -> int:
        """Number of requests that this session has sent."""
        return self.transport.request_count

    def close(self) -> None:
        """Close the connections; later use raises `SessionClosed`. Makes no request."""
        if self._original is not None:
            return  # the connections are the session's
        self.is_closed = True
        self._transport.close()  # in a block of `options()`, too
        if "aio" in vars(self):
            self.aio.stop_threads()
        for agent in self._agents.values():
            if agent is not None:
                agent.close()

    def __dir__(self) -> list[str]:
        names = {*super().__dir__(), *(c.__schema__.plural for c in registry.declared())}
        return sorted(names - _OF_OBJECTS)

    def __repr__(self) -> str:
        settings, user = self.transport.settings, self._user
        parts = [repr(redacted(settings.base_url))]
        parts += [f"tenant={settings.tenant!r}"] if settings.tenant else []
        parts += [f"user={name}" for _, name in (summary_of(user) if user else ())]
        return f"Session({', '.join(parts)})"

    def _describe(self) -> Description:
        settings, user = self.transport.settings, self._user
        known = [
            ("server", redacted(settings.base_url)),
            ("tenant", settings.tenant),
            ("profile", settings.profile),
            ("user", repr(user)[1:-1] if user else "not loaded; session.me loads it"),
            ("lazy loading", self.lazy),
            ("requests", f"{self.request_count:,}"),
        ]
        fields = [(name, value) for name, value in known if value]
        return Description("Session", "closed" if self.is_closed else None, fields)

    def __reduce__(self) -> tuple[Any, ...]:
        return _find, (self._origin(),)


def _with_arguments_of(
    model: Callable[_P, Any],
) -> Callable[[Callable[..., _R]], Callable[_P, _R]]:
    """Copy the signature of `model`, for type checkers and for `help()`."""

    def decorate(function: Any) -> Any:
        result = inspect.signature(function).return_annotation
        function.__signature__ = inspect.signature(model).replace(return_annotation=result)
        return function

    return decorate


@_with_arguments_of(Session)
def connect(*args: Any, **options: Any) -> Session:
    """Make a session, and make that session the default for access on classes.

    Args:
        *args: The server's address and the API token, as in `Session`.
        **options: The options of `Session`.

    Returns:
        The session. Makes no request.

    Raises:
        ConfigurationError: The base URL or the token is missing, or a setting is malformed.
        TypeError: An option has an unknown name; the message names the similar ones.

    Example:
        >>> session = connect(emulator.url, api_token=emulator.api_token)
        >>> session.projects.exists()
        False
    """
    names = inspect.signature(Session).parameters
    for name in options:
        if name not in names:
            synonym = {"url": "base_url", "host": "base_url", "token": "api_token"}.get(name)
            hint = f"; did you mean {synonym!r}?" if synonym else suggestion(name, names)
            raise shortened(TypeError(f"connect() takes no {name!r}{hint}"))
    session = Session(*args, **options)
    session_base.set_default(session)
    return session


def _find(origin: dict[str, str | None]) -> session_base.SessionBase:
    """Unpickle a session; defined here, so that unpickling imports `Session`."""
    return session_base.find(origin)


def _connect_to(
    base_url: str | None = None,
    *,
    tenant: str | None = None,
    profile: str | None = None,
    session_class: type[Session] | None = None,
) -> Session:
    """Make a session for an object, or for the first use of a class.

    Raises:
        ConfigurationError: The credentials are missing, belong to another server, or name none: an
            object's origin must not decide where credentials go.
    """
    own = None
    try:
        own = resolve(tenant=tenant, profile=profile).base_url
    except ConfigurationError:
        resolve(base_url, tenant=tenant, profile=profile)  # says what else is missing
    if base_url not in (None, own):
        is_for = f"is set up for {own}" if own else "doesn't say for which server its token is"
        raise ConfigurationError(
            f"An object is from {base_url}, but this process {is_for}. Set SYNAPSE_BASE_URL, or "
            "call synapse.connect() for the object's server first."
        )
    return (session_class or Session)(base_url, tenant=tenant, profile=profile)


session_base.set_connector(_connect_to)
