"""Annotations as typed values, read from and written to the platform's documents.

Example:
    >>> from synapse.annotations import Box
    >>> task = project.tasks[0]
    >>> task.annotations = [Box(10, 20, 30, 40, label="car")]
    >>> _ = task.save()
    >>> task.annotations[0].xyxy
    (10, 20, 40, 60)
"""

from synapse.annotations.base import Annotation, make_id
from synapse.annotations.classes import (
    LabelClass,
    Problem,
    check_annotations,
    read_classes,
)
from synapse.annotations.document import Annotations, read_document, write_document
from synapse.annotations.links import Group, OtherAnnotation, Relation
from synapse.annotations.other_media import (
    Answer,
    BoxTrack,
    Cuboid,
    FrameSection,
    NamedEntity,
    PointSet,
    Prompt,
    TimeRange,
    TimeSection,
)
from synapse.annotations.overlap import iou, match_annotations
from synapse.annotations.shapes import Box, Keypoint, Label, Mask, Polygon, Polyline

__all__ = [
    "Annotation",
    "Annotations",
    "Answer",
    "Box",
    "BoxTrack",
    "Cuboid",
    "FrameSection",
    "Group",
    "Keypoint",
    "Label",
    "LabelClass",
    "Mask",
    "NamedEntity",
    "OtherAnnotation",
    "PointSet",
    "Polygon",
    "Polyline",
    "Problem",
    "Prompt",
    "Relation",
    "TimeRange",
    "TimeSection",
    "check_annotations",
    "iou",
    "make_id",
    "match_annotations",
    "read_classes",
    "read_document",
    "write_document",
]
