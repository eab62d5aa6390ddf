"""Repair locks and connections in a forked child process.

A child inherits every lock in the state that it had in the parent, but none of the threads that
would release it. Objects with locks or sockets register here once and rebuild them in the child.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Protocol

__all__ = ["Forkable", "call_in_child", "hold_during_fork", "repair_in_child"]


class Forkable(Protocol):
    """An object that a fork would break."""

    def after_fork(self) -> None:
        """Replace locks and connections that the parent owns."""


class _Lock(Protocol):
    def acquire(self) -> object: ...

    def release(self) -> object: ...


_forkables: weakref.WeakSet[Forkable] = weakref.WeakSet()


def repair_in_child(forkable: Forkable) -> None:
    """Call the object's `after_fork` in every forked child, while the object is alive."""
    _forkables.add(forkable)


def call_in_child(function: Callable[[], object]) -> None:
    """Call a module's function in every forked child."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)


def hold_during_fork(lock: _Lock) -> None:
    """Hold a lock while the process forks, so that the child never inherits it half-way."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
        )


def _repair_all() -> None:
    for forkable in list(_forkables):
        forkable.after_fork()


call_in_child(_repair_all)
