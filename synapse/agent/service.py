"""The agent's process: listen, keep contact with the backend, end cleanly."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from synapse._internal import log_events
from synapse._internal.open_files import allow_open_files
from synapse._internal.server_url import checked_url
from synapse._internal.user_folders import expand_home
from synapse.agent.delivery import Delivery
from synapse.agent.job_service import JobService
from synapse.agent.store import Store
from synapse.agent.tickets import Tickets
from synapse.config import Secret
from synapse.errors import (
    AuthenticationError,
    ClientError,
    ConfigurationError,
    MissingExtra,
    NotFound,
    PermissionDenied,
)
from synapse.jobs.protocols import RunnerOptions
from synapse.jobs.registry import build_runner
from synapse.jobs.spec import Limits
from synapse.session import Session

try:
    import uvicorn
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    from synapse.agent.endpoints import make_app
except ModuleNotFoundError as error:
    raise MissingExtra("The agent", "agent") from error

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["AgentOptions", "serve"]


_PERIOD = 10.0
_GRACE = 3
# Seconds in which a new connection must send the head of a request.
_FIRST_REQUEST = 10.0
_CONNECTIONS = 4096


@attrs.frozen(kw_only=True)
class AgentOptions:
    """Options of an agent.

    Attributes:
        backend: The backend's address.
        token: The agent's token, which the backend and the agent's callers know.
        name: Display name at the backend.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        url: Address for others; by default the listening address.
        data: Folder of the agent's state.
        workers: Number of jobs at a time.
        limits: Limits of one job.
        python: Interpreter that is tried first for jobs of the platform's package.
        runner: Name of the runner, from `synapse.jobs.registry.RUNNERS`; by default `ray` with an
            address of a cluster, and `local` otherwise.
        ray: Address of a Ray cluster's head, such as `http://127.0.0.1:8265`, for running jobs; by
            default jobs are processes of this machine.
        ray_token: The cluster's token, if any.
        tenant: The tenant's code, for an agent of several tenants.
        https_only: Whether to refuse a backend that is reached by plain http.
    """

    backend: str
    token: str = attrs.field(repr=False)
    name: str = attrs.field(factory=socket.gethostname)
    host: str = "127.0.0.1"
    port: int = 8100
    url: str | None = None
    data: Path = attrs.field(converter=expand_home)
    workers: int = 2
    limits: Limits = attrs.field(factory=Limits)
    python: str | None = None
    runner: str | None = None
    ray: str | None = None
    ray_token: str | None = attrs.field(default=None, repr=False)
    tenant: str | None = None
    https_only: bool = False


def serve(options: AgentOptions, on_ready: Callable[[str], None] | None = None) -> None:
    """Run an agent until SIGINT or SIGTERM; call this from the main thread.

    Args:
        options: The options.
        on_ready: Called with the agent's address once the agent answers.

    Raises:
        ConfigurationError: The agent can't start; the message says why in one sentence.
        AuthenticationError: The backend doesn't know the token.
    """
    token = Secret(options.token, "the agent's token").reveal()
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_open_listener(options.host, options.port))
        url = options.url or _url_of(options.host, listener.getsockname()[1])
        checked_url(url, "the agent's own address")
        store = Store(options.data)
        stack.callback(store.close)
        store.belong_to(_owner(options, token))
        session = stack.enter_context(
            Session(
                options.backend,
                agent_token=token,
                tenant=options.tenant,
                timeout=(5, 10),
                retries=0,  # the delivery decides what is sent again
                deadline=60,
                https_only=options.https_only,
            )
        )
        work = _build_job_service(options, store, session, url)
        stack.callback(_end, work)
        contact = _Heartbeat(work, session, token, {"name": options.name, "url": url})
        contact.introduce()
        stack.callback(contact.close)
        _Server(make_app(work, token), work, lambda: _begin(contact, on_ready, url)).listen(
            listener
        )


def _owner(options: AgentOptions, token: str) -> str:
    """Return the identity of the agent's backend: a new backend has other tokens, too."""
    whole = "\0".join([options.backend.rstrip("/"), options.tenant or "", token])
    return hashlib.sha256(whole.encode()).hexdigest()


def _begin(contact: _Heartbeat, on_ready: Callable[[str], None] | None, url: str) -> None:
    # Only once the agent listens: the backend may send jobs at once, and callers may ask the
    # backend for the agent's address.
    contact.start(lambda: None if on_ready is None else on_ready(url))


def _build_job_service(
    options: AgentOptions, store: Store, session: Session, url: str
) -> JobService:
    orders = Tickets(url)
    runner, cluster = build_runner(
        options.runner or ("ray" if options.ray else "local"),
        RunnerOptions(
            folder=store.folder,
            node_id=store.node_id(),
            workers=options.workers,
            tickets=orders,
            python=options.python,
            address=options.ray,
            cluster_token=options.ray_token,
        ),
    )
    reports = Delivery(store, session, stop=runner.stop)
    work = JobService(
        store=store,
        session=session,
        runner=runner,
        cluster=cluster,
        reports=reports,
        orders=orders,
        limits=options.limits,
    )
    work.fail_left_jobs()
    reports.start()
    return work


