"""Users: who a token belongs to."""

from __future__ import annotations

from typing import Any, ClassVar

from synapse.orm.base_manager import BaseManager
from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.relations import ManagerDescriptor
from synapse.orm.resource import Resource

__all__ = ["User", "UserManager"]


class UserManager(BaseManager["User"]):
    """Users. The server tells only who you are."""

    __slots__ = ()

    def me(self) -> User:
        """Return the user that the session's token belongs to. One request."""
        row = self._session.transport.request("GET", "users/me/", resource="users/me")
        user = self._session.identity.load(self._resource, [row])[0]
        self._session._user = user
        return user


@resource("users/", manager=UserManager, list_path=None, summary=["username"])
class User(Resource):
    """A user.

    Attributes:
        id: The user's id, as in `task.assignee`.
        username: Login name.
        email: Mail address.
        name: Full name.
        tenant: Tenant of the token.
    """

    objects: ClassVar[ManagerDescriptor[UserManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    username: str = field(read_only=True)
    email: str | None = field(read_only=True)
    name: str | None = field(read_only=True)
    tenant: Any = field(read_only=True)
