"""The base of all annotations, and the checks of their values."""

from __future__ import annotations

import math
import random
import string
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeAlias

import attrs

from synapse._internal.described import Described, Description, brief, describe_fields
from synapse._internal.json_values import to_json
from synapse.errors import FieldValueError

__all__ = [
    "Annotation",
    "Json",
    "Point",
    "Source",
    "check_number",
    "check_numbers",
    "check_texts",
    "make_id",
    "to_plain",
    "validate_text",
]

Point: TypeAlias = tuple[float, float]
Json: TypeAlias = Mapping[str, Any]

_LETTERS = string.ascii_letters + string.digits
# Its own generator: a program's seed decides neither ids, nor do ids use up its random numbers.
_random = random.Random()  # noqa: S311 - ids are no secrets


def make_id() -> str:
    """Return a new id: ten random letters and digits, as the platform's editor makes them."""
    return "".join(_random.choices(_LETTERS, k=10))


def check_number(value: Any) -> Any:
    """Return a plain finite number.

    Raises:
        FieldValueError: The value is not a number, or NaN or infinite.
    """
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return value  # a fast path: data sets have millions of numbers
    plain = to_json(value)
    if isinstance(plain, bool) or not isinstance(plain, (int, float)):
        raise FieldValueError(f"{value!r} is not a number. Coordinates are plain numbers.")
    return plain


def check_numbers(values: Any) -> tuple[Any, ...]:
    """Return plain finite numbers.

    Raises:
        FieldValueError: The value isn't a list of such numbers.
    """
    try:
        return tuple(map(check_number, values))
    except TypeError:
        raise FieldValueError(f"{brief(values)} is not a list of numbers.") from None


def check_texts(values: Any) -> tuple[str, ...]:
    """Return texts, such as ids.

    Raises:
        FieldValueError: The value isn't a list of texts.
    """
    texts = tuple(values) if isinstance(values, Iterable) else (None,)
    if isinstance(values, str) or not all(isinstance(text, str) for text in texts):
        raise FieldValueError(f"{brief(values)} is not a list of ids or names. Pass texts.")
    return texts


def validate_text(owner: Any, field: attrs.Attribute[Any], value: Any) -> None:
    """Refuse a value that is not a text, nor `None` where the field is `None` by default.

    Raises:
        FieldValueError: The value is of another type.
    """
    if isinstance(value, str) or (value is None and field.default is None):
        return
    optional = " or None" if field.default is None else ""
    name = f"{type(owner).__name__}.{field.name}"
    advice = " Pass the name of the class, not its number." if field.name == "label" else ""
    raise FieldValueError(f"{name} takes text{optional}, not {brief(value)}.{advice}")


def _check_attributes(values: Any) -> dict[str, Any]:
    if type(values) is dict and not values:
        return {}  # a fast path: most annotations have none
    attributes = dict(values) if isinstance(values, Mapping) else None
    if attributes is None or not all(isinstance(key, str) for key in attributes):
        raise FieldValueError(
            f"{brief(values)} is not a mapping of attributes. Pass values by name, such as "
            "{'occluded': True}."
        )
    return attributes


def to_plain(values: Any) -> tuple[Any, ...]:
    """Return values as JSON."""
    return tuple(to_json(values))


@attrs.frozen
class Source:
    """The parts of a document that an annotation was read from.

    Attributes:
        place: Key of the document's list: `annotations`, `annotationGroups` or `relations`.
        entry: The annotation's entry in that list.
        data: The annotation's entry in `annotationsData`, if there is one.
    """

    place: str
    entry: Json
    data: Json | None = None


@attrs.frozen(kw_only=True)
class Annotation(Described):
    """One annotation of a medium. Make subclasses; change a copy by `attrs.evolve`.

    Attributes:
        label: Name of the class.
        attributes: Further properties by name: text, numbers, booleans, lists of text.
        id: Id of the annotation, unique in the medium.
        medium: Id of the annotated medium, such as `image_1`; `None` for a document's first one.
    """

    TOOL: ClassVar[str] = ""
    # Kind of medium of a document that has no medium yet.
    MEDIUM: ClassVar[str] = "image"

    label: str | None = attrs.field(default=None, validator=validate_text, repr=brief)
    attributes: Json = attrs.field(
        factory=dict, converter=_check_attributes, hash=False, repr=brief
    )
    id: str = attrs.field(factory=make_id, validator=validate_text, repr=brief)
    medium: str | None = attrs.field(default=None, validator=validate_text, repr=brief)
    source: Source | None = attrs.field(default=None, eq=False, repr=False)

    @property
    def tool(self) -> str:
        """Name of the editor's tool that draws such annotations."""
        return self.TOOL

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """The smallest upright box around, as x, y, width, height; `None` without a place."""
        return None

    @property
    def area(self) -> float:
        """Area in square pixels; 0 for what has none."""
        return 0.0

    def _describe(self) -> Description:
        return Description(type(self).__name__, fields=describe_fields(self), document=[self])

    @classmethod
    def _read(cls, data: Json) -> dict[str, Any]:  # noqa: ARG003 - for those with a geometry
        """Return the arguments of this class that a document's entry of the geometry has."""
        return {}

    def _write(self, data: dict[str, Any]) -> None:
        """Put the geometry into an entry of `annotationsData`, beside the keys that are there."""
