"""Other options for some calls of a session."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import EllipsisType
from typing import TYPE_CHECKING, Any, TypeVar

from synapse._internal.closing import Closing
from synapse._internal.lazy_import import load

if TYPE_CHECKING:
    from typing_extensions import Self

    from synapse.config import TimeoutArgument
    from synapse.transport import Transport

__all__ = ["ScopedOptions"]

S = TypeVar("S", bound="ScopedOptions")

# Attributes that a copy makes anew, because they hold the transport.
_CACHED = ("client", "aio")


class _Scope:
    """A `with` block around calls with a copy's options."""

    __slots__ = ("copy", "is_left", "outer")

    def __init__(self, copy: ScopedOptions, outer: _Scope | None) -> None:
        self.copy = copy
        self.outer = outer
        self.is_left = False


_scope: ContextVar[_Scope | None] = ContextVar("synapse_options", default=None)


class ScopedOptions(Closing):
    """Adds `options()` to sessions, and the choice of the transport in a block."""

    _transport: Transport
    _original: Self | None = None

    @property
    def transport(self) -> Transport:
        """The transport of the options in force."""
        scope = _scope.get()
        while scope is not None:  # hardly ever
            if not scope.is_left and scope.copy._original is self:
                return scope.copy._transport
            scope = scope.outer
        return self._transport

    @transport.setter
    def transport(self, value: Transport) -> None:
        self._transport = value

    def options(
        self: S,
        *,
        timeout: TimeoutArgument = None,
        deadline: float | EllipsisType | None = ...,
        retries: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> S:
        """Return a copy of the session with other options for some calls. Makes no request.

        The copy has the same connections, token and objects: `copy.tasks.get(1)` is the object of
        `session.tasks.get(1)`. Objects belong to the session, so their own verbs, such as `save()`,
        have the copy's options only in a `with` block on the copy, in that block's thread or
        asyncio task. Closing the copy closes nothing.

        Args:
            timeout: Seconds to connect and between two reads.
            deadline: Seconds for a whole call, retries included; `None` for no bound.
            retries: Largest number of harmless retries of a request.
            headers: Further headers, which replace the session's of the same names.

        Raises:
            ConfigurationError: An option is malformed, or a header is the SDK's own.

        Example:
            >>> patient = session.options(timeout=120, headers={"X-Reason": "nightly"})
            >>> patient.projects.count()
            0
            >>> with session.options(retries=0):
            ...     session.projects.count()
            0
        """
        original = self if self._original is None else self._original
        derived = load("synapse.transport.derived").DerivedTransport(
            self.transport, timeout=timeout, deadline=deadline, retries=retries, headers=headers
        )
        copy = object.__new__(type(self))
        state = {name: value for name, value in vars(self).items() if name not in _CACHED}
        copy.__dict__.update(state, _transport=derived, _original=original)
        self._add_copy(copy)
        return copy

    def _add_copy(self, copy: Any) -> None:
        """Note a copy, whose locks a fork replaces."""

    def __enter__(self) -> Self:
        if self._original is not None:
            _scope.set(_Scope(self, _scope.get()))
        return self

    def __exit__(self, *_: object) -> None:
        if self._original is None:
            self.close()
            return
        scope = _scope.get()
        while scope is not None and (scope.copy is not self or scope.is_left):
            scope = scope.outer
        if scope is not None:
            scope.is_left = True
        # Not the previous value: a generator may have left its block meanwhile.
        inner = _scope.get()
        while inner is not None and inner.is_left:
            inner = inner.outer
        _scope.set(inner)
