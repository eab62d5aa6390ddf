"""Storages: where the platform keeps files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import Creates, Manager
from synapse.orm.relations import ManagerDescriptor
from synapse.orm.resource import Fetchable
from synapse.resources.enums import StorageCategory, StorageProvider

if TYPE_CHECKING:
    from synapse.resources._typed import TypedStorageManager
else:
    TypedStorageManager = Manager["Storage"]

__all__ = ["Storage", "StorageManager"]


class StorageManager(TypedStorageManager, Creates["Storage"]):
    """Storages: read, create."""

    __slots__ = ()

    def default(self) -> Storage:
        """Return the default storage. One request.

        Raises:
            NotFound: No storage is the default.
        """
        path = f"{self._resource.__schema__.path}default/"
        row = self._session.transport.request("GET", path, resource="default storage")
        return self._session.identity.load(self._resource, [row])[0]


@resource("storages/", manager=StorageManager)
class Storage(Fetchable):
    """A place for the platform's files.

    Attributes:
        id: The storage's id.
        name: Display name.
        provider: Kind of service.
        category: Internal or external.
        configuration: Access data with secrets; sent only for `load_configuration()`.
        is_default: Whether files go here by default.
    """

    objects: ClassVar[ManagerDescriptor[StorageManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    name: str = field(required=True)
    provider: StorageProvider | str = field(required=True)
    category: StorageCategory | str = field()
    configuration: dict[str, Any] = field(required=True)
    is_default: bool = field()

    def _reduced(self) -> tuple[Any, ...]:
        function, (name, modules, row, *others) = super()._reduced()
        row = {key: value for key, value in row.items() if key != "configuration"}
        return function, (name, modules, row, *others)

    def load_configuration(self) -> dict[str, Any]:
        """Return the storage's access data with secrets. One request.

        The object doesn't keep them, so that no output or pickle shows a secret.

        Raises:
            PermissionDenied: These credentials may not see the access data.
        """
        path = type(self).__schema__.detail_path(self._key)
        response = self._ask("GET", path, params={"with_configuration": "true"})
        configuration: dict[str, Any] = response.get("configuration") or {}
        return configuration
