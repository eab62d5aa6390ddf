"""The part of a session that objects share: transport, identity map, rules."""

from __future__ import annotations

import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, cast

from cachetools import LRUCache

from synapse._internal.cancellation import in_force
from synapse._internal.completion import is_completing
from synapse._internal.doubles import is_specifying
from synapse._internal.fork import call_in_child
from synapse._internal.lazy_import import load
from synapse.errors import ConfigurationError, LazyLoadError, LazyLoadWarning
from synapse.orm.identity_map import IdentityMap
from synapse.orm.other_endpoints import OtherEndpoints
from synapse.orm.scoped_options import ScopedOptions
from synapse.orm.session_settings import ReadableSettings

if TYPE_CHECKING:
    # Only here, because jedi fails at a property whose type it can resolve to a `Literal`.
    from synapse.orm._typing import Entity, LazyPolicy
    from synapse.transport import Transport

__all__ = ["SessionBase", "default", "find", "set_connector", "set_default"]

# Lazy loads from one line before we warn about a loop.
_LOOP = 3
# Enough locks that concurrent saves of different objects seldom share one.
_SAVERS = 1021


class SessionBase(ScopedOptions, OtherEndpoints, ReadableSettings):
    """A session as the object layer knows sessions.

    Args:
        transport: The transport.
        lazy: Rule for fields whose reading needs a request: `"allow"`, `"warn"` in a loop, or
            `"raise"`.
        page_size: Rows per page, unless a query sets another size.
        cache_size: Number of recently used objects held for `get()`.
        cache_ttl: Seconds for which `get()` uses them without a request.
    """

    _ASSIGNED = frozenset({"is_closed", "lock", "identity"})

    def __init__(
        self,
        transport: Transport,
        *,
        lazy: LazyPolicy,
        page_size: int,
        cache_size: int,
        cache_ttl: float,
    ) -> None:
        self.transport = transport
        self.lazy = lazy
        self.is_closed = False
        # Whom the token belongs to, once the server has said that.
        self._user: Entity | None = None
        self.page_size = page_size
        self.lock = threading.RLock()
        self._saving = _locks()
        self.identity = IdentityMap(self, cache_size=cache_size, cache_ttl=cache_ttl)
        self._loads_by_place: LRUCache[tuple[str, int], int] = LRUCache(maxsize=1024)
        with _choosing:
            _live.add(self)

    @property
    def lazy(self) -> LazyPolicy:
        """Rule for fields whose reading needs a request: `"allow"`, `"warn"` or `"raise"`."""
        return self._lazy

    @lazy.setter
    def lazy(self, value: LazyPolicy) -> None:
        if value not in ("allow", "warn", "raise"):
            raise ConfigurationError(f"lazy is {value!r}: give 'allow', 'warn' or 'raise'.")
        self._lazy: LazyPolicy = value

    @property
    def page_size(self) -> int:
        """Rows per page, unless a query sets another size."""
        return self._page_size

    @page_size.setter
    def page_size(self, value: int) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigurationError(f"page_size is {value!r}: give a whole number from 1.")
        self._page_size = value

    @property
    def key(self) -> tuple[str, str | None]:
        """Base URL and tenant: objects of sessions with one key are comparable."""
        settings = self._transport.settings
        return settings.base_url, settings.tenant

    def _origin(self) -> dict[str, str | None]:
        """Return how a pickle finds the session: never a token."""
        settings, cls = self._transport.settings, type(self)
        return {
            "base_url": settings.base_url,
            "tenant": settings.tenant,
            "profile": settings.profile,
            "class_name": f"{cls.__module__}:{cls.__qualname__}",
        }

    def _add_copy(self, copy: SessionBase) -> None:
        with _choosing:
            _live.add(copy)

    def saving(self, resource: Entity) -> AbstractContextManager[bool]:
        """Return the lock for saving an object; some share a lock. Makes no request."""
        return self._saving[hash((type(resource), resource._key)) % len(self._saving)]

    def before_lazy_load(self, resource: Entity, field: str) -> None:
        """Apply the lazy policy to a load that reading a field is about to cause.

        Makes no request itself.

        Raises:
            LazyLoadError: The policy is `"raise"`, or a completer reads the field.
            AttributeError: `unittest.mock` reads the field for a double's spec.
        """
        if in_force() is not None:
            return  # awaited: nothing waits for this request but the coroutine that asked
        via = resource._via()
        advice = (
            f'.expand("{via}")' if via else f"{type(resource).__name__}.objects.get({resource.id})"
        )
        if is_specifying():
            raise AttributeError(f"{resource._label()} isn't loaded for a double's spec")
        if is_completing():
            raise LazyLoadError(f"{resource._label()} isn't loaded to complete a name.")
        if self.lazy == "raise":
            raise LazyLoadError(
                f"Reading {field!r} of {resource._label()} needs a request, which this session "
                f"forbids (lazy='raise'). Load it before: {advice}."
            )
        if self.lazy == "warn":
            self._notice_loop(resource, field, advice)

    def _notice_loop(self, resource: Entity, field: str, advice: str) -> None:
        depth, frame = 1, sys._getframe(1)
        while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(
            "synapse."
        ):
            depth, frame = depth + 1, frame.f_back
        place = (frame.f_code.co_filename, frame.f_lineno)
        with self.lock:
            count = self._loads_by_place[place] = self._loads_by_place.get(place, 0) + 1
        if count == _LOOP:
            what = (
                f"put {advice} on the query"
                if resource._via()
                else f"don't leave {field!r} out of the query (only, omit)"
            )
            warnings.warn(
                f"This line loads {type(resource).__name__} objects one request at a time to read "
                f"{field!r}. To have them with the page, {what}.",
                LazyLoadWarning,
                stacklevel=depth + 1,
            )


