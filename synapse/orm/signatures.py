"""Signatures and docstrings of a resource's methods, out of the declarations."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterator
from inspect import Parameter
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from synapse.orm import lookups
from synapse.orm.bound_managers import takes_fields

if TYPE_CHECKING:
    from synapse.orm._typing import Entity
    from synapse.orm.base_manager import BaseManager
    from synapse.orm.fields import Field

__all__ = ["Keyword", "find_keywords", "find_texts", "make_method", "name_own_methods"]

_FIELD_VERBS = ("create", "update")
_VARIABLE = re.compile(r"^( *)\*\*(?:values|filters_):.*(?:\n\1 +.*)*", re.MULTILINE)
_ENTRY = re.compile(r"^    (\w+): (.+(?:\n     +.+)*)$", re.MULTILINE)
_ANY_KEY = "int | str"
_LIST = re.compile(r"^list\[(.+)\]$")


class _NotGiven:
    """Default of a keyword in signatures: without the keyword, nothing is sent."""

    def __repr__(self) -> str:
        return "..."


_NOT_GIVEN = _NotGiven()


class Keyword(NamedTuple):
    """A keyword argument that stands for a field or a filter.

    Attributes:
        name: Name of the keyword.
        type: Type of the value, as the class declares the type.
        text: Explanation, in one line.
        field: Name of the field; of a filter that isn't a field, the filter's name.
        is_list: Whether the keyword takes only a list of such values.
    """

    name: str
    type: str
    text: str
    field: str
    is_list: bool = False


def find_keywords(cls: type[Entity], verb: str) -> list[Keyword]:
    """Return the keywords that a method takes for the fields of a class.

    Args:
        cls: The resource's class.
        verb: `"create"`, `"update"`, `"filter"` or `"get"`.

    Example:
        >>> from synapse import TaskTag
        >>> [keyword.name for keyword in find_keywords(TaskTag, "create")]
        ['project', 'project_id', 'name', 'description', 'color', 'category', 'meta']
    """
    texts, keys = find_texts(cls), dict(_find_key_types(cls))
    finder = _find_fields if verb in _FIELD_VERBS else _find_filters
    return list(finder(cls, texts, keys))


def find_texts(cls: type[Entity]) -> dict[str, str]:
    """Return the explanations of a class's attributes, by name, each in one line."""
    doc = inspect.getdoc(cls) or ""
    section = doc.partition("\nAttributes:\n")[2].partition("\n\n")[0]
    return {name: " ".join(text.split()) for name, text in _ENTRY.findall(section)}


def _find_key_types(cls: type[Entity]) -> Iterator[tuple[str, str]]:
    """Yield the types of the ids of relations, by the relation's name."""
    for base in cls.__mro__:
        for each in vars(base).values():
            relation = getattr(each, "relation", None)
            if isinstance(relation, str):
                parts = get_args(getattr(each, "__orig_class__", None))
                yield relation, _describe_type(parts[0]) if parts else "int | str"


def _describe_type(kind: Any) -> str:
    """Return a declared type as text."""
    text = getattr(kind, "__forward_arg__", kind)
    return text if isinstance(text, str) else inspect.formatannotation(text)


def _find_fields(
    cls: type[Entity], texts: dict[str, str], keys: dict[str, str]
) -> Iterator[Keyword]:
    for name, field in lookups.settable_fields(cls.__schema__).items():
        kind, key = _describe_type(field.annotation), keys.get(field.name, _ANY_KEY)
        if name != field.name:
            kind = key
        elif field.is_relation:
            kind = " | ".join(dict.fromkeys([*_split(kind), *_split(key), *_split(kind, True)]))
        yield Keyword(name, kind, _explain(name, field, texts), field.name)


