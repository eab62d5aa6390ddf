"""The words that the widget offers: classes with their numbers and colours, and tags."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from synapse.annotations import Annotation, LabelClass, read_classes
from synapse.annotations.classes import normalize_name
from synapse.display import markup
from synapse.display.colors import assign_colors
from synapse.display.contents import find_known
from synapse.errors import SynapseError, UsageError
from synapse.orm.fields import ids_of

__all__ = ["ClassChoices", "ProjectChoices", "TagChoices"]

_MOST_CLASSES, _MOST_TAGS, _MOST_PROJECTS = 500, 200, 32


class ClassChoices:
    """The classes of a project: the declared ones, then others as they are seen.

    A class keeps number and colour while the widget lives.

    Args:
        declared: The classes of the project's configuration.
    """

    def __init__(self, declared: list[LabelClass]) -> None:
        self.declared = declared
        self._numbers: dict[str, int] = {}
        for each in declared[:_MOST_CLASSES]:
            self._numbers.setdefault(each.name, len(self._numbers))
        self._tools = {each.name: list(each.tools) for each in declared}

    def find(self, label: str | None) -> int:
        """Return the number of a class; -1 for none, and for classes beyond the 500th."""
        if label is None:
            return -1
        name = normalize_name(label)
        if name not in self._numbers and len(self._numbers) < _MOST_CLASSES:
            self._numbers[name] = len(self._numbers)
        return self._numbers.get(name, -1)

    def relabel(self, each: Annotation, number: Any) -> str:
        """Return the name of a class for an annotation.

        Raises:
            UsageError: No class has the number, or the annotation's tool doesn't have the class.
        """
        names = list(self._numbers)
        if type(number) is not int or not 0 <= number < len(names):
            raise UsageError("No class has this number. Choose one of the list.")
        name = names[number]
        tools = self._tools.get(name)
        if tools is not None and each.tool not in tools:
            raise UsageError(
                f"The tool {each.tool!r} doesn't have the class {name!r}. Choose a class of the "
                "tool, or change the project's configuration."
            )
        return name

    def describe(self) -> list[dict[str, Any]]:
        """Return the classes as JSON."""
        colors = assign_colors(self._numbers)
        return [
            {
                "name": markup.clean(name, 80),
                "line": colors[name].line,
                "fill": colors[name].fill,
                "tools": self._tools.get(name),
            }
            for name in self._numbers
        ]


class ProjectChoices:
    """The classes of the projects whose objects were shown, 32 projects at most."""

    def __init__(self) -> None:
        self._classes: OrderedDict[Any, ClassChoices] = OrderedDict()

    def read(self, one: Any) -> ClassChoices:
        """Return the classes of an object's project.

        One request for the first object of a project that isn't loaded. Without a project that can
        be read, the classes are those that are seen.
        """
        key = ids_of(find_known(one, "project"))
        if key not in self._classes:
            self._classes[key] = ClassChoices(_read_declared(one) if key is not None else [])
        self._classes.move_to_end(key)
        while len(self._classes) > _MOST_PROJECTS:
            self._classes.popitem(last=False)
        return self._classes[key]


def _read_declared(one: Any) -> list[LabelClass]:
    try:
        project = one.project
        if "configuration" not in project._raw:
            project.refresh()
    except SynapseError:
        return []
    return read_classes(find_known(project, "configuration"))


class TagChoices:
    """The tags that objects can get: those of the project, and those of every project."""

    def __init__(self) -> None:
        self._names: dict[Any, str] = {}
        self._loaded: set[Any] = set()

    def load(self, one: Any) -> list[dict[str, Any]]:
        """Return the tags for an object as JSON. Two requests.

        Raises:
            ClientError: The server refused or couldn't be reached.
        """
        tags: list[Any] = []
        project = getattr(one, "project", None)
        if project is not None:
            tags += project.task_tags.order_by("id")[:_MOST_TAGS]
        everywhere = one._session.task_tags.order_by("id")[:_MOST_TAGS]
        tags += [tag for tag in everywhere if tag.project_id is None]
        self._loaded.add(ids_of(find_known(one, "project")))
        unique = {tag.id: tag for tag in tags}
        self._names.update({key: tag.name for key, tag in unique.items()})
        return [
            {"id": tag.id, "name": markup.clean(tag.name, 80), "color": tag.color or ""}
            for tag in unique.values()
        ]

    def is_loaded(self, one: Any) -> bool:
        """Return whether the tags for an object's project were loaded."""
        return ids_of(find_known(one, "project")) in self._loaded

    def name(self, key: Any) -> str:
        """Return the name of a tag, if the tag was loaded."""
        return self._names.get(key, f"tag {key}")
