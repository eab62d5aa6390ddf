"""Sections of a command's help that name the fields and filters of a resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synapse._internal.lazy_import import load

if TYPE_CHECKING:
    from synapse.orm.fields import Field
    from synapse.orm.resource import Resource

__all__ = ["describe_names"]

_SECTIONS = {
    "create": ("create", "Fields"),
    "update": ("update", "Fields"),
    "list": ("filter", "Filters"),
    "count": ("filter", "Filters"),
}


def describe_names(cls: type[Resource], command: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the heading and the rows of the names that a command takes. Makes no request.

    Args:
        cls: The resource.
        command: The command, such as `"create"`.

    Returns:
        Nothing for a command that takes no names.
    """
    verb, heading = _SECTIONS.get(command, ("", ""))
    if not verb:
        return "", []
    texts: dict[str, str] = {}
    endings: dict[str, list[str]] = {}
    for keyword in load("synapse.orm.signatures").find_keywords(cls, verb):
        ending = keyword.name.removeprefix(keyword.field)
        if ending == "_id":
            continue  # another spelling of the relation
        if ending:
            endings.setdefault(keyword.field, []).append(ending)
        else:
            texts[keyword.name] = _describe(cls.__schema__.fields.get(keyword.name), keyword.text)
    return heading, [
        (name, f"{text} Also {', '.join(endings[name])}." if name in endings else text)
        for name, text in texts.items()
    ]


def _describe(field: Field | None, text: str) -> str:
    """Return the explanation of a field, and what to write."""
    text = text.replace("`", "").strip()
    if field is None:
        return text
    kinds = load("synapse.orm.convert").members_of(field.kind)
    if field.choice is not None:
        value = f"One of {', '.join(str(member) for member in field.choice)}."
    elif bool in kinds:
        value = "true or false."
    elif field.is_relation:
        value = "An id."
    elif str not in kinds and field.refuses_kind("text") is not None and int not in kinds:
        value = f"JSON, by {field.name}:=."
    else:
        value = ""
    return " ".join(part for part in (text, value) if part)
