"""Complete names and values from the declarations. Completing makes no request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from synapse._internal.lazy_import import load
from synapse.cli.resource_names import get_plural

if TYPE_CHECKING:
    from synapse.orm.fields import Field
    from synapse.orm.schema import Schema

__all__ = ["complete_fields", "complete_filter", "complete_value"]


def complete_fields(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the last name of `id,status`."""
    before, comma, last = incomplete.rpartition(",")
    sign = "-" if last.startswith("-") else ""
    names = list(_schema(ctx).fields)
    return [
        f"{before}{comma}{sign}{name}" for name in names if name.startswith(last.removeprefix("-"))
    ]


def complete_filter(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete a filter's name, or the value after `=`."""
    schema = _schema(ctx)
    names = load("synapse.orm.lookups").filter_names(schema)
    return _complete_pair(schema, sorted(names), incomplete)


def complete_value(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of a field to set, or the value after `=`."""
    schema = _schema(ctx)
    names = [name for name, field in schema.fields.items() if not field.declared.read_only]
    return _complete_pair(schema, names, incomplete)


def _schema(ctx: typer.Context) -> Schema:
    parent = ctx.parent
    name = str(parent.command.name) if parent is not None else ""
    schema: Schema = load("synapse.orm.registry").get_by_plural(get_plural(name)).__schema__
    return schema


def _complete_pair(schema: Schema, names: list[str], incomplete: str) -> list[str]:
    name, equals, start = incomplete.partition("=")
    if not equals:
        return [f"{one}=" for one in names if one.startswith(name)]
    before, comma, last = start.rpartition(",")
    words = _words(schema.fields.get(name))
    return [f"{name}={before}{comma}{word}" for word in words if word.startswith(last)]


def _words(field: Field | None) -> list[str]:
    if field is None:
        return []
    if field.choice is not None:
        return [str(member) for member in field.choice]
    kinds = load("synapse.orm.convert").members_of(field.kind)
    return ["true", "false"] if bool in kinds else []
