"""The descriptions of resources and queries, out of their declarations. Makes no request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from synapse._internal.described import DescribedTable, Description, brief, cut, is_secret_name
from synapse.errors import FieldValueError
from synapse.orm import registry
from synapse.orm.fields import MISSING, ids_of
from synapse.orm.payloads import find_pointer

if TYPE_CHECKING:
    from synapse.orm._typing import Entity
    from synapse.orm.fields import Field

__all__ = [
    "describe_objects",
    "describe_resource",
    "find_related",
    "known_value",
    "shown_text",
    "summary_of",
    "tabulate",
]

_MOST_FILES = 3
_MOST_ROWS = 10
_MOST_COLUMNS = 7
_LONGEST_VALUE = 240
_LONGEST_PART = 60
# Of a document that is drawn below.
_LONGEST_JSON = 100
_NOT_SENT = "The server didn't send"


def known_value(field: Field, one: Entity) -> Any:
    """Return a field's JSON or assigned value, or `MISSING`. Makes no request."""
    current = field.current(one)
    return field.raw(one._raw) if current is MISSING else current


def summary_of(one: Entity) -> list[tuple[str, str]]:
    """Return the fields that tell an object from others, by name, as far as they are known."""
    schema = type(one).__schema__
    found = []
    for name in schema.summary:
        field = schema.fields[name]
        value = known_value(field, one)
        if value is MISSING or value is None or value in ({}, []):
            continue
        found.append((name, _summary_text(field, value, one)))
    return found


def _summary_text(field: Field, value: Any, one: Entity) -> str:
    if field.is_relation:
        title = _title_of(field, value, one)
        return brief(ids_of(value)) if title is None else repr(cut(title, _LONGEST_PART))
    names = _file_names(value)
    if names is not None:
        more = f" +{len(value) - 1:,}" if len(value) > 1 else ""
        return f"{next(names)!r}{more}"
    value = _converted(field, value, one)
    if isinstance(value, str):
        return brief(cut(str(value), _LONGEST_PART))
    return brief(value, _LONGEST_PART)


def _converted(field: Field, value: Any, one: Entity) -> Any:
    """Return a text as reading gives it: a time, a member of an enumeration."""
    try:
        return field.convert(value, one) if isinstance(value, str) else value
    except FieldValueError:
        return value


def _title_of(field: Field, value: Any, one: Entity) -> str | None:
    """Return the name of a related object that the session knows."""
    if isinstance(value, dict):
        raw: Mapping[str, Any] = value
        target = registry.get(str(field.declared.target))
    else:
        known = value
        if not hasattr(type(value), "__schema__"):
            target = registry.get(str(field.declared.target))
            key = field.to_keys(value)
            known = one._session.identity.get(target, key) if _is_id(key) else None
        if known is None:
            return None
        raw, target = known._raw, type(known)
    for name in target.__schema__.summary:
        field_of_name = target.__schema__.fields[name]
        title = field_of_name.raw(raw)
        if isinstance(title, str) and title and field_of_name.choice is None:
            return title
    return None


def _is_id(value: Any) -> bool:
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def _file_names(value: Any) -> Iterator[str] | None:
    """Return the names of a mapping of files, or `None` for another value."""
    if not isinstance(value, Mapping) or not value:
        return None
    first = next(iter(value.values()))
    if not (hasattr(first, "checksum") or (isinstance(first, Mapping) and "checksum" in first)):
        return None
    return (_file_name(str(name), file) for name, file in value.items())


def _place_of(file: Any) -> dict[str, Any]:
    return {name: getattr(file, name, None) for name in ("path", "url")}


def _file_name(name: str, file: Any) -> str:
    read = file if isinstance(file, Mapping) else _place_of(file)
    path = read.get("path")
    if not path:
        path = str(read.get("url") or "").partition("?")[0].rpartition("/")[2]
    return cut(str(path) if path else name, _LONGEST_PART)


def shown_text(field: Field, value: Any, one: Entity) -> str:
    """Return a field's value as a bounded text for a table."""
    if value is None:
        return "None"
    if field.is_relation:
        return _related_text(field, value, one)
    if is_secret_name(field.name) and value:
        return "***"
    names = _file_names(value)
    if names is not None:
        shown = ", ".join(islice(names, _MOST_FILES))
        rest = len(value) - _MOST_FILES
        return f"{shown}, … {rest:,} more" if rest > 0 else shown
    if find_pointer(value) is not None:
        return "stored elsewhere; reading it makes a request"
    converted = _converted(field, value, one)
    if isinstance(converted, datetime):
        return f"{converted:%Y-%m-%d %H:%M:%S} {converted.tzname() or ''}".rstrip()
    if isinstance(converted, bool):
        return "yes" if converted else "no"
    if isinstance(converted, str):
        text = brief(cut(str(converted), 76))
        return text[1:-1] if "\\" not in text else text
    return brief(converted, _LONGEST_VALUE)


