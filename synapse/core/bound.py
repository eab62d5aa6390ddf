"""What every manager is: a class, a session, and possibly the object whose things it manages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from synapse.core import context

if TYPE_CHECKING:
    from synapse.core.context import Context
    from synapse.core.resource import Resource

__all__ = ["Bound"]

T = TypeVar("T", bound="Resource")


class Bound(Generic[T]):
    """A resource class bound to a session.

    Args:
        resource: The class.
        context: The session, or `None` for the default one at the time of use.
        scope: The relation and the object whose things are managed, or `None` for all.
    """

    __slots__ = ("_bound", "_resource", "_scope")

    def __init__(
        self,
        resource: type[T],
        context: Context | None = None,
        scope: tuple[str, Resource] | None = None,
    ) -> None:
        self._resource = resource
        self._bound = context
        self._scope = scope

    @property
    def _context(self) -> Context:
        return self._bound if self._bound is not None else context.default()

    def __repr__(self) -> str:
        of = f" of {self._scope[1]._label()}" if self._scope else ""
        return f"<{type(self).__name__}[{self._resource.__name__}]{of}>"
