"""Managers of a session by their resource's class, with the types of that class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, overload

from synapse._internal.lazy_import import load
from synapse.errors import UsageError

if TYPE_CHECKING:
    from synapse.orm.base_manager import BaseManager
    from synapse.orm.identity_map import IdentityMap
    from synapse.orm.manager import Manager
    from synapse.orm.relations import ManagerDescriptor
    from synapse.orm.resource import Resource

    M = TypeVar("M", bound=BaseManager[Any])
    R = TypeVar("R", bound=Resource)

    class Managed(Protocol[M]):
        """A resource that says which managers it has."""

        # Checkers read the argument of `type[Managed[M]]` from here, as intended.
        objects: ClassVar[ManagerDescriptor[M]]  # pyright: ignore[reportGeneralTypeIssues]


__all__ = ["ManagerAccess"]


class ManagerAccess:
    """Adds `session.manager(cls)` and `session[cls]` to sessions."""

    # Subclasses of resources, such as `class TeamTask(Task)`, that this class of sessions uses in
    # the place of the resources.
    resource_classes: ClassVar[tuple[type[Resource], ...]] = ()

    if TYPE_CHECKING:
        identity: IdentityMap

    @overload
    def manager(self, cls: type[Managed[M]], /) -> M: ...
    @overload
    def manager(self, cls: type[R], /) -> Manager[R]: ...
    def manager(self, cls: Any, /) -> Any:
        """Return the manager of a resource's class. Makes no request.

        The same as the attribute, `session.tasks`, but for any class, and with the class's types.

        Args:
            cls: A declared class, or a subclass that `resource_classes` of the session's class has.

        Raises:
            UsageError: The argument isn't the class of a resource, or not of this session.

        Example:
            >>> from synapse import Task
            >>> session.manager(Task).filter(status="pending").count()
            0
        """
        if not isinstance(cls, type) or not issubclass(cls, load("synapse.orm.resource").Resource):
            raise UsageError(f"{cls!r} is not a resource's class. Pass one, such as synapse.Task.")
        if getattr(cls, "__schema__", None) is None:
            raise UsageError(f"{cls.__name__} isn't declared. Put @resource(...) before its class.")
        own: Any = self.identity.choose(cls)
        return own.__schema__.manager(cls, self)

    def __getitem__(self, cls: type[R]) -> Manager[R]:
        """Return the manager of a class, as `manager()` does, typed by the objects' class."""
        manager: Manager[R] = self.manager(cls)
        return manager
