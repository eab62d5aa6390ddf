"""Lookups: filter, ordering, expansion and field names, checked before sending.

Servers ignore unknown parameters and answer with every row, so a misspelled name is refused here,
with a suggestion.
"""

from __future__ import annotations

import operator
import typing
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime, time, timezone
from typing import TYPE_CHECKING, Any

from synapse._internal.hints import suggestion
from synapse._internal.json_values import is_missing, to_json, to_time
from synapse._internal.validate import is_int
from synapse.errors import FieldValueError, InvalidQuery
from synapse.orm import registry
from synapse.orm.convert import parse_time
from synapse.orm.foreign_objects import KeyedSession, describe_foreign, is_foreign

if TYPE_CHECKING:
    from synapse.orm.fields import Field
    from synapse.orm.identity_map import Expansion
    from synapse.orm.schema import Schema

__all__ = [
    "check_names",
    "expansion_tree",
    "field_names",
    "filter_fields",
    "filter_names",
    "filter_pairs",
    "find_ignored_filter",
    "narrowed",
    "ordering_names",
    "settable_fields",
]

_RANGE = ("_after", "_before")
# Django's bounds, for the key and for times, and which of two bounds is the narrower one.
_BOUNDS = {"lt": min, "lte": min, "gt": max, "gte": max}
_TESTS = {"lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge}

# Django's lookups for words of a text, and for tests that no filter of the server offers.
_WORDS = {"contains", "endswith", "icontains", "iendswith", "istartswith", "regex", "startswith"}
_NONE = {"isnull", "ne", "not"}


def settable_fields(schema: Schema) -> dict[str, Field]:
    """Return the fields that clients set, by each name that `create()` and `update()` take."""
    fields: dict[str, Field] = {}
    for name, field in schema.fields.items():
        if not field.declared.read_only:
            fields[name] = field
            if field.is_relation:
                fields[f"{name}_id"] = field
    return fields


def filter_fields(schema: Schema) -> dict[str, str]:
    """Return every name that `filter()` takes for a class, with the name of the field.

    A filter that isn't a field stands for itself.
    """
    names: dict[str, str] = {}
    for name, field in schema.fields.items():
        if field.is_filterable:
            names[name] = name
            if field.is_relation:
                names[f"{name}_id"] = name
            names[f"{name}__in"] = name
            if _is_time(field):
                names.update((f"{name}{end}", name) for end in _RANGE)
            if _is_time(field) or name == schema.key:
                names.update((f"{name}__{bound}", name) for bound in _BOUNDS)
    return {**names, **{name: name for name in sorted(schema.filters)}}


def filter_names(schema: Schema) -> set[str]:
    """Return every name that `filter()` takes for a class."""
    return set(filter_fields(schema))


def filter_pairs(
    schema: Schema, filters: Mapping[str, Any], session: KeyedSession
) -> list[tuple[str, Any]] | None:
    """Check filters and turn them into query parameters.

    Args:
        schema: Schema of the queried class.
        filters: Values by name. A resource stands for the id; a list, set or query for any of the
            values.
        session: The session that will send them: objects of other servers are refused.

    Returns:
        The parameters, or `None` for an empty list, which nothing can match. (On the wire an empty
        list would be no parameter at all, and match everything.)

    Raises:
        InvalidQuery: A name is unknown, or a value can't be a filter's.
    """
    known = filter_names(schema)
    pairs: list[tuple[str, Any]] = []
    nothing = False
    for name, value in filters.items():
        if name not in known:
            raise InvalidQuery(_unknown_filter(schema, name, known))
        base, _, lookup = name.partition("__")
        relation = base[:-3] if base.endswith("_id") and base[:-3] in schema.fields else base
        field = schema.fields.get(relation)
        parameter = relation if field is None else field.parameter
        if lookup in _BOUNDS:
            pairs.append(
                (f"{parameter}__{lookup}", _check_bound(schema, base, name, value, session))
            )
            continue
        if lookup == "in" and not _is_many(value):
            raise InvalidQuery(f"{name} is {value!r}. Pass a list of values.")
        items = list(value) if _is_many(value) else [value]
        nothing = nothing or not items
        for item in items:
            checked = _value(schema, relation, item, session)
            if name.endswith(_RANGE) and field is None:
                checked = _check_time(name, checked)
            pairs += [(parameter, one) for one in _spelled(schema, relation, checked)]
    return None if nothing else pairs


def narrowed(
    schema: Schema, before: list[tuple[str, Any]], added: list[tuple[str, Any]]
) -> list[tuple[str, Any]] | None:
    """Join the parameters of two filters, so that rows must match both.

    A repeated parameter means any of the values, so two filters of one name can't stand side by
    side.

    Returns:
        The parameters, or `None` if nothing can match both.

    Raises:
        InvalidQuery: The server has no way to ask for both.
    """
    fields = {field.parameter: field for field in schema.fields.values()}
    pairs = _group(before)
    for name, values in _group(added).items():
        known = pairs.get(name, values)
        texts = set(map(str, values))
        base, _, lookup = name.partition("__")
        if set(map(str, known)) == texts:
            pairs[name] = known
        elif lookup in _BOUNDS:
            order = None if base == schema.key else parse_time
            pairs[name] = [_BOUNDS[lookup]([*known, *values], key=order)]
        elif name.endswith(_RANGE) and name not in fields:
            later = name.endswith(_RANGE[0])
            pairs[name] = [(max if later else min)([*known, *values], key=parse_time)]
        elif name in fields and not fields[name].is_list:
            kept = [value for value in known if str(value) in texts]
            if not kept:
                return None
            pairs[name] = kept
        else:
            raise InvalidQuery(
                f"{schema.name} is filtered by {name!r} already, and the server can't combine both "
                "filters. Filter once, with a list for any of several values."
            )
    return [(name, value) for name, values in pairs.items() for value in values]


def _group(pairs: list[tuple[str, Any]]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for name, value in pairs:
        groups.setdefault(name, []).append(value)
    return groups


def find_ignored_filter(
    schema: Schema, filters: Iterable[tuple[str, Any]], rows: Iterable[Mapping[str, Any]]
) -> str | None:
    """Return the filter of the key or of a time that a server ignored, or `None`.

    Servers ignore parameters that they don't know, and answer every row.

    Args:
        schema: Schema of the queried class.
        filters: The query's filters, as parameters.
        rows: Rows that the server answered.
    """
    groups = _group(list(filters))
    keys = set(map(str, groups.get(schema.key, ())))
    bounds = [
        (name, base, _TESTS[lookup], values[0])
        for name, values in groups.items()
        for base, _, lookup in [name.partition("__")]
        if lookup in _BOUNDS
    ]
    if not keys and not bounds:
        return None
    for row in rows:
        if keys and str(row.get(schema.key)) not in keys:
            return schema.key
        for name, base, holds, bound in bounds:
            said: Any = row.get(base)
            with suppress(TypeError, ValueError):  # a value of another type isn't this filter's
                if base != schema.key:
                    said, bound = parse_time(said), parse_time(bound)
                if not holds(said, bound):
                    return name
    return None


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """Check that names are texts, and not a list of them, say.

    Raises:
        InvalidQuery: One isn't.
    """
    checked = tuple(names)
    for name in checked:
        if not isinstance(name, str):
            raise InvalidQuery(
                f"{name!r} is not a field name. Pass the names as separate arguments: "
                "'id', 'status'."
            )
    return checked


def ordering_names(schema: Schema, names: Iterable[str]) -> tuple[str, ...]:
    """Check the names of `order_by()`, each with `-` in front for descending.

    Raises:
        InvalidQuery: One is unknown.
    """
    checked = check_names(names)
    known = {n for n, f in schema.fields.items() if f.is_filterable and not f.is_list}
    for name in checked:
        field = name.removeprefix("-")
        if field not in known:
            # The name of another field is no misspelling.
            hint = f". There are: {', '.join(sorted(known))}." if field in schema.fields else ""
            raise InvalidQuery(
                f"{schema.name} can't be ordered by {name!r}{hint or suggestion(field, known)}"
            )
    return checked


def field_names(schema: Schema, names: Iterable[str]) -> tuple[str, ...]:
    """Check the names of `only()`, `omit()` and `values()`.

    Raises:
        InvalidQuery: A name isn't a field.
    """
    checked = check_names(names)
    for name in checked:
        if name not in schema.fields:
            raise InvalidQuery(
                f"{schema.name} has no field {name!r}{suggestion(name, schema.fields)}"
            )
    return checked


def expansion_tree(schema: Schema, paths: Iterable[str]) -> Expansion:
    """Check the paths of `expand()` and build a tree from them.

    Raises:
        InvalidQuery: A part of a path isn't a relation.

    Returns:
        Such as `{"data_unit": {"data_collection": {}}}` for `"data_unit.data_collection"`.
    """
    tree: Expansion = {}
    for path in check_names(paths):
        here, at = tree, schema
        parts = path.split(".")
        for position, part in enumerate(parts):
            target = at.relation_target(part)
            is_last = position == len(parts) - 1
            if target is None and not (is_last and part in at.expandable):
                known = {n for n, f in at.fields.items() if f.is_relation} | at.expandable
                how = suggestion(part, known)
                if "__" in part:
                    how = f": relations of relations go after a dot, {path.replace('__', '.')!r}."
                raise InvalidQuery(f"{at.name} has no relation {part!r} to expand{how}")
            here = here.setdefault(part, {})
            at = target or at
    return tree


def _value(schema: Schema, name: str, value: Any, session: KeyedSession) -> Any:
    """Turn one value into a query parameter's."""
    if value is None or is_missing(value):
        raise InvalidQuery(
            f"{schema.name}.{name} can't be filtered by {value}: the server has no such filter. "
            "Leave it out, or pass a filter of your server's own with params={...}."
        )
    value = to_time(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidQuery(
                f"{name} is a time without a time zone, which could mean any of several: give it "
                "one, with .astimezone() or tzinfo=timezone.utc."
            )
        return value.isoformat()
    if isinstance(value, date):
        return datetime.combine(value, time(), timezone.utc).isoformat()
    field = schema.fields.get(name)
    if field is not None and (why := field.refuses(value)):
        raise InvalidQuery(f"{schema.name}.{why}")
    if is_foreign(session, value):
        raise InvalidQuery(f"{name}: {describe_foreign(session, value)}")
    owner = schema if name == schema.key else schema.relation_target(name)
    if owner is not None:
        value = owner.to_key(value)
    try:
        plain = to_json(value, name)
    except FieldValueError as error:
        raise InvalidQuery(f"{name} can't be a filter's value: {error}") from None
    if plain == "":
        raise InvalidQuery(
            f"{schema.name}.{name} can't be filtered by an empty text: the server takes it for no "
            "filter, and would answer everything."
        )
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, (str, int, float)):
        return plain
    raise InvalidQuery(f"{name}={value!r}: a {type(value).__name__} can't be a filter's value.")


def _check_bound(schema: Schema, base: str, name: str, value: Any, session: KeyedSession) -> Any:
    """Return the bound of a key or a time, such as the value of `id__lt`."""
    checked = _value(schema, base, value, session)
    if base != schema.key:
        return _check_time(name, checked)
    if int in schema.fields[base].id_types and not is_int(checked):
        if not isinstance(checked, str) or not checked.isdecimal():
            raise InvalidQuery(f"{name} is {value!r}. Pass a whole number.")
        return int(checked)
    return checked


def _check_time(name: str, value: Any) -> str:
    """Return a time as text with a zone; a date is its beginning in UTC, as for `date` objects."""
    with suppress(TypeError, ValueError):
        return datetime.combine(date.fromisoformat(value), time(), timezone.utc).isoformat()
    with suppress(TypeError, ValueError):
        if parse_time(value).tzinfo is not None:
            return str(value)
    raise InvalidQuery(
        f"{name} is {value!r}. Pass a date, a datetime with a time zone, or one as text, such as "
        "'2027-01-31T12:00:00Z'."
    )


def _spelled(schema: Schema, name: str, value: Any) -> Iterable[Any]:
    """Check a value against the field's type, and return its form on the wire.

    Servers ignore a truth value that they can't read, and answer everything; for an unknown word
    they answer nothing. A misspelling should do neither.
    """
    field = schema.fields.get(name)
    if field is None or field.is_relation:
        return (value,)
    if bool in (field.kind, *typing.get_args(field.kind)) and value not in ("true", "false"):
        raise InvalidQuery(f"{schema.name}.{name} is True or False, not {value!r}.")
    if field.choice is None:
        return (value,)
    try:
        spellings: tuple[str, ...] = field.choice(value).spellings
    except ValueError:
        known = [str(member) for member in field.choice]
        raise InvalidQuery(
            f"{value!r} is not a {field.choice.__name__} for {schema.name}.{name}"
            f"{suggestion(value, known)} A value that only your server knows goes "
            "through params={...}."
        ) from None
    return spellings


def _is_many(value: Any) -> bool:
    # Arrays without dimensions can't be iterated over.
    return (
        isinstance(value, Iterable)
        and not isinstance(value, (str, bytes, Mapping))
        and getattr(value, "ndim", 1) > 0
    )


def _is_time(field: Field) -> bool:
    return datetime in (field.kind, *typing.get_args(field.kind))


def _unknown_filter(schema: Schema, name: str, known: set[str]) -> str:
    if meant := _lookup(schema, name, known):
        return f"{schema.name} has no filter {name!r}: {meant}."
    near = suggestion(name, known)
    if near.startswith("."):
        near = f". There are: {_list_filters(known)}."
    why = f"{schema.name} has no filter {name!r}{near}"
    if name in schema.fields:
        # No suggestion: the name is right, and no other field is meant.
        why = f"{schema.name}.{name} can't be filtered by. There are: {_list_filters(known)}."
    return f"{why} A filter that only your server knows goes through params={{...}}."


def _list_filters(known: set[str]) -> str:
    """Return the filters' names, each field once, and the endings that some of them take."""
    endings = sorted({f"__{ending}" for each in known if (ending := each.partition("__")[2])})
    plain = [
        each
        for each in sorted(known)
        if "__" not in each and not each.endswith(("_after", "_before"))
    ]
    return ", ".join(plain) + (f"; some with {', '.join(endings)}" if endings else "")


def _lookup(schema: Schema, name: str, known: set[str]) -> str | None:
    """Return how to write one of Django's filters here, or `None`."""
    name, _, lookup = name.partition("__")
    if name == "pk":
        return "use id=..., with a list for any of several"
    if not lookup:
        return None
    if name not in known:
        return None
    field = schema.fields.get(name)
    if lookup in _NONE:
        return (
            f"the server can't be asked for that. Read id and {name} of all objects, and look for "
            f"those without; {name}= takes the values that are wanted"
        )
    if lookup in _WORDS:
        return 'the server can\'t look into one field; search("...") looks into all texts'
    if field is not None and field.is_relation:
        if lookup in ("id", "pk"):
            return f"use {name}=..., with an object or its id"
        target = registry.get(str(field.declared.target)).__schema__.plural
        return f"filter those first, {name}=session.{target}.filter({lookup}=...)"
    if field is not None and _is_time(field):
        return f"use {name}__gte=... and {name}__lt=..."
    others = sorted(each for each in known if each == name or each.startswith(f"{name}__"))
    return "use " + " or ".join(f"{each}=..." for each in others)
