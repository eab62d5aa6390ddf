"""Storages: where the platform keeps files."""

from __future__ import annotations

from typing import Any, ClassVar

from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import Creates, Manager
from synapse.orm.relations import ManagerDescriptor
from synapse.orm.verbs import Fetchable
from synapse.resources.enums import StorageCategory, StorageProvider

__all__ = ["Storage", "StorageManager"]


class StorageManager(Manager["Storage"], Creates["Storage"]):
    """Storages: read, create."""

    __slots__ = ()

    def default(self) -> Storage:
        """Return the storage that is used when none is named. One request.

        Raises:
            NotFound: There is none.
        """
        path = f"{self._resource.__schema__.path}default/"
        row = self._context.transport.request("GET", path, resource="default storage")
        return self._context.identity.load(self._resource, [row])[0]


@resource("storages/", manager=StorageManager)
class Storage(Fetchable):
    """A place where the platform keeps files.

    Attributes:
        id: The storage's id.
        name: Its name.
        provider: What kind of service it is.
        category: Whose it is.
        configuration: How to reach it, secrets included; the server sends it only when asked by
            `load_configuration()`.
        is_default: Whether it is used when none is named.
    """

    objects: ClassVar[ManagerDescriptor[StorageManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    name: str = field()
    provider: StorageProvider | str = field()
    category: StorageCategory | str = field()
    configuration: dict[str, Any] = field()
    is_default: bool = field()

    def _reduced(self) -> tuple[Any, ...]:
        function, (name, modules, row, *others) = super()._reduced()
        row = {key: value for key, value in row.items() if key != "configuration"}
        return function, (name, modules, row, *others)

    def load_configuration(self) -> dict[str, Any]:
        """Return how to reach the storage, secrets included. One request.

        It isn't kept on the object, so that printing or pickling that shows no secret.

        Raises:
            PermissionDenied: These credentials may not see it.
        """
        path = type(self).__schema__.detail_path(self._key)
        answer = self._ask("GET", path, params={"with_configuration": "true"})
        configuration: dict[str, Any] = answer.get("configuration") or {}
        return configuration
