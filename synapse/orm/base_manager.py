"""The base of every manager: a class, a session and, in a scope, an owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from synapse._internal.described import Described, Description, cut
from synapse._internal.hints import attribute_error, suggestion
from synapse.orm import session_base

if TYPE_CHECKING:
    from synapse.orm._typing import Entity
    from synapse.orm.session_base import SessionBase

__all__ = ["BaseManager"]

T = TypeVar("T", bound="Entity")

_COUNT = ("count", "use count()")
_FRAME = ("to_pandas", "use to_pandas(), or values('id', ...).to_pandas() for some fields")
_PART = ("all", "use a slice, query[10:20]")

# Habits from other libraries: the verb here that replaces each, and how to write that.
_ELSEWHERE = {
    "add": ("create", "use create(...)"),
    "aggregate": ("values", "the server can't add up; add up the rows of values(...)"),
    "bulk_update": ("update", "use update(...) to set one value on all, or save_all(objects)"),
    "contains": ("exists", "use filter(id=...).exists()"),
    "defer": ("omit", "use omit(...)"),
    "df": _FRAME,
    "distinct": ("all", "each object comes once as it is"),
    "earliest": ("order_by", "use order_by('created').first()"),
    "exclude": ("filter", "the server can't exclude; filter() by the values that are wanted"),
    "filter_by": ("filter", "use filter(...)"),
    "find": ("filter", "use filter(...)"),
    "get_or_create": ("create", "use filter(...).first() or create(...)"),
    "iterator": ("iterate", "use iterate(), or a loop over the query"),
    "last": ("order_by", "use order_by('-id').first()"),
    "latest": ("order_by", "use order_by('-created').first()"),
    "len": _COUNT,
    "length": _COUNT,
    "limit": _PART,
    "list": ("all", "iterate over it, or use all()"),
    "none": ("filter", "use filter(id=[])"),
    "offset": _PART,
    "prefetch_related": ("expand", "use expand(...)"),
    "reverse": ("order_by", "use order_by('-id')"),
    "select": ("only", "use only(...) for some fields, filter(...) for some objects"),
    "select_related": ("expand", "use expand(...)"),
    "size": _COUNT,
    "take": _PART,
    "to_dataframe": _FRAME,
    "to_df": _FRAME,
    "to_frame": _FRAME,
    "total": _COUNT,
    "update_or_create": (
        "create",
        "use filter(...).first(), and save() what it finds, or create(...)",
    ),
    "values_list": ("values", "use values(...): [row['id'] for row in query.values('id')]"),
    "where": ("filter", "use filter(...)"),
}


# Verbs that only some managers have.
_OFFERED = {"bulk_create", "create", "create_batches", "delete", "save_all", "update"}


def _make_unset(resource: type[Entity]) -> Any:
    """Return a manager whose state a pickle sets."""
    manager = resource.__schema__.manager
    return manager.__new__(manager)


class BaseManager(Described, Generic[T]):
    """A resource class bound to a session.

    Args:
        resource: The class.
        session: The session, or `None` for the default one at the time of use.
        scope: The relation and the object whose things are managed, or `None` for all.
    """

    __slots__ = ("_own_session", "_resource", "_scope")

    def __init__(
        self,
        resource: type[T],
        session: SessionBase | None = None,
        scope: tuple[str, Any] | None = None,
    ) -> None:
        self._resource = resource
        self._own_session = session
        self._scope = scope

    @property
    def _session(self) -> SessionBase:
        return self._own_session if self._own_session is not None else session_base.default()

    if not TYPE_CHECKING:
        # Hidden from type checkers, which would otherwise accept any misspelled verb.
        def __getattr__(self, name: str) -> Any:
            if name[:1] == "_":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            verbs = [verb for verb in dir(type(self)) if not verb.startswith("_")]
            doc = type(self).__doc__
            if name in _OFFERED and doc:
                # The server has no such endpoint; the class's docstring lists the verbs.
                how = f". {doc.splitlines()[0]}"
            else:
                how = suggestion(name, verbs, _ELSEWHERE)
            raise attribute_error(f"{type(self).__name__} has no {name!r}{how}", name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        reduced: Any = super().__reduce_ex__(max(2, protocol))
        if reduced[1] != (self._resource.__schema__.manager,):
            return reduced
        # The class is made at run time, so the resource stands for the class.
        return _make_unset, (self._resource,), *reduced[2:]

    def __repr__(self) -> str:
        of = f" of {self._scope[1]._label()}" if self._scope else ""
        return f"<{type(self).__name__}[{self._resource.__name__}]{of}>"

    def _describe(self) -> Description:
        fields = [("class", self._resource.__name__)]
        if self._scope:
            fields.append(("of", cut(repr(self._scope[1]), 120)))
        verbs = [verb for verb in dir(type(self)) if not verb.startswith("_")]
        return Description(type(self).__name__, fields=[*fields, ("methods", ", ".join(verbs))])
