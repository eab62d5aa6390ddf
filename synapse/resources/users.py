"""Users: who a token belongs to."""

from __future__ import annotations

from typing import Any, ClassVar

from synapse.core.bound import Bound
from synapse.core.declaration import resource
from synapse.core.fields import field
from synapse.core.relations import Root
from synapse.core.resource import Resource

__all__ = ["User", "UserManager"]


class UserManager(Bound["User"]):
    """Users. The server tells only who you are."""

    __slots__ = ()

    def me(self) -> User:
        """Return the user that the session's token belongs to. One request."""
        row = self._context.transport.request("GET", "users/me/", resource="users/me")
        return self._context.identity.load(self._resource, [row])[0]


@resource("users/", manager=UserManager, list_path=None)
class User(Resource):
    """A user.

    Attributes:
        id: The user's id, as `task.assignee` has it.
        username: The login name.
        email: The mail address.
        name: The full name.
        tenant: The tenant that the token works for.
    """

    objects: ClassVar[Root[UserManager]] = Root()

    id: int = field(read_only=True)
    username: str = field(read_only=True)
    email: str | None = field(read_only=True)
    name: str | None = field(read_only=True)
    tenant: Any = field(read_only=True)
