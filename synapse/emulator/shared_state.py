"""State that all processes of a server share: the main process owns it, and workers ask there.

Anything that concerns several requests and isn't in the database belongs here: armed faults,
behaviours, running jobs, connected agents, announced ends of jobs.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.managers import BaseManager
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection

from synapse.emulator.behaviours import Behaviour, BehaviourStore
from synapse.emulator.dispatch import agents
from synapse.emulator.fault_switch import ArmedFault, FaultSwitch

__all__ = ["StateAddress", "share_state", "use_shared_state"]

#: Names of the state at Django's configuration of the application.
_SHARED = ("faults", "behaviours", "running", "agents", "announced")
_FAULTS, _BEHAVIOURS = slice(0, 1), slice(1, 2)

# Bytes. Systems allow 103 or 107 for the address of a socket, of which the names take 29.
_LONGEST_FOLDER = 74

#: Options with which a worker reaches the state: a path, a key, and a file descriptor.
StateAddress = dict[str, Any]


class _StateManager(BaseManager):
    """Connects the processes, each thread by a connection of its own."""


class _Owner:
    """The state of the main process."""

    def call(self, name: str, method: str, *args: Any, **options: Any) -> Any:
        """Call a method of a part of the state."""
        if name not in _SHARED:
            raise AttributeError(name)
        try:
            return getattr(getattr(_config(), name), method)(*args, **options)
        finally:
            connection.close()  # of this call's thread, else one would stay open for each


class _Remote:
    """A part of the main process's state, for a worker."""

    def __init__(self, call: Callable[..., Any], name: str) -> None:
        self._call = partial(call, name)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return partial(self._call, method)


class _RemoteFaults(FaultSwitch):
    """The main process's faults, asked only while one is armed."""

    def __init__(self, call: Callable[..., Any], flag: memoryview) -> None:
        super().__init__()
        self.flag = flag
        self._call = partial(call, "faults")

    def arm(self, fault: ArmedFault) -> str:
        key: str = self._call("arm", fault)
        return key

    def find(self, key: str) -> ArmedFault | None:
        fault: ArmedFault | None = self._call("find", key)
        return fault

    def clear(self, *, key: str | None = None, tenant: str | None = None) -> None:
        self._call("clear", key=key, tenant=tenant)

    def depends_on_tenant(self, method: str, path: str) -> bool:
        return bool(self._call("depends_on_tenant", method, path))

    def take_for(self, method: str, path: str, tenant: str | None) -> ArmedFault | None:
        fault: ArmedFault | None = self._call("take_for", method, path, tenant)
        return fault


class _RemoteBehaviours(BehaviourStore):
    """The main process's behaviours, asked only while one is set."""

    def __init__(self, call: Callable[..., Any], flag: memoryview) -> None:
        super().__init__()
        self.flag = flag
        self._call = partial(call, "behaviours")

    def set(self, tenant: str | None, values: Any) -> None:
        self._call("set", tenant, dict(values))

    def clear(self, tenant: str | None) -> None:
        self._call("clear", tenant)

    def read(self) -> dict[str | None, Behaviour]:
        found: dict[str | None, Behaviour] = self._call("read")
        return found


@contextlib.contextmanager
def share_state() -> Iterator[StateAddress]:
    """Let workers use this process's state inside the block; call this before arming faults."""
    agents()  # made on first use
    config, owner = _config(), _Owner()
    _StateManager.register("owner", callable=lambda: owner, exposed=("call",))
    with (
        _make_folder() as folder,
        tempfile.TemporaryFile() as flags,
    ):
        flags.truncate(mmap.PAGESIZE)
        config.faults.flag, config.behaviours.flag = _map_flags(flags.fileno())
        path, key = str(Path(folder, "state")), secrets.token_bytes(32)
        server = _StateManager(address=path, authkey=key).get_server()
        thread = threading.Thread(target=server.serve_forever, name="synapse-state", daemon=True)
        thread.start()
        try:
            yield {"path": path, "key": key.hex(), "flags": flags.fileno()}
        finally:
            server.stop_event.set()  # type: ignore[attr-defined] # the stubs leave it out
            thread.join()
            # Else the library does so at the process's end, when the folder is gone.
            server.listener._listener._unlink()  # type: ignore[attr-defined] # it is private


def use_shared_state(address: StateAddress) -> None:
    """Let this worker use the main process's state."""
    _StateManager.register("owner")
    manager = _StateManager(address=address["path"], authkey=bytes.fromhex(address["key"]))
    manager.connect()
    call: Callable[..., Any] = manager.owner().call  # type: ignore[attr-defined] # registered above
    faults, behaviours = _map_flags(address["flags"])
    config = _config()
    config.faults = _RemoteFaults(call, faults)
    config.behaviours = _RemoteBehaviours(call, behaviours)
    for name in ("running", "agents", "announced"):
        setattr(config, name, _Remote(call, name))


def _make_folder() -> tempfile.TemporaryDirectory[str]:
    """Make a folder whose path is short enough for a socket's address."""
    is_long = len(os.fsencode(tempfile.gettempdir())) > _LONGEST_FOLDER
    return tempfile.TemporaryDirectory(prefix="synapse-state-", dir="/tmp" if is_long else None)  # noqa: S108 # has random letters, and is private


def _map_flags(descriptor: int) -> tuple[memoryview, memoryview]:
    flags = memoryview(mmap.mmap(descriptor, mmap.PAGESIZE))
    return flags[_FAULTS], flags[_BEHAVIOURS]


def _config() -> Any:
    return apps.get_app_config("emulator")