def _do_nothing() -> None:
    pass


def _end(work: JobService) -> None:
    work.close()
    work.reports.close()


class _Heartbeat:
    """Sends a heartbeat with the agent's address to the backend.

    The backend keeps the agent's token in memory, so the next heartbeat restores the token after a
    restart of the backend.
    """

    def __init__(
        self, work: JobService, session: Session, token: str, says: dict[str, Any]
    ) -> None:
        self._work = work
        self._session = session
        self._token = token
        self._says = says
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="agent-contact", daemon=True)
        self._is_away = False
        self._on_first: Callable[[], None] = _do_nothing

    def introduce(self) -> None:
        """Send the first heartbeat. The backend may be away; then the agent waits.

        Raises:
            AuthenticationError: The backend doesn't know the token.
        """
        try:
            # Without the address: the agent doesn't listen yet.
            self._greet({"name": self._says["name"]})
        except (AuthenticationError, NotFound, PermissionDenied) as error:
            raise AuthenticationError(
                error.status_code,
                f"{self._session.transport.settings.base_url} knows no agent with this token",
                hint="Check the token, the backend's address and the tenant.",
            ) from None
        except ClientError as error:
            self._note(error)

    def start(self, on_first: Callable[[], None]) -> None:
        """Begin.

        Args:
            on_first: Called once, when the backend was told where the agent is, or is away.
        """
        self._on_first = on_first
        self._thread.start()

    def close(self) -> None:
        """Stop the heartbeats."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(15)

    def _run(self) -> None:
        while True:
            try:
                self._greet(self._says)
                self._work.reports.check()
            except ClientError as error:
                self._note(error)
            self._on_first()
            self._on_first = _do_nothing
            if self._closing.wait(_PERIOD if not self._is_away else _PERIOD / 5):
                return

    def _greet(self, says: dict[str, Any]) -> None:
        agent = self._session.agents.connect(self._token, **says)
        self._work.agent_id = agent.id
        self._work.connected = time.time()
        if self._is_away:
            log_events.AGENT_BACKEND_BACK.log("The backend is back.")
            self._is_away = False
            self._work.reports.wake(at_once=True)

    def _note(self, error: ClientError) -> None:
        if not self._is_away:
            log_events.AGENT_BACKEND_AWAY.log(
                "The backend can't be reached; trying again: %s", error, reason=error
            )
        self._is_away = True


def _is_news(record: logging.LogRecord) -> bool:
    """Filter out uvicorn's warning about a WebSocket that is refused with a response."""
    return "without completing handshake" not in record.getMessage()


class _Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type] # chosen at import
    """A connection that must send the head of a request within seconds."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._patience = self.loop.call_later(_FIRST_REQUEST, self._close_unused)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._patience.cancel()
        super().connection_lost(exc)

    def _close_unused(self) -> None:
        # The protocol of a connection that became a WebSocket is another one.
        if self.cycle is None and self.transport.get_protocol() is self:
            self.transport.close()


class _Server(uvicorn.Server):
    """A server that ends its streams before waiting for them."""

    def __init__(self, app: ASGIApp, work: JobService, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Protocol,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="websockets-sansio",
                ws_per_message_deflate=False,  # some clients of WebSockets misread it
                ws_max_size=1 << 20,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=_GRACE,
                server_header=False,
            )
        )
        logging.getLogger("uvicorn.error").addFilter(_is_news)
        self._work = work
        self._on_ready = on_ready

    def listen(self, listener: socket.socket) -> None:
        """Answer requests until a signal comes."""
        allow_open_files(_CONNECTIONS)
        # The server raises the signal that ended the server again. The rest of the shutdown must
        # not be cut short, so the handlers do nothing.
        kinds = (signal.SIGINT, signal.SIGTERM)
        before = {kind: signal.signal(kind, lambda *_: None) for kind in kinds}
        try:
            self.run([listener])
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """End the streams, and then everything."""
        self._work.stopping.set()
        super().handle_exit(sig, frame)


@contextlib.contextmanager
def _open_listener(host: str, port: int) -> Iterator[socket.socket]:
    """Take the port before the slow part, so that a taken one is reported at once."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"{host} port {port} is not an address to listen on.") from error
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigurationError(
                f"Cannot listen on {host} port {port}: {reason}; choose another port."
            ) from error
        listener.listen(1024)
        yield listener


def _url_of(host: str, port: int) -> str:
    name = socket.gethostname() if host in ("0.0.0.0", "::", "") else host  # noqa: S104 - compared
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
