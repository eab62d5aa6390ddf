"""Mixins that tag tasks and assignments, one at a time or in batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from synapse._internal.deprecation import deprecated_names
from synapse._internal.json_values import to_json
from synapse._internal.lazy_import import load
from synapse._internal.validate import is_int
from synapse.errors import InvalidQuery, UsageError
from synapse.orm.fields import ids_of
from synapse.orm.foreign_objects import refuse_foreign
from synapse.orm.query import Query
from synapse.orm.resource import Resource
from synapse.transport.waiting import BATCHES_IN_FLIGHT

if TYPE_CHECKING:
    from synapse.orm.session_base import SessionBase
    from synapse.transport.batches import Batch
    from synapse.transport.in_flight import ItemOutcome

__all__ = ["BulkTagMixin", "TagAction", "TaggableMixin"]

T = TypeVar("T", bound="TaggableMixin")
TagAction: TypeAlias = Literal["add", "remove"]

_BATCH = 500


class TaggableMixin(Resource):
    """A resource that carries tags."""

    __slots__ = ()

    def tag(self, *tags: Any) -> None:
        """Add tags. One request.

        Args:
            *tags: `TaskTag` objects or their ids.

        Raises:
            UsageError: No tag was given.
            ValidationError: A tag doesn't exist.
        """
        self._set_tags(tags, "add")

    def untag(self, *tags: Any) -> None:
        """Take tags off. One request.

        Args:
            *tags: `TaskTag` objects or their ids.

        Raises:
            UsageError: No tag was given.
            ValidationError: A tag doesn't exist.
        """
        self._set_tags(tags, "remove")

    def _set_tags(self, tags: Iterable[Any], action: TagAction) -> None:
        path = f"{type(self).__schema__.path}set_tags/"
        ids = _tag_ids(self._session, tags, action)
        self._ask("POST", path, json={"ids": [self._key], "tags": ids, "action": action})
        self._apply_tags(ids, action)

    def _apply_tags(self, ids: list[Any], action: TagAction) -> None:
        """Compute the object's tags, if they are known: the response doesn't have them."""
        if isinstance(self._raw.get("tags"), list):
            others = [tag for tag in ids_of(self._raw["tags"]) if tag not in ids]
            self._take({"id": self._key, "tags": others + ids if action == "add" else others})


class BulkTagMixin(Query[T]):
    """Adds `set_tags()` to a manager."""

    __slots__ = ()

    def set_tags(self, tags: Iterable[Any], action: TagAction = "add") -> int:
        """Add tags to every object of the query, or remove them.

        One request per page (for the ids only), and one for each 500 objects; more where the server
        refuses so many. Several requests are in flight where waiting takes most of the time. On an
        error, some objects are changed; the same call changes the others.

        Args:
            tags: `TaskTag` objects or their ids.
            action: `"add"` or `"remove"`.

        Returns:
            The number of objects in the query.

        Raises:
            InvalidQuery: The query is a whole manager; write `.all().set_tags(...)` to mean that.
            UsageError: The action is another word, or no tag was given.
            ValidationError: A tag doesn't exist.
            ClientError: The server refused a batch, or the response was lost several times.
        """
        if not self._state.is_explicit:
            raise InvalidQuery(
                f"set_tags() on a manager would tag every {self._resource.__name__}. Call "
                "filter() first, or .all().set_tags(...) for all of them."
            )
        if action not in ("add", "remove"):
            raise UsageError(f"action={action!r} is not valid. Pass 'add' or 'remove'.")
        ids, schema = _tag_ids(self._session, tags, action), self._resource.__schema__
        # All ids first, because tagging changes the matches of a filter by tags.
        keys = [row["id"] for row in self.page_size(1000).values("id")]
        transport = self._session.transport
        batches = load("synapse.transport.batches")
        size = batches.BatchSize(_BATCH, transport.settings.timeout.read)

        def post(part: list[Any]) -> list[Any]:
            transport.request(
                "POST",
                f"{schema.path}set_tags/",
                json={"ids": part, "tags": ids, "action": action},
                resource=f"{len(part)} {schema.plural}",
            )
            for key in part:
                known = self._session.identity.get(self._resource, key)
                if known is not None:
                    known._apply_tags(ids, action)
            return part

        def send(batch: Batch[Any]) -> None:
            batches.send_batch(batch, post, size, is_repeatable=True)

        def count(outcome: ItemOutcome[Batch[Any], None]) -> int:
            return len(outcome.item.rows)

        number: int = load("synapse.orm.bulk_changes").send_each(
            self._session,
            send,
            batches.read_batches(keys, size),
            schema.plural,
            "changed",
            BATCHES_IN_FLIGHT,
            count,
        )
        return number


def _tag_ids(session: SessionBase, tags: Iterable[Any], action: TagAction) -> list[Any]:
    tags = [tags] if isinstance(tags, (str, Resource)) else list(tags)
    refuse_foreign(session, tags)
    ids = [to_json(tag) for tag in tags]
    if not ids:
        raise UsageError(f"No tag to {action}. Pass TaskTag objects or ids.")
    for tag, key in zip(tags, ids, strict=True):
        if not is_int(key):
            raise UsageError(
                f"{tag!r} is not a tag. Pass TaskTag objects or ids; find a tag by name with "
                "project.task_tags.get(name=...)."
            )
    return ids


__getattr__ = deprecated_names(
    __name__, {"SetsTags": "BulkTagMixin", "Tagged": "TaggableMixin"}, since="0.2", removed_in="1.0"
)