def _locks() -> list[AbstractContextManager[bool]]:
    return [threading.RLock() for _ in range(_SAVERS)]


_default: SessionBase | None = None
_connect: Callable[..., SessionBase] | None = None
_live: weakref.WeakSet[SessionBase] = weakref.WeakSet()
# Held while a session is looked for and made, so that two threads don't make two.
_choosing = threading.RLock()


def _after_fork() -> None:
    """Don't wait for threads that are in the parent only."""
    global _choosing
    _choosing = threading.RLock()
    sessions = list(_live)
    for one in sessions:
        if one._original is None:
            one.lock = threading.RLock()
            one._saving = _locks()
    for one in sessions:
        if one._original is not None:
            one.lock, one._saving = one._original.lock, one._original._saving


call_in_child(_after_fork)


def set_default(session: SessionBase | None) -> SessionBase | None:
    """Make a session the one that class-level access uses; give the one before."""
    global _default
    before, _default = _default, session
    return before


def set_connector(connect: Callable[..., SessionBase]) -> None:
    """Set the function that makes a session on demand.

    Args:
        connect: Takes nothing, or the base URL, tenant, profile and class of the wanted session.
    """
    global _connect
    _connect = connect


def default() -> SessionBase:
    """Return the default session; the first use connects with the environment's settings.

    Raises:
        ConfigurationError: No session exists, and the environment has no address.
    """
    if _default is not None:
        return _default
    with _choosing:
        if _default is None:
            set_default(_connect_session())
        return cast("SessionBase", _default)


def find(where: Mapping[str, str | None]) -> SessionBase:
    """Return the session for a base URL and tenant: the default, an open one, or a new one.

    A new one becomes the default only if none exists: an object from elsewhere must not redirect
    everything else.

    Args:
        where: Base URL, tenant, profile, and the class of the pickled session, which the found one
            has, or a subclass.

    Raises:
        ConfigurationError: No session exists, and no credentials for one.
    """
    cls = _find_class(where.get("class_name"))
    with _choosing:
        found = _open(where["base_url"], where["tenant"], cls)
        if found is None:
            names = ("base_url", "tenant", "profile")
            made = _connect_session(session_class=cls, **{name: where[name] for name in names})
            # The tenant may come from this process's settings, which may have a session already.
            found = _open(*made.key, cls) or made
        if _default is None:
            set_default(found)
        return found


def _find_class(name: str | None) -> type[SessionBase] | None:
    """Return the class of a pickled session, unless a function made that class."""
    module, _, path = (name or "").partition(":")
    if not module or "<locals>" in path:
        return None
    found: Any = load(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) and issubclass(found, SessionBase) else None


def _open(
    base_url: str | None, tenant: str | None, cls: type[SessionBase] | None
) -> SessionBase | None:
    for one in (_default, *_live):
        if one is None or one._original is not None or one.is_closed:
            continue
        if one.key == (base_url, tenant) and isinstance(one, cls or SessionBase):
            return one
    return None


def _connect_session(**where: Any) -> SessionBase:
    if _connect is None:  # a declaration was imported alone: this calls `set_connector`
        load("synapse.session")
    return cast("Callable[..., SessionBase]", _connect)(**where)
