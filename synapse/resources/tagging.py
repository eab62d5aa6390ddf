"""Setting tags: the same endpoint for tasks and assignments, one at a time or in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Literal, TypeAlias, TypeVar

from synapse.errors import InvalidQuery
from synapse.orm.convert import to_wire
from synapse.orm.fields import ids_of
from synapse.orm.query import Query
from synapse.orm.resource import Resource

__all__ = ["SetsTags", "TagAction", "Tagged"]

T = TypeVar("T", bound="Tagged")
TagAction: TypeAlias = Literal["add", "remove"]

_BATCH = 500


class Tagged(Resource):
    """A resource that carries tags."""

    __slots__ = ()

    def tag(self, *tags: Any) -> None:
        """Add tags. One request.

        Args:
            *tags: `TaskTag` objects or their ids.

        Raises:
            InvalidQuery: No tag was given.
            ValidationError: A tag doesn't exist.
        """
        self._set_tags(tags, "add")

    def untag(self, *tags: Any) -> None:
        """Take tags off. One request.

        Args:
            *tags: `TaskTag` objects or their ids.

        Raises:
            InvalidQuery: No tag was given.
            ValidationError: A tag doesn't exist.
        """
        self._set_tags(tags, "remove")

    def _set_tags(self, tags: Iterable[Any], action: TagAction) -> None:
        path = f"{type(self).__schema__.path}set_tags/"
        ids = _tag_ids(tags, action)
        self._ask("POST", path, json={"ids": [self._key], "tags": ids, "action": action})
        if isinstance(self._raw.get("tags"), list):
            # The answer is about all that were tagged; what this one has now follows from it.
            now = [tag for tag in ids_of(self._raw["tags"]) if tag not in ids]
            self._take({"id": self._key, "tags": now + ids if action == "add" else now})


class SetsTags(Query[T]):
    """Adds `set_tags()` to a manager."""

    __slots__ = ()

    def set_tags(self, tags: Iterable[Any], action: TagAction = "add") -> int:
        """Add tags to every object of the query, or remove them.

        One request per page (for the ids only), and one for each 500 objects.

        Args:
            tags: `TaskTag` objects or their ids.
            action: `"add"` or `"remove"`.

        Returns:
            The number of objects in the query.

        Raises:
            InvalidQuery: The query is a whole manager (write `.all().set_tags(...)` to mean that),
                the action is another word, or no tag was given.
            ValidationError: A tag doesn't exist.
        """
        if not self._state.is_explicit:
            raise InvalidQuery(
                f"set_tags() on a manager would tag every {self._resource.__name__}: write "
                ".all().set_tags(...) if that is meant, or filter first."
            )
        if action not in ("add", "remove"):
            raise InvalidQuery(f"action is {action!r}: give 'add' or 'remove'.")
        ids, schema = _tag_ids(tags, action), self._resource.__schema__
        # All ids first: tagging changes what a filter by tags matches.
        keys = [row["id"] for row in self.page_size(1000).values("id")]
        for batch in _batches(iter(keys)):
            self._session.transport.request(
                "POST",
                f"{schema.path}set_tags/",
                json={"ids": batch, "tags": ids, "action": action},
                resource=f"{len(batch)} {schema.plural}",
            )
        return len(keys)


def _tag_ids(tags: Iterable[Any], action: TagAction) -> list[Any]:
    given = [tags] if isinstance(tags, (str, Resource)) else list(tags)
    ids = [to_wire(tag) for tag in given]
    if not ids:
        raise InvalidQuery(f"There is no tag to {action}.")
    for tag, key in zip(given, ids, strict=True):
        if isinstance(key, bool) or not isinstance(key, int):
            raise InvalidQuery(
                f"{tag!r} is no tag: give TaskTag objects or ids. By its name, one is found with "
                "project.task_tags.get(name=...)."
            )
    return ids


def _batches(keys: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(islice(keys, _BATCH)):
        yield batch
