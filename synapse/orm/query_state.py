"""The state of a query, and its form in a URL."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

from synapse._internal.described import brief, cut
from synapse.orm.pages import Slice

__all__ = ["EVERYTHING", "QueryState"]

_MOST_SHOWN = 5
_LONGEST_SHOWN = 300

EVERYTHING = Slice()
"""The window of a query that wasn't sliced."""


class QueryState(NamedTuple):
    """The state of a query.

    Attributes:
        filters: Checked filters, as query parameters.
        params: Raw query parameters.
        search: Search words.
        ordering: Fields, with `-` for descending.
        expand: Relations to expand.
        only: Fields to fetch; none means all.
        omit: Fields to leave out.
        page_size: Rows per page; `None` for the session's.
        window: The slice.
        is_empty: Whether nothing can match, so that no request is needed.
        is_explicit: Whether the user chose the objects, `all()` included.
    """

    filters: tuple[tuple[str, Any], ...] = ()
    params: tuple[tuple[str, Any], ...] = ()
    search: str | None = None
    ordering: tuple[str, ...] = ()
    expand: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    omit: tuple[str, ...] = ()
    page_size: int | None = None
    window: Slice = EVERYTHING
    is_empty: bool = False
    is_explicit: bool = False

    def parameters(
        self, scope: list[tuple[str, Any]], page_size: int, key: str
    ) -> list[tuple[str, Any]]:
        """Return the query parameters.

        Args:
            scope: The parameter of a manager's scope.
            page_size: Rows per page.
            key: The unique field of the list.
        """
        pairs = [*_join_keys(self.filters, key), *scope, *self.params]
        if self.search is not None:
            pairs.append(("search", self.search))
        if self.ordering:
            pairs.append(("ordering", ",".join(self.ordering)))
        if self.expand:
            pairs.append(("expand", ",".join(dict.fromkeys(self.expand))))
        if self.only:
            pairs.append(("fields", ",".join(dict.fromkeys(("id", key, *self.only)))))
        if self.omit:
            pairs.append(("omit", ",".join(self.omit)))
        pairs.append(("page_size", page_size))
        return pairs

    def describe_filters(self) -> str:
        """Return the filters for messages: `status='pending', priority=1`."""
        return ", ".join(_describe(self.filters))

    def describe(self) -> list[tuple[str, str]]:
        """Return the parts of the state by name, each as a bounded text."""
        window = self.window.suffix()
        parts = [
            ("filters", ", ".join(_describe(self.filters, self.params))),
            ("search", "" if self.search is None else brief(self.search)),
            ("ordering", ", ".join(self.ordering)),
            ("expand", ", ".join(self.expand)),
            ("only", ", ".join(self.only)),
            ("omit", ", ".join(self.omit)),
            ("slice", window),
        ]
        return [(name, cut(text, _LONGEST_SHOWN)) for name, text in parts if text]

    def text(self) -> str:
        """Return the state for people: ` where status='pending'[0:10]`."""
        asked = list(_describe(self.filters, self.params))
        if self.search is not None:
            asked.append(f"search={brief(self.search)}")
        if self.ordering:
            asked.append(f"ordering={','.join(self.ordering)}")
        if self.expand:
            asked.append(f"expand={','.join(self.expand)}")
        return f"{' where ' if asked else ''}{', '.join(asked)}{self.window.suffix()}"


def _join_keys(filters: tuple[tuple[str, Any], ...], key: str) -> list[tuple[str, Any]]:
    """Return the filters with several keys in one parameter, as the platform takes them."""
    keys = [str(value) for name, value in filters if name == key]
    if len(keys) < 2 or any("," in text for text in keys):
        return list(filters)
    others = [pair for pair in filters if pair[0] != key]
    return [*others, (f"{key}__in", ",".join(keys))]


def _describe(*groups: tuple[tuple[str, Any], ...]) -> Iterator[str]:
    """Yield filters for people, with at most a few values each."""
    values: dict[str, list[Any]] = {}
    for name, value in chain(*groups):
        values.setdefault(name, []).append(value)
    for name, several in values.items():
        yield from (f"{name}={brief(value)}" for value in several[:_MOST_SHOWN])
        if len(several) > _MOST_SHOWN:
            yield f"and {len(several) - _MOST_SHOWN:,} other values of {name}"
