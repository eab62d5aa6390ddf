"""Read `name=value`, `name:=JSON` and `name=@file` of a command line."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synapse._internal.lazy_import import load
from synapse.cli.resource_names import get_command_name
from synapse.errors import UsageError

if TYPE_CHECKING:
    from synapse.orm.fields import Field
    from synapse.orm.schema import Schema

__all__ = [
    "check_key",
    "coerce",
    "is_pair",
    "merge_row",
    "read_filters",
    "read_json",
    "read_pairs",
    "read_values",
    "split_names",
]

_PAIR = re.compile(r"([A-Za-z_][\w-]*)(:?=)(.*)", re.DOTALL)
# Comparisons as people write them, by the endings of filters' names.
_COMPARISON = re.compile(r"([A-Za-z_][\w-]*)\s*(>=|<=|>|<|!=)\s*(.*)", re.DOTALL)
_LOOKUPS = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt"}
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_ENDS = re.compile(r"__\w+$|_(?:after|before)$")


def is_pair(word: str) -> bool:
    """Return whether a word of the command line is `name=value` or `name:=JSON`."""
    return _PAIR.fullmatch(word) is not None


def read_pairs(words: Iterable[str]) -> list[tuple[str, Any, bool]]:
    """Return name, value and whether the value was JSON, of each word.

    Args:
        words: `name=text`, `name:=JSON`, `name=@file` for a file's text, `name:=@file` for a file's
            JSON. `@-` is standard input, and `@@` begins a text with `@`.

    Raises:
        UsageError: A word has another form, a file can't be read, or JSON isn't valid.
    """
    pairs: list[tuple[str, Any, bool]] = []
    for word in words:
        found = _PAIR.fullmatch(word)
        if found is None:
            raise UsageError(f"{word!r} is not NAME=VALUE. {_advise(word)}")
        name = found[1].replace("-", "_")
        is_json = found[2] == ":="
        text = _read_text(found[3], name)
        advice = f", or write {name}=... for text"
        pairs.append((name, read_json(text, name, advice) if is_json else text, is_json))
    return pairs


def _advise(word: str) -> str:
    """Return what to write instead of a word that isn't a pair."""
    comparison = _COMPARISON.fullmatch(word)
    if comparison is None:
        return "Write it as in status=pending."
    name, sign, value = comparison.groups()
    if sign == "!=":
        return f"No filter excludes: list the values that you want, as in {name}=A,B."
    return f"Write {name}__{_LOOKUPS[sign]}={value or 'VALUE'}."


def split_names(words: Iterable[str] | None) -> list[str]:
    """Return the names of `NAME,NAME` of an option, which may be repeated."""
    names = (name.strip() for word in words or () for name in word.split(","))
    return [name for name in names if name]


def check_key(schema: Schema, text: str, *, takes_code: bool = True) -> Any:
    """Return an id in the type of the class's ids.

    Args:
        schema: The class.
        text: The id.
        takes_code: Whether a plugin's code may stand for the id.

    Raises:
        UsageError: The text is a filter, or isn't a number where ids are numbers.
    """
    command = f"synapse {get_command_name(schema.plural)}"
    if is_pair(text):
        raise UsageError(
            f"{text!r} is not an id. Pipe the ids of the objects that match: {command} list {text} "
            "-o ids | ..., and - in place of the ids."
        )
    key = schema.to_key(text)
    has_numbers = str not in schema.fields[schema.key].id_types
    is_code = takes_code and "code" in schema.fields
    if isinstance(key, str) and has_numbers and not is_code:
        names = load("synapse.orm.lookups").filter_names(schema)
        known = next(
            (name for name in ("code", "title", "name", "username") if name in names), None
        )
        where = f" {shlex.quote(f'{known}={text}')}" if known else ""
        raise UsageError(
            f"{text!r} is not an id of {schema.plural}, which are numbers. `{command} list{where}` "
            "shows the ids."
        )
    return key


