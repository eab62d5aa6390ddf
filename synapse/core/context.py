"""What objects share: the transport, the identity map and the rules of their session."""

from __future__ import annotations

import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from cachetools import LRUCache

from synapse.core.identity import IdentityMap
from synapse.errors import ConfigurationError, LazyLoadError, LazyLoadWarning

if TYPE_CHECKING:
    from synapse.core.resource import Resource
    from synapse.transport import Transport

__all__ = ["Context", "LazyPolicy", "default", "find", "set_connector", "set_default"]

LazyPolicy: TypeAlias = Literal["allow", "warn", "raise"]

# From how many loads at one line on they are taken for a loop.
_LOOP = 3


class Context:
    """A session as the object layer knows it.

    Args:
        transport: The way to the server.
        lazy: What happens when reading a field needs a request of its own: `"allow"` it, `"warn"`
            when it happens in a loop, `"raise"` always.
        page_size: Rows per page, unless a query says otherwise.
        cache_size: How many recently used objects are held for `get()`.
        cache_ttl: For how many seconds `get()` uses them without asking.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        lazy: LazyPolicy,
        page_size: int,
        cache_size: int,
        cache_ttl: float,
    ) -> None:
        if lazy not in ("allow", "warn", "raise"):
            raise ConfigurationError(f"lazy is {lazy!r}: give 'allow', 'warn' or 'raise'.")
        if isinstance(page_size, bool) or not isinstance(page_size, int) or page_size < 1:
            raise ConfigurationError(f"page_size is {page_size!r}: give a whole number from 1.")
        self.transport = transport
        self.lazy: LazyPolicy = lazy
        self.page_size = page_size
        self.lock = threading.RLock()
        self.identity = IdentityMap(self, cache_size=cache_size, cache_ttl=cache_ttl)
        _live.add(self)
        self._loads_by_place: LRUCache[tuple[str, int], int] = LRUCache(maxsize=1024)

    @property
    def key(self) -> tuple[str, str | None]:
        """What makes two sessions' objects comparable: base URL and tenant."""
        settings = self.transport.settings
        return settings.base_url, settings.tenant

    def before_lazy_load(self, resource: Resource, field: str) -> None:
        """Apply the lazy policy to a load that reading a field is about to cause.

        Raises:
            LazyLoadError: The policy is `"raise"`.
        """
        via = resource._via()
        advice = (
            f'.expand("{via}")' if via else f"{type(resource).__name__}.objects.get({resource.id})"
        )
        if self.lazy == "raise":
            raise LazyLoadError(
                f"Reading {field!r} of {resource._label()} needs a request, which this session "
                f"forbids (lazy='raise'). Load it before: {advice}."
            )
        if self.lazy == "warn":
            self._notice_loop(resource, field, advice)

    def _notice_loop(self, resource: Resource, field: str, advice: str) -> None:
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


_default: Context | None = None
_connect: Callable[..., Context] | None = None
_live: weakref.WeakSet[Context] = weakref.WeakSet()


def set_default(context: Context | None) -> None:
    """Make a session the one that class-level access uses."""
    global _default
    _default = context


def set_connector(connect: Callable[..., Context]) -> None:
    """Say how a session is made when there is none; `connect` takes what `synapse.connect` does."""
    global _connect
    _connect = connect


def default() -> Context:
    """Return the default session; the first use connects with the environment's settings.

    Raises:
        ConfigurationError: There is none, and the environment doesn't say where to connect.
    """
    return _default if _default is not None else _connected()


def find(where: Mapping[str, str | None]) -> Context:
    """Return the session for a base URL and tenant: the default, a live one, or a new one.

    Raises:
        ConfigurationError: There is none, and no credentials for one.
    """
    key = (where["base_url"], where["tenant"])
    for context in (_default, *list(_live)):
        if context is not None and context.key == key:
            return context
    return _connected(**where)


def _connected(**where: str | None) -> Context:
    if _connect is None:
        raise ConfigurationError("There is no session yet: call synapse.connect() first.")
    return _connect(**where)
