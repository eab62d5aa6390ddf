"""Values of a response's rows that few queries fetch once all rows are written."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from rest_framework.request import Request

from synapse.emulator.pagination import Pagination
from synapse.emulator.prepared_query import PreparedValues
from synapse.emulator.tenancy import split_batches

__all__ = ["RelatedValues", "make_id_loader"]

_Value = TypeVar("_Value", list[Any], dict[str, Any])
#: Completes the empty values of some ids.
Loader = Callable[[Mapping[int, Any], Request], None]

_KEY = "related_values"


class RelatedValues:
    """The incomplete values of one response.

    A row gets an empty list or object at once, at any depth of the response. `fill` completes them.
    So rows need no prefetch, and Django makes no objects for related rows of which the response
    shows a few columns.
    """

    def __init__(self) -> None:
        self._values: dict[Loader, defaultdict[int, Any]] = {}

    @classmethod
    def of(cls, context: Any) -> RelatedValues:
        """Return the values of the response that serializers with this context write."""
        related: RelatedValues = context.setdefault(_KEY, cls())
        return related

    def open(self, load: Loader, make: type[_Value]) -> defaultdict[int, _Value]:
        """Return a loader's values by id; looking an id up adds an empty value."""
        return self._values.setdefault(load, defaultdict(make))

    def fill(self, request: Request) -> None:
        """Complete the values (a statement for each loader and thousand ids)."""
        for load, values in self._values.items():
            for keys in split_batches(values, Pagination.max_page_size):
                load({key: values[key] for key in keys}, request)
            values.clear()


@functools.cache
def make_id_loader(field: Any) -> Loader:
    """Return the loader of a many-to-many field's ids, in ascending order."""
    near, far = f"{field.m2m_field_name()}_id", f"{field.m2m_reverse_field_name()}_id"
    links = field.remote_field.through._default_manager.order_by(far).values_list(near, far)
    query = PreparedValues(links, near)

    def load(values: Mapping[int, Any], _: Request) -> None:
        for key, linked in query.fetch(list(values)):
            values[key].append(linked)

    return load