def read_json(text: str, name: str, advice: str = "") -> Any:
    """Return a JSON value.

    Args:
        text: The JSON.
        name: The name of the value, for messages.
        advice: What else to write, behind a comma.

    Raises:
        UsageError: The text isn't JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{name} is not valid JSON ({error}). Quote the JSON for the shell, as in "
            f"'{{\"a\": 1}}'{advice}."
        ) from None


def _read_text(text: str, name: str) -> str:
    """Return the text, or the content of `@file`."""
    if not text.startswith("@"):
        return text
    if text.startswith("@@"):
        return text[1:]
    if text == "@-":
        return sys.stdin.read()
    try:
        return Path(text[1:]).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(
            f"{name}: the file {text[1:]} can't be read ({why}). Write @@ for a text with @."
        ) from None


def read_values(schema: Schema, words: Iterable[str]) -> dict[str, Any]:
    """Return the values of fields, in the declared types.

    Raises:
        UsageError: A word is malformed, or a text doesn't fit the field.
    """
    values: dict[str, Any] = {}
    for name, value, is_json in read_pairs(words):
        if name in values:
            raise UsageError(f"{name} is given twice. Write {name}= once.")
        values[name] = value if is_json else coerce(_find_field(schema, name), name, value)
    return values


def read_filters(schema: Schema, words: Iterable[str]) -> dict[str, Any]:
    """Return filters: a name that is repeated, or a list with commas, means any of the values.

    Raises:
        UsageError: A word is malformed, or a text doesn't fit the field.
    """
    filters: dict[str, Any] = {}
    known = load("synapse.orm.lookups").filter_names(schema)
    for name, value, is_json in read_pairs(words):
        field = _find_field(schema, _ENDS.sub("", name))
        values = [value]
        if not is_json:
            # A text may have commas; an id, a word of an enumeration and a bound have none.
            can_split = field is not None and (
                field.is_relation or field.choice is not None or field.name == schema.key
            )
            texts = value.split(",") if can_split or name.endswith("__in") else [value]
            # The query refuses an unknown name; its value has no type.
            values = (
                [_coerce_filter(field, name, text) for text in texts] if name in known else texts
            )
        elif isinstance(value, list):
            values = value
        filters.setdefault(name, []).extend(values)
    return {
        name: values if len(values) != 1 or name.endswith("__in") else values[0]
        for name, values in filters.items()
    }


def _find_field(schema: Schema, name: str) -> Field | None:
    return schema.fields.get(name) or schema.fields.get(name.removesuffix("_id"))


def _coerce_filter(field: Field | None, name: str, text: str) -> Any:
    if field is None:
        return text  # a time, for one
    if field.is_relation:  # a relation to many takes one id as a filter, too
        target = field.declared.target
        if target is None or text in ("", "null"):
            return text
        schema = load("synapse.orm.registry").get(target).__schema__
        return check_key(schema, text, takes_code=False)
    return coerce(field, name, text)


def coerce(field: Field | None, name: str, text: str) -> Any:
    """Return a text in the declared type of a field; unchanged for an unknown field.

    Raises:
        UsageError: The text doesn't fit.
    """
    from synapse.orm.convert import members_of

    if field is None:
        return text
    if field.is_relation:
        if field.declared.is_many:
            return [part for part in text.split(",") if part]
        return text if text not in ("", "null") else None
    kinds = set(members_of(field.kind))
    if str in kinds or field.choice is not None or Any in kinds:
        return text
    if type(None) in kinds and text in ("", "null"):
        return None
    if bool in kinds:
        if text.lower() not in _TRUTHS:
            raise UsageError(f"{name}={text} is not a truth value. Write {name}=true or false.")
        return _TRUTHS[text.lower()]
    for kind in (int, float):
        if kind in kinds:
            try:
                return kind(text)
            except ValueError:
                raise UsageError(f"{name}={text} is not a number. Write {name}=5.") from None
    if field.refuses_kind(text) is not None:
        raise UsageError(
            f"{name} takes JSON. Write {name}:='{{...}}', or {name}:=@file.json for a file."
        )
    return text


def merge_row(row: Mapping[str, Any], values: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the fields of a row of standard input, without the id, and the given values."""
    return {**{name: value for name, value in row.items() if name != key}, **values}
