"""The server process: set the folder up, serve, and stop cleanly on a signal."""

import contextlib
import gc
import math
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from synapse._internal.installation import install_command
from synapse._internal.private_files import make_database_private
from synapse.emulator.errors import EmulatorError, require_extra
from synapse.emulator.folder import (
    DATA_VARIABLE,
    DATABASE_VARIABLE,
    SHARE_VARIABLE,
    Credentials,
    DataFolder,
)
from synapse.emulator.worker_pool import WorkerPool, validate_workers
from synapse.jobs.local.protection import remove

if TYPE_CHECKING:
    from synapse.jobs.spec import Limits

_SETTINGS = "synapse.emulator.settings"
_THREADS = 16
_STORAGE_THREADS = 8
# Most connections of a process. Clients keep those to the API open.
_CONNECTIONS = 12_000
_STORAGE_CONNECTIONS = 2_000
_AGENT_TIMEOUT = 600.0


class Listener(NamedTuple):
    """A bound socket, and the most threads and connections that serve it in a process."""

    socket: socket.socket
    threads: int
    connections: int


@dataclass(frozen=True)
class ServerInfo:
    """Facts about a ready server that clients need."""

    url: str
    tenant: str
    api_token: str
    agent_token: str
    data: Path
    database: str


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    data_dir: Path | None = None,
    on_ready: Callable[[ServerInfo], None] | None = None,
    control_token: str | None = None,
    job_limits: "Limits | None" = None,
    python: str | None = None,
    database_url: str | None = None,
    share_database: bool = False,
    agent_timeout: float | None = None,
    job_token_lifetime: float | None = None,
    workers: int = 1,
) -> None:
    """Run the local backend until SIGINT or SIGTERM; call this from the main thread.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        data_dir: Folder for everything, created if missing. None means a temporary folder, removed
            at the end.
        on_ready: Called once when the server answers requests.
        control_token: Lets the holder create tenants and arm faults over HTTP.
        job_limits: Limits of each job; those of `synapse.jobs.spec.Limits` if None.
        python: Interpreter that is tried first for jobs of the platform's package.
        database_url: Database such as ``postgresql://user@host/name``; SQLite in the folder if
            None.
        share_database: Whether the database may have tables of another project.
        agent_timeout: Seconds without a heartbeat until an agent's jobs fail; 600 if None.
        job_token_lifetime: Seconds for which a job's token is valid at most; seven days if None.
        workers: Number of processes that answer requests; with more than one, this process only
            runs jobs and keeps what all share.

    Raises:
        EmulatorError: The server cannot be started; the message says why in one sentence.
    """
    require_extra()
    for name, value in {
        "agent_timeout": agent_timeout,
        "job_token_lifetime": job_token_lifetime,
    }.items():
        if value is not None and not 0 < value < math.inf:  # not a number isn't, either
            raise EmulatorError(f"{name} is {value}: it must be a number of seconds above 0.")
    validate_workers(workers)
    with (
        _listen(host, port) as sockets,
        _listen(host, 0) as storage_sockets,
        _open_folder(data_dir) as folder,
        folder.server_lock(),
        _catch_signals() as wait,
        _hold_database(folder, database_url, is_shared=share_database),
    ):
        application = load_application(folder, control_token)
        from synapse.emulator.database import describe_database
        from synapse.emulator.files import remove_left_files

        remove_left_files()
        credentials = folder.credentials()
        info = ServerInfo(
            url=_url(host, sockets[0].getsockname()[1]),
            tenant=credentials.tenant,
            api_token=credentials.api_token,
            agent_token=credentials.agent_token,
            data=folder.path,
            database=describe_database(),
        )
        end_jobs = _run_jobs(folder, info.url, job_limits, python)
        end_watch = _watch_agents(agent_timeout, job_token_lifetime)
        listeners = _describe_listeners(sockets[0], storage_sockets[0])
        announce_stop, stop = _start_serving(application, folder, listeners, workers)
        # Else each collection during a large request goes through Django's own objects, too.
        gc.collect()
        gc.freeze()
        try:
            if on_ready is not None:
                on_ready(info)
            wait()
        finally:
            end_watch()
            announce_stop()
            end_jobs()  # while the server still answers the jobs' last requests
            stop()
            _checkpoint()