def _related_text(field: Field, value: Any, one: Entity) -> str:
    target = registry.get(str(field.declared.target)).__schema__
    if field.declared.is_many:
        items = value if isinstance(value, list) else []
        names = [_one_related(field, item, one, target) for item in islice(items, 5)]
        rest = [f"… {len(items) - 5:,} more"] if len(items) > 5 else []
        return ", ".join([*names, *rest]) or "none"
    return _one_related(field, value, one, target)


def _one_related(field: Field, value: Any, one: Entity, target: Any) -> str:
    key = getattr(value, "_key", None) if hasattr(type(value), "__schema__") else ids_of(value)
    title = _title_of(field, value, one)
    label = cut(str(target.label(key)), _LONGEST_PART)
    return label if title is None else f"{label} · {cut(title, _LONGEST_PART)}"


def describe_resource(one: Entity) -> Description:
    """Return the description of a resource, from what the session knows about it."""
    schema = type(one).__schema__
    fields, missing, document, status = [], [], None, None
    changed = {field.name for field in one._editable_fields() if field.differs(one)}
    with_document = hasattr(type(one), "annotations")
    for name, field in schema.fields.items():
        value = known_value(field, one)
        if value is MISSING:
            missing.append(name)
            continue
        if name == "status" and isinstance(value, str):
            status = str(_converted(field, value, one))
        if name == "data" and with_document and isinstance(value, Mapping):
            document = None if find_pointer(value) else value
        text = cut(shown_text(field, value, one), _LONGEST_JSON if document is value else 600)
        fields.append((name, f"{text}  (not saved)" if name in changed else text))
    notes = []
    if missing:
        names = ", ".join(missing)
        if schema.has_detail and not getattr(one, "_complete", False):
            notes.append(f"Not loaded: {names}. Reading one of them makes one request.")
        else:
            notes.append(f"{_NOT_SENT}: {names}.")
    return Description(
        cut(one._label(), 120),
        status=status,
        fields=fields,
        notes=notes,
        document=document,
        configuration=_known_configuration(one) if document is not None else None,
    )


def _known_configuration(one: Entity) -> Any:
    """Return the configuration of the project of an object, if the session knows the project."""
    project = find_related(one, "project")
    return None if project is None else project._raw.get("configuration")


def find_related(one: Entity, name: str) -> Any:
    """Return the object of a relation to one, if the session knows the object."""
    field = type(one).__schema__.fields.get(name)
    key = MISSING if field is None else ids_of(known_value(field, one))
    if field is None or field.declared.target is None or key is MISSING:
        return None
    if hasattr(type(key), "__schema__"):
        return key
    key = field.to_keys(key)
    target = registry.get(field.declared.target)
    return one._session.identity.get(target, key) if _is_id(key) else None


def describe_objects(objects: Iterable[Any], total: int, title: str) -> Description:
    """Return the description of several resources: a table of the first ones."""
    columns, rows = tabulate(list(islice(objects, _MOST_ROWS)))
    table = DescribedTable(columns, rows, total) if rows else None
    return Description(title, table=table)


def tabulate(objects: Sequence[Any]) -> tuple[list[str], list[list[str]]]:
    """Return the columns and rows of a table of resources of one class.

    The columns are the key, the fields that tell objects apart, and short fields that are known.
    """
    if not objects:
        return [], []
    fields = type(objects[0]).__schema__.fields
    columns = _choose_columns(objects)
    rows = [[_cell(fields[name], one) for name in columns] for one in objects]
    return columns, rows


def _cell(field: Field, one: Entity) -> str:
    value = known_value(field, one)
    return "" if value is MISSING or value is None else cut(shown_text(field, value, one), 80)


def _is_short(value: Any) -> bool:
    return not isinstance(value, (Mapping, list)) or _file_names(value) is not None


def _choose_columns(objects: Sequence[Any]) -> list[str]:
    schema = type(objects[0]).__schema__
    columns = list(dict.fromkeys([schema.key, *schema.summary]))
    for name, field in schema.fields.items():
        if len(columns) >= _MOST_COLUMNS:
            break
        if name in columns or field.is_list or name in ("updated", "description"):
            continue
        values = [known_value(field, one) for one in objects]
        known = [value for value in values if value is not MISSING and value is not None]
        if known and (field.is_relation or all(map(_is_short, known))):
            columns.append(name)
    return columns
