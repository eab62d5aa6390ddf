"""The state of a query, and its form in a URL."""

from __future__ import annotations

from typing import Any

import attrs

from synapse.orm.pages import Slice

__all__ = ["EVERYTHING", "QueryState"]

EVERYTHING = Slice()
"""The window of a query that wasn't sliced."""


@attrs.frozen(eq=False, repr=False)
class QueryState:
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

    def parameters(self, scope: list[tuple[str, Any]], page_size: int) -> list[tuple[str, Any]]:
        """Return the query parameters, with those of a manager's scope."""
        pairs = [*self.filters, *scope, *self.params]
        if self.search is not None:
            pairs.append(("search", self.search))
        if self.ordering:
            pairs.append(("ordering", ",".join(self.ordering)))
        if self.expand:
            pairs.append(("expand", ",".join(dict.fromkeys(self.expand))))
        if self.only:
            pairs.append(("fields", ",".join(dict.fromkeys(("id", *self.only)))))
        if self.omit:
            pairs.append(("omit", ",".join(self.omit)))
        pairs.append(("page_size", page_size))
        return pairs

    def text(self) -> str:
        """Return the state for people: ` where status='pending'[0:10]`."""
        asked = [f"{key}={value!r}" for key, value in (*self.filters, *self.params)]
        if self.search is not None:
            asked.append(f"search={self.search!r}")
        if self.ordering:
            asked.append(f"ordering={','.join(self.ordering)}")
        if self.expand:
            asked.append(f"expand={','.join(self.expand)}")
        return f"{' where ' if asked else ''}{', '.join(asked)}{self.window.suffix()}"