def load_application(folder: DataFolder, control_token: str | None = None) -> Any:
    """Set up Django and the database, and return the WSGI application.

    Raises:
        EmulatorError: The folder can't be used, or the process already runs another Django.
    """
    _set_up_django(folder)
    with folder.setup_lock(), _translate_errors():
        _set_up_database(folder.credentials())
    from django.apps import apps
    from django.core.handlers.wsgi import WSGIHandler

    apps.get_app_config("emulator").control_token = control_token  # type: ignore[attr-defined] # ours
    return WSGIHandler()


def _set_up_django(folder: DataFolder) -> None:
    require_extra()
    folder.prepare()
    with folder.setup_lock():
        folder.credentials()
    os.environ[DATA_VARIABLE] = str(folder.path)
    os.environ["DJANGO_SETTINGS_MODULE"] = _SETTINGS
    import django
    from django.conf import settings

    if settings.configured and settings.SETTINGS_MODULE != _SETTINGS:
        raise EmulatorError(
            "This process already runs a Django project; start the local backend as a child "
            "process, with synapse.emulator.Emulator."
        )
    with _translate_errors():
        django.setup(set_prefix=False)


@contextlib.contextmanager
def _translate_errors() -> Iterator[None]:
    """Translate errors of opening the database inside the block."""
    from django.core.exceptions import ImproperlyConfigured
    from django.db import DatabaseError

    try:
        yield
    except (ImproperlyConfigured, DatabaseError, ValueError, OSError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        if "psycopg" in reason and isinstance(error, ImproperlyConfigured):
            reason += f". Install the extra: {install_command('postgres')}"
        raise EmulatorError(f"The database cannot be opened: {reason}.") from error


@contextlib.contextmanager
def _hold_database(folder: DataFolder, url: str | None, *, is_shared: bool) -> Iterator[None]:
    """Choose the database, and keep other servers out."""
    for name, value in ((DATABASE_VARIABLE, url), (SHARE_VARIABLE, "1" if is_shared else None)):
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    _set_up_django(folder)
    from synapse.emulator.database import hold_database

    with contextlib.ExitStack() as stack:
        with _translate_errors():
            stack.enter_context(hold_database(lambda: os.kill(os.getpid(), signal.SIGTERM)))
        yield


def _set_up_database(credentials: Credentials) -> None:
    from django.db import connection
    from django.utils import timezone

    from synapse.emulator.database import prepare_tables, refuse_foreign_tables
    from synapse.emulator.models import Tenant, Token, Upload
    from synapse.emulator.models.accounts import create_account
    from synapse.emulator.storage_service import remove_expired_uploads

    if not os.environ.get(SHARE_VARIABLE):
        refuse_foreign_tables()
    if connection.vendor == "sqlite":
        make_database_private(Path(connection.settings_dict["NAME"]))
    prepare_tables()
    tenant, _ = Tenant.objects.get_or_create(
        code=credentials.tenant, defaults={"name": "Default tenant"}
    )
    create_account(tenant, token=credentials.api_token)
    create_account(tenant, kind=Token.Kind.AGENT, token=credentials.agent_token)
    for upload in Upload.objects.filter(created_at__lt=timezone.now() - Upload.lifetime):
        upload.delete()
    remove_expired_uploads()
    connection.close()


@contextlib.contextmanager
def _listen(host: str, port: int) -> Iterator[list[socket.socket]]:
    """Bind the port first, so that a port in use is reported at once."""
    if not 0 <= port <= 65535:  # the look-up would use the port modulo 65536
        raise EmulatorError(f"The port {port} is out of range. Choose a port from 0 to 65535.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise EmulatorError(
            f"Cannot listen on {host} port {port}: the address is invalid."
        ) from error
    with socket.socket(family, kind, protocol) as server:
        if sys.platform != "win32":
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(address)
            server.listen(1024)
        except OSError as error:
            reason = error.strerror or str(error)
            raise EmulatorError(
                f"Cannot listen on {host} port {port}: {reason}. Choose another port."
            ) from error
        yield [server]


@contextlib.contextmanager
def _open_folder(data_dir: Path | None) -> Iterator[DataFolder]:
    if data_dir is not None:
        yield DataFolder(Path(data_dir))
        return
    path = Path(tempfile.mkdtemp(prefix="synapse-emulator-"))
    try:
        yield DataFolder(path)
    finally:
        remove(path)


@contextlib.contextmanager
def _catch_signals() -> Iterator[Callable[[], None]]:
    """Let SIGINT and SIGTERM end a wait, the only safe thing in a handler."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def on_signal(*_: object) -> None:
        with contextlib.suppress(BlockingIOError):  # full of signals: one is enough
            os.write(writer, b".")

    before = {
        number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield lambda: _wait_for(reader)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


def _wait_for(reader: int) -> None:
    os.read(reader, 1)


def _run_jobs(
    folder: DataFolder, url: str, limits: "Limits | None", python: str | None
) -> Callable[[], None]:
    """Let this process run jobs, and return the function that ends them."""
    from django.apps import apps

    from synapse.emulator.job_runner import JobRunner

    config: Any = apps.get_app_config("emulator")
    running = JobRunner(folder.engine, url, limits, python)
    running.recover()
    config.running = running

    def end() -> None:
        config.stopping.set()
        running.close()

    return end


def _watch_agents(timeout: float | None, token_lifetime: float | None) -> Callable[[], None]:
    """Let the silence of agents end their jobs, and return the function that ends this."""
    from django.apps import apps

    from synapse.emulator.agent_watch import AgentWatch

    config: Any = apps.get_app_config("emulator")
    config.job_token_lifetime = token_lifetime or config.job_token_lifetime
    watch = AgentWatch(timeout or _AGENT_TIMEOUT)
    watch.start()
    return watch.close


def _describe_listeners(api: socket.socket, storage: socket.socket) -> list[Listener]:
    from synapse.emulator.connections import fit_connections

    # Workers inherit the raised limit of open files.
    counts = fit_connections((_CONNECTIONS, _STORAGE_CONNECTIONS))
    return [
        Listener(api, _THREADS, counts[0]),
        Listener(storage, _STORAGE_THREADS, counts[1]),
    ]


def _start_serving(
    application: Any,
    folder: DataFolder,
    listeners: list[Listener],
    workers: int,
) -> tuple[Callable[[], None], Callable[[], None]]:
    """Serve the API and, on its own port and so its own origin, the storage service.

    Returns:
        The function that announces the end to waiting requests, and the one that ends serving.
    """
    from django.apps import apps

    config: Any = apps.get_app_config("emulator")
    config.storage_port = listeners[1].socket.getsockname()[1]
    if workers > 1:
        return _start_workers(folder, listeners, workers)
    # The storage service first: the other one hands its URLs out.
    stops = [start_waitress(application, listener) for listener in listeners[::-1]]

    def stop() -> None:
        for one in stops[::-1]:
            one()

    return config.stopping.set, stop


def _start_workers(
    folder: DataFolder, listeners: list[Listener], workers: int
) -> tuple[Callable[[], None], Callable[[], None]]:
    """Serve in processes that share this one's sockets and state."""
    from django.apps import apps

    from synapse.emulator.dispatch import submit_left
    from synapse.emulator.shared_state import share_state

    config: Any = apps.get_app_config("emulator")
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(share_state())
        names = ("control_token", "storage_port", "job_token_lifetime")
        options = {
            "main": os.getpid(),
            "data": str(folder.path),
            "listeners": [(one.socket.fileno(), *one[1:]) for one in listeners],
            "config": {name: getattr(config, name) for name in names},
            "state": address,
        }
        descriptors = (*(one.socket.fileno() for one in listeners), address["flags"])
        pool = WorkerPool(workers, options, descriptors, submit_left)
        pool.start()
        stack.callback(pool.close)
        return pool.announce_stop, stack.pop_all().close


def build_worker_application(folder: DataFolder, set_up: Callable[[], None]) -> Any:
    """Return a worker's WSGI application, over the database that the main process prepared."""
    _set_up_django(folder)
    set_up()
    from django.core.handlers.wsgi import WSGIHandler

    return WSGIHandler()


def start_waitress(application: Any, listener: Listener) -> Callable[[], None]:
    """Serve on a thread, and return a function that stops gracefully."""
    from django.apps import apps

    from synapse.emulator.body_guard import has_access
    from synapse.emulator.connections import build_server

    server = build_server(application, *listener, has_access)
    thread = threading.Thread(target=server.run, name="synapse-emulator", daemon=True)
    thread.start()

    def stop() -> None:
        apps.get_app_config("emulator").stopping.set()  # type: ignore[attr-defined] # ours
        # The threads end first, so that their responses go out.
        server.task_dispatcher.shutdown()
        # Closed on the server's thread: waitress's `close` would close the sockets in use.
        server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map, ignore_all=True))
        thread.join(5)

    return stop


def _checkpoint() -> None:
    """Fold the write-ahead log into the database file."""
    from django.db import connection

    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _url(host: str, port: int) -> str:
    name = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 # shown
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
