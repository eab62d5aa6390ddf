"""Keep the classes of an imported data set in its project, for exports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from synapse.annotations import Annotation, Group, Relation, read_classes
from synapse.annotations.classes import normalize_name
from synapse.errors import ClientError
from synapse.formats import DataSet, FormatReport

__all__ = ["ImportedClasses", "SeenTools", "check_configured", "check_indices", "keep_classes"]

_KEY = "imported_classes"
# Formats whose class list has ids, or an order that means something.
_WITH_LISTS = frozenset({"coco", "mask_png", "yolo"})
_WITH_INDICES = frozenset({"mask_png", "yolo"})
_BOXES, _JOINTS = "bounding_box", "keypoint"
_MAX_NAMED = 8


@attrs.frozen
class ImportedClasses:
    """Classes of a data set, as an import noted them in the project's configuration.

    Attributes:
        names: Names of the classes, in the order of their indices.
        category_ids: Ids of COCO by name.
        joints: Names of the joints by class.
    """

    names: tuple[str, ...] = ()
    category_ids: Mapping[str, int] = attrs.field(factory=dict)
    joints: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)

    @classmethod
    def from_data(cls, data: DataSet, format_name: str) -> ImportedClasses:
        """Return the classes of a data set; only COCO has ids, and only some formats an order."""
        if format_name not in _WITH_LISTS:
            return cls()
        ids = data.info.get("category_ids")
        return cls(
            tuple(each.name for each in data.classes),
            dict(ids) if isinstance(ids, Mapping) else {},
            {each.name: each.keypoints for each in data.classes if each.keypoints},
        )

    @classmethod
    def read(cls, configuration: Any) -> ImportedClasses:
        """Return the noted classes; parts that somebody damaged are left out."""
        note = configuration.get(_KEY) if isinstance(configuration, Mapping) else None
        note = note if isinstance(note, Mapping) else {}
        ids, joints = note.get("category_ids"), note.get("joints")
        checked: dict[str, int] = {}
        for name, number in ids.items() if isinstance(ids, Mapping) else ():
            if type(number) is int and number not in checked.values():
                checked[name] = number
        return cls(
            _read_names(note.get("names")),
            checked,
            {name: _read_names(found) for name, found in joints.items()}
            if isinstance(joints, Mapping)
            else {},
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the note."""
        note = {
            "names": list(self.names),
            "category_ids": dict(self.category_ids),
            "joints": {name: list(joints) for name, joints in self.joints.items()},
        }
        return {name: value for name, value in note.items() if value}

    def has_indices_of(self, names: Sequence[str]) -> bool:
        """Return whether the classes have the same indices in another list."""
        return [*map(normalize_name, self.names)] == [*map(normalize_name, names)][
            : len(self.names)
        ]


def _read_names(value: Any) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


class SeenTools:
    """The tools of imported annotations, with the names that each one has."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, None]] = {}

    def add(self, annotations: Iterable[Annotation]) -> None:
        """Note the tools of a sample."""
        for each in annotations:
            if not isinstance(each, (Group, Relation)) and each.tool and each.label is not None:
                self._names.setdefault(each.tool, {})[each.label] = None

    def build_section(self, data: DataSet) -> dict[str, list[str]]:
        """Return `classification` of a configuration: each tool offers all classes, in order.

        Joints are offered by their tool only.
        """
        joints = [joint for each in data.classes for joint in each.keypoints]
        names = [each.name for each in data.classes]
        section: dict[str, list[str]] = {}
        for tool, seen in sorted(self._names.items(), key=lambda item: item[0] == _JOINTS):
            first = joints if tool == _JOINTS and joints else names
            section[tool] = list(dict.fromkeys([*first, *seen]))
        if not section.keys() - {_JOINTS} and (joints or not section):
            section = {_BOXES: names, **section}
        return section


def check_configured(project: Any, data: DataSet, format_name: str, report: FormatReport) -> None:
    """Report the classes of a data set that the project's configuration lacks or orders otherwise.

    Makes no request of its own.

    Raises:
        DataLost: The report is strict.
    """
    configured = [each.name for each in project.classes]
    if not configured:
        return
    place = f"project {project.id}"
    missing = [each.name for each in data.classes if normalize_name(each.name) not in configured]
    if missing:
        shown = ", ".join(map(repr, missing[:_MAX_NAMED]))
        more = f" and {len(missing) - _MAX_NAMED:,} more" if len(missing) > _MAX_NAMED else ""
        reason = (
            f"{len(missing):,} classes aren't in the project's configuration: {shown}{more}. Add "
            "them there, or the editor doesn't offer them"
        )
        report.lose(place, "class-not-configured", reason)
    source = ImportedClasses.from_data(data, format_name)
    if format_name in _WITH_INDICES and not source.has_indices_of(configured):
        reason = (
            "the project's configuration has the classes in another order than the data set; "
            "exports use that of the configuration, unless classes= names another"
        )
        report.lose(place, "class-indices", reason)
    known = ImportedClasses.read(project.configuration).category_ids
    if any(known.get(name, number) != number for name, number in source.category_ids.items()):
        reason = (
            "an earlier import has other category ids; exports use those, unless category_ids= "
            "names others"
        )
        report.lose(place, "class-ids", reason)


def check_indices(
    project: Any, names: Sequence[str], format_name: str, report: FormatReport
) -> None:
    """Report that an export has other class indices than the imported data set.

    Raises:
        DataLost: The report is strict.
    """
    source = ImportedClasses.read(project.configuration)
    if format_name in _WITH_INDICES and not source.has_indices_of(names):
        reason = (
            "the project's configuration has the classes in another order than the imported data "
            "set. Pass classes= for another order"
        )
        report.lose(f"project {project.id}", "class-indices", reason)


def keep_classes(
    project: Any, data: DataSet, format_name: str, tools: SeenTools, report: FormatReport
) -> None:
    """Note the classes of a data set in the project's configuration.

    A configuration without classes gets those of the data set. Two requests if something changes:
    the configuration is read again, since an import may take hours.
    """
    if not data.classes or _extend(project.configuration, data, format_name, tools) is None:
        return
    place = f"project {project.id}"
    try:
        project.refresh()
        wanted = _extend(project.configuration, data, format_name, tools)
        if wanted is None:
            return
        with project._tentatively({"configuration": wanted}):
            project.save()
    except ClientError as error:
        report.lose(place, "classes-not-kept", f"the classes could not be saved: {error}")
        return
    if _extend(project.configuration, data, format_name, tools) is not None:
        reason = (
            "the server did not store the classes; exports number them anew, unless classes= "
            "names their order"
        )
        report.lose(place, "classes-not-kept", reason)


def _extend(
    configuration: Any, data: DataSet, format_name: str, tools: SeenTools
) -> dict[str, Any] | None:
    """Return the configuration with the classes of a data set, or `None` if it has them."""
    old = dict(configuration) if isinstance(configuration, Mapping) else {}
    new = dict(old)
    if not read_classes(old):
        new["classification"] = tools.build_section(data)
    known, source = ImportedClasses.read(old), ImportedClasses.from_data(data, format_name)
    taken = set(known.category_ids.values())
    ids = {name: one for name, one in source.category_ids.items() if one not in taken}
    note = ImportedClasses(
        known.names or source.names,
        {**ids, **known.category_ids},
        {**source.joints, **known.joints},
    ).to_dict()
    if note:
        new[_KEY] = note
    return None if new == old else new
