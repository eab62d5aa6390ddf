"""What every manager is: a class, a session, and possibly the object whose things it manages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from synapse.core import context, registry

if TYPE_CHECKING:
    from synapse.core.context import Context
    from synapse.core.resource import Resource

__all__ = ["Bound"]

T = TypeVar("T", bound="Resource")

# What people know from elsewhere, and how it is said here.
_ELSEWHERE = {
    "exclude": "the server can't exclude; filter() by the values that are wanted.",
    "get_or_create": "use filter(...).first() or create(...).",
    "last": "use order_by('-id').first().",
    "latest": "use order_by('-created').first().",
    "list": "iterate over it, or use all().",
    "prefetch_related": "use expand(...).",
    "select_related": "use expand(...).",
    "values_list": "use values(...).",
}


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

    if not TYPE_CHECKING:
        # Hidden from type checkers: seeing it, they would accept any misspelled verb.
        def __getattr__(self, name: str) -> Any:
            if name[:1] == "_":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            meant = _ELSEWHERE.get(name)
            verbs = [verb for verb in dir(type(self)) if not verb.startswith("_")]
            how = f": {meant}" if meant else registry.suggestion(name, verbs)
            raise AttributeError(f"{type(self).__name__} has no {name!r}{how}")

    def __repr__(self) -> str:
        of = f" of {self._scope[1]._label()}" if self._scope else ""
        return f"<{type(self).__name__}[{self._resource.__name__}]{of}>"
