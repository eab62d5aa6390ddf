"""One page of a list, as a dict that can also be read as a pair."""

from __future__ import annotations

from typing import Any

from synapse._internal.yaml_values import write_as

__all__ = ["Page"]


class Page(dict[str, Any]):
    """One page of a list: `count`, `next`, `previous` and `results`.

    `page[0]` is the results and `page[1]` the count, for scripts that expect a pair. Unpacking
    (`results, count = page`) doesn't work: iterating a dict yields the keys.

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


write_as(Page, dict)
