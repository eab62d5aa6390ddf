"""The schema of a class: paths, fields, manager and queryable names."""

from __future__ import annotations

import operator
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs

from synapse._internal.hints import suggestion
from synapse._internal.lazy_import import load
from synapse.errors import ValidationError
from synapse.orm import registry
from synapse.transport.urls import path_segment

if TYPE_CHECKING:
    from synapse.orm._typing import Entity
    from synapse.orm.base_manager import BaseManager
    from synapse.orm.fields import Field

__all__ = ["Schema"]


# Digits of an id that can be meant; Python refuses to convert very long ones.
_LONGEST_ID = 40


def _find_near(message: str, words: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the value that a message quotes, else `.`."""
    found = re.search(r'"([^"]{1,60})" is not a valid choice', message)
    near = "." if found is None else suggestion(found[1], [str(word) for word in words])
    return "." if near.startswith(".") else near


@attrs.frozen(eq=False, repr=False)
class Schema:
    """The schema of a resource class.

    Attributes:
        name: Name of the class.
        plural: Name of the root manager on a session.
        path: Path for creating objects, and prefix of each object's own path.
        list_path: Path of the list, or `None` without a list.
        has_detail: Whether one object can be fetched by id.
        resource: The class.
        declared_manager: Class of the managers, as declared.
        fields: The fields by name, in the order of declaration.
        filters: Names of filters that aren't fields.
        summary: Names of the fields that tell one object from another.
        key: Name of the unique field.
        expandable: Names that can be expanded but aren't relations.
    """

    name: str
    plural: str
    path: str
    list_path: str | None
    has_detail: bool
    resource: type[Entity]
    declared_manager: type[BaseManager[Any]]
    fields: Mapping[str, Field]
    filters: frozenset[str]
    expandable: frozenset[str]
    summary: tuple[str, ...] = ()
    key: str = "id"
    _managers: dict[type[Any], type[Any]] = attrs.field(init=False, factory=dict)

    @property
    def manager(self) -> type[BaseManager[Any]]:
        """Class of the managers: a subclass of the declared one, whose methods name the fields."""
        declared = self.declared_manager
        made = self._managers.get(declared)
        if made is None:
            # Made at the first use, when the types of the fields can be evaluated.
            bound = load("synapse.orm.bound_managers").bind_manager(self.resource, declared)
            made = self._managers.setdefault(declared, bound)
        return made

    def to_key(self, value: Any) -> Any:
        """Return an id in the type of the class's ids, or another value unchanged.

        One object has one key: the text "2" and the number 2.0 are the id 2 of an integer, and
        the number 2 is the id "2" of a text.
        """
        types = self.fields[self.key].id_types
        if type(value) in types or isinstance(value, bool):
            return value
        if isinstance(value, str):
            number = value.isascii() and value.isdecimal()
            return int(value) if number and int in types and len(value) < _LONGEST_ID else value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        elif hasattr(value, "__index__"):
            value = operator.index(value)  # numpy's, for one
        else:
            return value
        return value if int in types or str not in types else str(value)

    def detail_path(self, key: Any, action: str = "") -> str:
        """Return the path of one object, or of an action on the object.

        Raises:
            UsageError: The id can't be a path's segment.
        """
        return f"{self.path}{path_segment(key)}/{action}"

    def label(self, key: Any) -> str:
        """Return how one object is named in messages, such as `Project 123`."""
        return f"{self.name} {key}"

    def is_other(self, asked: Any, answered: Any) -> bool:
        """Return whether a row's key is surely another than the one that was asked for.

        A text such as a plugin's code isn't compared with a number: some servers find objects by
        either.
        """
        if answered is None:
            return False
        if str(asked).removeprefix("-").isdecimal():
            try:
                return int(asked) != int(str(answered))
            except ValueError:
                return True
        if int in self.fields[self.key].id_types or not isinstance(answered, str):
            return False
        # Two spellings of a UUID.
        folded = [key.casefold().replace("-", "") for key in (str(asked), answered)]
        return folded[0] != folded[1]

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Add the allowed words of refused fields to errors raised in the block."""
        try:
            yield
        except ValidationError as error:
            choices = self._find_choices(error.fields)
            message = str(error.fields)
            known = [
                f"{n} is one of {', '.join(c)}{_find_near(message, c)}"
                for n, c in choices
                if c is not None
            ]
            if error.hint is None and known:
                error.hint = " ".join(known)
            raise

    def _find_choices(self, refused: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Yield the names of refused fields and of the values in them, with the enumerations."""
        convert = load("synapse.orm.convert")
        for name, reasons in refused.items():
            if (field := self.fields.get(name)) is None:
                continue
            yield name, field.choice
            nested = [each for each in reasons if isinstance(each, Mapping)]
            for kind in typing.get_args(field.kind) if nested else ():
                hints = typing.get_type_hints(kind) if attrs.has(kind) else {}
                for part in dict.fromkeys(part for each in nested for part in each):
                    yield part, convert.choice_of(hints.get(part))

    def relation_target(self, name: str) -> Schema | None:
        """Return the schema that a relation leads to, or `None` for other fields."""
        field = self.fields.get(name)
        if field is None or field.declared.target is None:
            return None
        schema: Schema = registry.get(field.declared.target).__schema__
        return schema
