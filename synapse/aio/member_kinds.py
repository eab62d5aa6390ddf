"""Decide by annotations how asyncio offers a method or an attribute."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

from synapse._internal.lazy_import import load
from synapse.orm import registry
from synapse.orm.base_manager import BaseManager
from synapse.orm.relations import ManagerDescriptor, ToMany
from synapse.orm.resource import Resource
from synapse.orm.session_base import SessionBase

__all__ = ["LAZY", "MemberKind", "find_kind", "find_result", "is_offered", "is_viewed"]

# Objects besides managers whose making sends no request, and whose methods and loops do.
LAZY = {
    "AgentJobs": "synapse.resources.agent_collections",
    "AgentReleases": "synapse.resources.agent_collections",
    "AnnotationRows": "synapse.resources.annotation_rows",
    "ClusterTasks": "synapse.resources.agent_collections",
    "JobFollower": "synapse.resources.job_following",
    "JobOutput": "synapse.resources.job_output",
    "ListedRows": "synapse.orm.other_endpoints",
    "Nodes": "synapse.resources.agent_collections",
    "Rows": "synapse.orm.pages",
    "ServedApplications": "synapse.resources.agent_collections",
}
# A method whose annotation can't say that its result is a manager of the class in its argument.
_MANAGER = "manager"
_STREAMS = {"Generator", "Iterator"}
_HEAD = re.compile(r"[\w.]+")
# Of a session: what isn't for coroutines, because it is about the objects or about other APIs.
_NOT_OFFERED = {
    *("agent_api", "aio", "before_lazy_load", "client", "identity", "key", "knows_agent", "lock"),
    *("meet_agent", "objects", "resource_classes", "saving", "transport"),
}


class MemberKind(Enum):
    """Way in which asyncio offers a member of a class."""

    CALL = "a method that is awaited"
    STREAM = "a method whose result is read by `async for`"
    VIEW = "a method whose result has awaitable methods itself"
    VIEW_ATTRIBUTE = "an attribute that has awaitable methods itself"
    ATTRIBUTE = "an attribute that is awaited"
    VALUE = "an attribute as it is"


def is_offered(cls: type, name: str) -> bool:
    """Return whether coroutines have an attribute of a class."""
    if name.startswith("_") or name in _NOT_OFFERED:
        return False
    # Those are of the class, whose objects managers give.
    found = inspect.getattr_static(cls, name, None)
    return not isinstance(found, (ManagerDescriptor, classmethod))


def find_kind(cls: type, name: str) -> MemberKind | None:
    """Return what becomes of a public attribute of a class; `None` if it isn't offered."""
    if not is_offered(cls, name):
        return None
    found = inspect.getattr_static(cls, name, None)
    if isinstance(found, ToMany):
        return MemberKind.VIEW_ATTRIBUTE
    function = _function_of(found)
    if function is None:  # a descriptor may make the method
        function = _function_of(getattr(cls, name, None))
    if function is not None and not isinstance(found, property):
        if _head(function) in _STREAMS:
            return MemberKind.STREAM
        if name == _MANAGER and issubclass(cls, SessionBase):
            return MemberKind.VIEW
        return MemberKind.VIEW if is_viewed(find_result(cls, function)) else MemberKind.CALL
    result = find_result(cls, function) if function is not None else None
    if is_viewed(result):
        return MemberKind.VIEW_ATTRIBUTE
    if issubclass(cls, SessionBase) and not (result and issubclass(result, Resource)):
        return MemberKind.VALUE
    return MemberKind.ATTRIBUTE


def is_viewed(cls: type | None) -> bool:
    """Return whether objects of a class are given with awaitable methods."""
    return cls is not None and (
        issubclass(cls, (BaseManager, SessionBase)) or LAZY.get(cls.__name__) == cls.__module__
    )


def find_result(cls: type, function: Callable[..., Any]) -> type | None:
    """Return the class that a method of a class returns, as far as it matters here."""
    head, scope = _head(function), inspect.unwrap(function).__globals__
    if head == "Self":
        return cls
    found = scope.get(head)
    if isinstance(found, TypeVar):
        bound = found.__bound__
        text = str(getattr(bound, "__forward_arg__", None) or getattr(bound, "__name__", ""))
        found = scope.get(text.partition("[")[0], bound)
        if isinstance(found, type) and issubclass(cls, found):
            return cls
    if isinstance(found, type):
        return found
    if head in LAZY:
        lazy: type = getattr(load(LAZY[head]), head)
        return lazy
    return _declared().get(head)


def _declared() -> dict[str, type]:
    """Return the resources and their managers by name."""
    classes: dict[str, type] = {}
    for cls in registry.declared():
        classes[cls.__schema__.declared_manager.__name__] = cls.__schema__.declared_manager
        classes[cls.__name__] = cls
    return classes


def _function_of(found: Any) -> Callable[..., Any] | None:
    """Return the function behind a method or a property, `None` for other attributes."""
    function = getattr(found, "__func__", found)
    function = getattr(function, "fget", function)
    return function if inspect.isfunction(function) else None


def _head(function: Callable[..., Any]) -> str:
    """Return the name of the class in a function's return annotation."""
    annotation = inspect.unwrap(function).__annotations__.get("return", "")
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    match = _HEAD.match(text.strip("'\""))
    return match[0].rpartition(".")[2] if match else ""
