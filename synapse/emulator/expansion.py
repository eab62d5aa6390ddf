"""``expand=`` without a query for each row.

Serializers declare their expansions and the needs of their own fields; this module turns the paths
of a request into prefetches, one query for each path.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from django.db.models import Prefetch, QuerySet
from rest_flex_fields import WILDCARD_VALUES, split_levels
from rest_framework.request import Request

_DEPTH = 4  # as deep as the serializers go: settings.REST_FLEX_FIELDS


def read_expand_paths(request: Request) -> list[str]:
    """Return the paths of ``expand=``, repeated or separated by commas."""
    values = request.query_params.getlist("expand") or request.query_params.getlist("expand[]")
    return values[0].split(",") if len(values) == 1 else values


def prefetch_expansions(
    queryset: QuerySet[Any], serializer: type[Any], paths: Iterable[str], depth: int = 0
) -> QuerySet[Any]:
    """Prefetch the rows that a serializer reads, with expanded relations.

    Args:
        queryset: Rows of the serializer's model.
        serializer: A :class:`~synapse.emulator.api.base.ResourceSerializer` subclass.
        paths: Dotted names of relations; ``~all`` and ``*`` stand for all of one level.
        depth: Depth of this level below the requested rows.
    """
    expandable: dict[str, Any] = serializer.Meta.expandable_fields
    names, below = split_levels(list(paths))
    if set(names) & set(WILDCARD_VALUES or ()):
        names = list(expandable)
    lookups: list[str | Prefetch[Any]] = []
    for name in names:
        if name in expandable and depth < _DEPTH:
            child = _serializer_class(expandable[name])
            rows = child.Meta.model._default_manager.all()
            lookups.append(
                Prefetch(name, prefetch_expansions(rows, child, below.get(name, ()), depth + 1))
            )
    # After the fuller ones: a plain lookup on the same path would replace them.
    lookups += [lookup for lookup in serializer.reads if lookup not in names]
    rows = serializer.annotate(queryset)
    return rows.prefetch_related(*lookups)  # type: ignore[no-any-return] # as serializers declare


def _serializer_class(declared: Any) -> type[Any]:
    target = declared[0] if isinstance(declared, tuple) else declared
    if isinstance(target, str):
        module, _, name = target.rpartition(".")
        target = getattr(import_module(module), name)
    return target  # type: ignore[no-any-return] # as flex-fields declares it: a class
