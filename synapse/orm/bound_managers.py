"""The class of a resource's managers: its methods name the fields of the resource.

The managers of a resource are instances of a subclass that this module makes: its `create()`,
`filter()` and others name the resource's fields for `help()`, `inspect.signature()` and the
completion of IPython and editors. The declared manager class stays as it is.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from synapse._internal.lazy_import import load

if TYPE_CHECKING:
    from synapse.orm._typing import Entity
    from synapse.orm.base_manager import BaseManager

__all__ = ["bind_manager", "takes_fields"]

_VERBS = ("create", "update", "filter", "get")
_VARIABLE_KEYWORDS = 0x08  # of `__code__.co_flags`


def bind_manager(cls: type[Entity], manager: type[BaseManager[Any]]) -> type[BaseManager[Any]]:
    """Return the subclass of a manager class whose methods name the fields of a resource.

    Args:
        cls: The resource's class.
        manager: The declared class of the managers.
    """
    namespace: dict[str, Any] = {
        "__slots__": (),
        **{name: getattr(manager, name) for name in ("__module__", "__qualname__", "__doc__")},
        **{v: _NamedMethod(cls, v) for v in _VERBS if takes_fields(getattr(manager, v, None))},
    }
    made: type[BaseManager[Any]] = types.new_class(
        manager.__name__, (manager,), exec_body=lambda own: own.update(namespace)
    )
    return made


def takes_fields(method: Any) -> bool:
    """Return whether a method takes fields as keywords."""
    is_function = isinstance(method, types.FunctionType)
    return is_function and bool(method.__code__.co_flags & _VARIABLE_KEYWORDS)


class _NamedMethod:
    """A method that is made when it is first looked up, as making a signature takes a while.

    Args:
        cls: The resource's class.
        verb: Name of the method.
    """

    def __init__(self, cls: type[Entity], verb: str) -> None:
        self._resource = cls
        self._verb = verb

    def __set_name__(self, bound: type[Any], verb: str) -> None:
        self._bound = bound

    def __get__(self, manager: Any, owner: type[Any]) -> Any:
        make_method = load("synapse.orm.signatures").make_method
        method = make_method(self._resource, self._bound, self._verb)
        setattr(self._bound, self._verb, method)
        return method.__get__(manager, owner)
