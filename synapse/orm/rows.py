"""Plain rows instead of objects: the result of `values()`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from synapse.orm.fields import MISSING, ids_of
from synapse.orm.pages import read_rows

if TYPE_CHECKING:
    from synapse.orm.query import Query

__all__ = ["Rows"]


class Rows:
    """The rows of a query as dicts, for `pandas.DataFrame` and the like.

    Each iteration sends the requests again. One request for each page.

    Args:
        query: The query, with the fields to fetch.
        names: Keys of the rows; none means all keys of the server.
    """

    def __init__(self, query: Query[Any], names: tuple[str, ...]) -> None:
        self._query = query
        self._names = names

    def __iter__(self) -> Iterator[dict[str, Any]]:
        query = self._query
        if query._terms.is_empty:
            return
        yield from self.of(
            read_rows(query._context, query._resource, query._path(), query._reading())
        )

    def of(self, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield raw rows reduced to these keys. Makes no request."""
        fields = self._query._resource.__schema__.fields
        chosen = [(name, fields.get(name) or fields[name[:-3]]) for name in self._names]
        for row in rows:
            if not chosen:
                yield row
                continue
            # A row has its id, for the paging's sake, also when it wasn't asked for.
            said = {name: (field.raw(row), field.is_relation) for name, field in chosen}
            yield {
                name: ids_of(value) if is_relation else value
                for name, (value, is_relation) in said.items()
                if value is not MISSING
            }

    def __repr__(self) -> str:
        return f"<rows of {self._query!r}: {', '.join(self._names) or 'all fields'}>"
