"""``expand=`` without a query for each row.

Serializers declare their expansions and the needs of their own fields; this module turns the paths
of a request into prefetches, one query for each path.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from django.db.models import Model, Prefetch, QuerySet
from rest_flex_fields import WILDCARD_VALUES, split_levels
from rest_framework.request import Request

# Prefix of attributes with the rows of a relation to many.
_LISTED = "listed_"
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
    # A plain lookup on the same relation would replace the fuller one.
    reads = [name for name in serializer.reads if name not in names]
    lookups += [_make_lookup(queryset.model, name) for name in reads]
    rows = serializer.annotate(queryset)
    return rows.prefetch_related(*lookups)  # type: ignore[no-any-return] # as serializers declare


def list_related(instance: Any, name: str) -> list[Any]:
    """Return the rows of a relation to many, fetched before or now."""
    rows: list[Any] | None = instance.__dict__.get(f"{_LISTED}{name}")
    return list(getattr(instance, name).all()) if rows is None else rows


def _make_lookup(model: type[Model], name: str) -> "str | Prefetch[Any]":
    """Return the lookup that fetches a relation, one to many into lists.

    Otherwise Django makes a query set for each row, which costs more than the row.
    """
    field: Any = model._meta.get_field(name)
    if not field.one_to_many and not field.many_to_many:
        return name
    rows = field.related_model._default_manager.all()
    return Prefetch(name, rows, to_attr=f"{_LISTED}{name}")


def _serializer_class(declared: Any) -> type[Any]:
    target = declared[0] if isinstance(declared, tuple) else declared
    if isinstance(target, str):
        module, _, name = target.rpartition(".")
        target = getattr(import_module(module), name)
    return target  # type: ignore[no-any-return] # as flex-fields declares it: a class
