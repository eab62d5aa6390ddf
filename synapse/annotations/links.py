"""Relations and groups of annotations, and annotations of unknown tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from synapse._internal.described import brief
from synapse.annotations.base import Annotation, Json, check_texts, validate_text

__all__ = ["Group", "OtherAnnotation", "Relation"]


@attrs.frozen
class Relation(Annotation):
    """A directed relation between two annotations.

    Attributes:
        start_id: Id of the annotation that the relation comes from.
        end_id: Id of the annotation that the relation points to.
    """

    TOOL = "relation"

    start_id: str = attrs.field(validator=validate_text, repr=brief)
    end_id: str = attrs.field(validator=validate_text, repr=brief)

    @classmethod
    def _read(cls, data: Json) -> dict[str, Any]:
        return {"start_id": data["annotationId"], "end_id": data["targetAnnotationId"]}

    def _write(self, data: dict[str, Any]) -> None:
        data.update(annotationId=self.start_id, targetAnnotationId=self.end_id)


@attrs.frozen
class Group(Annotation):
    """Annotations that belong together, such as the joints of a skeleton.

    Attributes:
        members: Ids of the annotations; an annotation is in one group at most.
    """

    TOOL = "group"

    members: tuple[str, ...] = attrs.field(repr=brief, converter=check_texts)

    @classmethod
    def _read(cls, data: Json) -> dict[str, Any]:
        if "annotationIds" in data:
            return {"members": data["annotationIds"]}
        members: list[str] = []
        waiting = list(data["annotationList"])
        while waiting:
            node = waiting.pop(0)
            members.append(node["annotationId"])
            waiting[:0] = node.get("children") or []
        return {"members": members}

    def _write(self, data: dict[str, Any]) -> None:
        data.pop("annotationList", None)
        data["annotationIds"] = list(self.members)


@attrs.frozen
class OtherAnnotation(Annotation):
    """An annotation of a tool that the SDK doesn't know, or with keys that it can't read.

    The document's entries are in `source`, and are written back as they are.
    """

    @property
    def tool(self) -> str:
        """Name of the editor's tool that drew the annotation."""
        entry = self.source.entry if self.source else {}
        return str(entry.get("tool", "")) if isinstance(entry, Mapping) else ""
