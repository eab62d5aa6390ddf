"""Classes of a project, and the check of annotations against them."""

from __future__ import annotations

import itertools
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from synapse._internal.described import Described, Description, brief, describe_fields
from synapse.annotations.base import Annotation
from synapse.annotations.document import Annotations, read_document
from synapse.annotations.links import Group, OtherAnnotation, Relation
from synapse.annotations.shapes import Box, Mask, Polygon

__all__ = ["LabelClass", "Problem", "check_annotations", "normalize_name", "read_classes"]

# A point on the picture's edge may be off by a rounding error.
_TOLERANCE = 0.5


@attrs.frozen
class LabelClass(Described):
    """A class that annotations may have.

    Attributes:
        name: The class's code, stripped and in Unicode's composed form (NFC).
        tools: Names of the tools that offer the class.
    """

    name: str = attrs.field(repr=brief)
    tools: tuple[str, ...] = attrs.field(repr=brief)

    def _describe(self) -> Description:
        return Description("LabelClass", fields=describe_fields(self))


@attrs.frozen
class Problem(Described):
    """A fault of an annotation that the editor or the project's rules would refuse.

    Attributes:
        code: Kind of the fault: `unknown-tool`, `unknown-class`, `no-class`, `no-area`, `outside`,
            `duplicate-id`, `two-groups`, `missing-member` or `unreadable`.
        message: The fault in a sentence.
        annotation: The annotation.
    """

    code: str
    message: str
    annotation: Annotation

    def _describe(self) -> Description:
        return Description("Problem", fields=describe_fields(self), document=[self.annotation])


def normalize_name(name: str) -> str:
    """Return a class's name as names are compared: stripped, in composed form (NFC)."""
    return unicodedata.normalize("NFC", name.strip())


def read_classes(configuration: Any) -> list[LabelClass]:
    """Return the classes of a project's configuration. Makes no request.

    Args:
        configuration: The configuration. Its `classification` has a list of names for each tool,
            or `classification_schema` with a list of mappings that have a `code`.

    Returns:
        The classes, in the order of tools and schema; a class of two tools once.

    Example:
        >>> read_classes({"classification": {"bounding_box": ["car", "bus"]}})[1].name
        'bus'
    """
    tools: dict[str, list[str]] = {}
    section = configuration.get("classification") if isinstance(configuration, Mapping) else None
    for tool, schema in section.items() if isinstance(section, Mapping) else ():
        for name in _read_names(schema):
            found = tools.setdefault(normalize_name(name), [])
            if tool not in found:
                found.append(tool)
    return [LabelClass(name, tuple(found)) for name, found in tools.items()]


def _read_names(schema: Any) -> Iterator[str]:
    entries = schema.get("classification_schema") if isinstance(schema, Mapping) else schema
    for entry in entries if isinstance(entries, list) else ():
        name = entry.get("code") if isinstance(entry, Mapping) else entry
        if isinstance(name, str) and name.strip():
            yield name


def check_annotations(
    annotations: Iterable[Annotation] | Mapping[str, Any] | None,
    classes: Sequence[LabelClass] = (),
    sizes: Mapping[str, tuple[int, int]] | None = None,
) -> list[Problem]:
    """Return the faults of annotations. Makes no request.

    Args:
        annotations: Annotations, or a document, or `None` for a task without one.
        classes: The project's classes; without any, neither tools nor classes are checked.
        sizes: Width and height of the media in pixels; by default the document's.

    Returns:
        One problem for each fault, in the order of the annotations.

    Raises:
        UsageError: The value is neither a list of annotations nor a document.
        FieldValueError: An element isn't an annotation.
        UnknownDocument: The document has none of the known forms.

    Example:
        >>> check_annotations([Box(0, 0, 0, 5, label="car")])[0].code
        'no-area'
    """
    if annotations is None or isinstance(annotations, Mapping):
        annotations = read_document(annotations)
    items = annotations if isinstance(annotations, Annotations) else Annotations(annotations)
    lengths = {**items.sizes, **(sizes or {})}
    by_tool: dict[str, set[str]] = {}
    for known in classes:
        for tool in known.tools:
            by_tool.setdefault(tool, set()).add(known.name)
    ids = Counter((each.medium, each.id) for each in items)
    memberships = Counter(
        (group.medium, member) for group in items.of(Group) for member in set(group.members)
    )
    result: list[Problem] = []
    for each in items:
        faults = [
            *_check_class(each, by_tool),
            *_check_place(each, lengths.get(each.medium or "")),
            *_check_ids(each, ids, memberships),
        ]
        name = f"{each.tool or type(each).__name__} {each.id!r}"
        result += [Problem(code, f"{name}: {text}", each) for code, text in faults]
    return result


Fault = tuple[str, str]


def _check_class(each: Annotation, by_tool: Mapping[str, set[str]]) -> Iterator[Fault]:
    if isinstance(each, (Group, Relation)) or not by_tool:
        return
    if each.tool not in by_tool:
        yield "unknown-tool", f"the project has no tool {each.tool!r}, only {_join(by_tool)}."
    elif each.label is None:
        yield "no-class", "the annotation has no class."
    elif normalize_name(each.label) not in by_tool[each.tool]:
        names = _join(by_tool[each.tool])
        yield "unknown-class", f"{each.label!r} is not a class of the tool, which has {names}."


def _check_place(each: Annotation, size: tuple[int, int] | None) -> Iterator[Fault]:
    if isinstance(each, OtherAnnotation):
        if not each.tool or each.source is None or not each.source.data:
            yield "unreadable", "the annotation has no tool or no geometry."
        return
    bounds = each.bounds
    if not _has_area(each):
        yield "no-area", "the annotation covers no pixel."
    if bounds is None or size is None:
        return
    (x, y, width, height), (right, bottom) = bounds, size
    if (
        min(x, y) < -_TOLERANCE
        or x + width > right + _TOLERANCE
        or y + height > bottom + _TOLERANCE
    ):
        yield "outside", f"a part is outside of the picture of {right} x {bottom} pixels."


def _has_area(each: Annotation) -> bool:
    """Return whether a shape covers something; lines and points need not."""
    if isinstance(each, Box):
        return min(each.width, each.height) > 0
    if isinstance(each, Polygon):
        # Not by the area: that of an outline that crosses itself may be 0.
        (x, y), *others = each.points or [(0, 0)]
        sides = [(right - x, bottom - y) for right, bottom in others]
        return any(a * d != b * c for (a, b), (c, d) in itertools.pairwise(sides))
    return not isinstance(each, Mask) or each.area > 0


def _check_ids(
    each: Annotation,
    ids: Mapping[tuple[str | None, str], int],
    memberships: Mapping[tuple[str | None, str], int],
) -> Iterator[Fault]:
    key = each.medium, each.id
    if ids[key] > 1:
        yield "duplicate-id", "another annotation of the medium has the same id."
    if memberships.get(key, 0) > 1:
        yield "two-groups", "the annotation is in more than one group."
    named: tuple[str, ...] = ()
    if isinstance(each, Group):
        named = each.members
    elif isinstance(each, Relation):
        named = (each.start_id, each.end_id)
    missing = [name for name in named if (each.medium, name) not in ids]
    if missing:
        yield "missing-member", f"no annotation of the medium has the id {_join(missing)}."


def _join(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names)))