def _find_filters(
    cls: type[Entity], texts: dict[str, str], keys: dict[str, str]
) -> Iterator[Keyword]:
    for name, base in lookups.filter_fields(cls.__schema__).items():
        field = cls.__schema__.fields.get(base)
        if field is None:
            yield Keyword(name, "Any", "A filter of the server.", name)
            continue
        kind = " | ".join(_split(_describe_type(field.annotation)))
        kind = _LIST.sub(r"\1", kind)
        if field.is_relation:
            key = _LIST.sub(r"\1", " | ".join(_split(keys.get(base, _ANY_KEY))))
            kind = key if name == f"{base}_id" else f"{field.declared.target} | {key}"
        yield Keyword(name, kind, _explain(name, field, texts), base, name == f"{base}__in")


def _split(kind: str, is_none: bool = False) -> list[str]:
    """Return the parts of a union without `None`, or only `None` if the union has it."""
    return [part for part in kind.split(" | ") if (part == "None") is is_none]


def _explain(name: str, field: Field, texts: dict[str, str]) -> str:
    return texts.get(name) or texts.get(field.name) or ""


# -- Managers ------------------------------------------------------------------------------------


def make_method(cls: type[Entity], bound: type[BaseManager[Any]], verb: str) -> Any:
    """Return a manager's method whose signature and docstring name the fields of a resource.

    Args:
        cls: The resource's class.
        bound: The class of the resource's managers; the method calls that of the class's base.
        verb: Name of the method.
    """
    manager: Any = bound.__base__
    method = getattr(manager, verb)

    @functools.wraps(method)
    def own(self: Any, *args: Any, **values: Any) -> Any:
        return getattr(super(bound, self), verb)(*args, **values)

    keywords = find_keywords(cls, verb)
    _name_keywords(own, keywords)
    signature = inspect.signature(own)
    results = {"T": cls.__name__, "Q": manager.__name__}
    result = results.get(signature.return_annotation, signature.return_annotation)
    made: Any = own
    made.__signature__ = signature.replace(return_annotation=result)
    made.__doc__ = _add_fields(made.__doc__, cls, keywords)
    return made


def name_own_methods(cls: type[Entity]) -> None:
    """Name the fields in the signatures of a class's own `create()` and `update()`."""
    for verb in _FIELD_VERBS:
        method = vars(cls).get(verb)
        method = getattr(method, "__func__", method)
        if takes_fields(method):
            _name_keywords(method, find_keywords(cls, verb))


def _name_keywords(method: Any, keywords: list[Keyword]) -> None:
    """Put keywords into a method's signature, in the place of the variable ones."""
    signature = inspect.signature(method)
    own = [each for each in signature.parameters.values() if each.kind is not Parameter.VAR_KEYWORD]
    # A keyword can't have the name of a positional parameter, such as that of `get(id, /)`.
    taken = {each.name for each in own}
    for keyword in keywords:
        kind = f"list[{keyword.type}]" if keyword.is_list else keyword.type
        if keyword.name not in taken:
            own.append(
                Parameter(keyword.name, Parameter.KEYWORD_ONLY, default=_NOT_GIVEN, annotation=kind)
            )
    method.__signature__ = signature.replace(parameters=own)


def _add_fields(doc: str | None, cls: type[Entity], keywords: list[Keyword]) -> str | None:
    """Return a docstring with the fields below the variable keywords."""
    found = _VARIABLE.search(doc or "")
    if doc is None or found is None:
        return doc
    groups: dict[str, list[Keyword]] = {}
    for keyword in keywords:
        groups.setdefault(keyword.field, []).append(keyword)
    fields = cls.__schema__.fields
    lines = []
    for name, group in groups.items():
        words = fields[name].choice if name in fields else None
        known = "" if words is None else f" One of {', '.join(repr(str(each)) for each in words)}."
        names = ", ".join(each.name for each in group)
        lines.append(f"{found[1]}    {names} ({group[0].type}): {group[0].text}{known}")
    return "\n".join([doc[: found.end()], *lines]) + doc[found.end() :]
