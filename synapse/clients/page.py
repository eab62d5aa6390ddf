"""What a list answers: a dict with the keys of the wire, which also reads as a pair."""

from __future__ import annotations

from typing import Any

__all__ = ["Page"]


class Page(dict[str, Any]):
    """One page of a list: `count`, `next`, `previous` and `results`.

    `page[0]` is the results and `page[1]` the count, for scripts that take it for a pair;
    `results, count = page` does not work, as iterating a dict gives its keys.

    Example:
        >>> page = Page({"count": 1, "next": None, "previous": None, "results": [{"id": 7}]})
        >>> page["results"] is page[0], page[1]
        (True, 1)
    """

    def __getitem__(self, key: Any) -> Any:
        if key == 0 and isinstance(key, int):
            key = "results"
        elif key == 1 and isinstance(key, int):
            key = "count"
        return super().__getitem__(key)
