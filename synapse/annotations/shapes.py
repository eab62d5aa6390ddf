"""Annotations as values: boxes, polygons, masks and others, as the platform's editors draw them.

Coordinates are pixels of the picture as stored: x to the right, y downwards, from the top left
corner. The names of the tools and of their keys are those of the platform's documents.
"""

from __future__ import annotations

import math
import random
import string
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, TypeAlias

import attrs

from synapse._internal.json_values import to_json
from synapse.annotations import masks
from synapse.errors import FieldValueError

__all__ = [
    "Annotation",
    "Answer",
    "Box",
    "BoxTrack",
    "Cuboid",
    "FrameSection",
    "Group",
    "Keypoint",
    "Label",
    "Mask",
    "NamedEntity",
    "OtherAnnotation",
    "PointSet",
    "Polygon",
    "Polyline",
    "Prompt",
    "Relation",
    "Source",
    "TimeRange",
    "TimeSection",
    "Visibility",
    "make_id",
]

Point: TypeAlias = tuple[float, float]
Visibility: TypeAlias = Literal["missing", "occluded", "visible"]
Json: TypeAlias = Mapping[str, Any]

_LETTERS = string.ascii_letters + string.digits
# Its own generator: a program's seed decides neither ids, nor do ids use up its random numbers.
_random = random.Random()  # noqa: S311 - ids are no secrets
_VISIBILITIES = ("missing", "occluded", "visible")


def make_id() -> str:
    """Return a new id: ten random letters and digits, as the platform's editor makes them."""
    return "".join(_random.choices(_LETTERS, k=10))


def _number(value: Any) -> Any:
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return value  # a fast path: data sets have millions of numbers
    plain = to_json(value)
    if isinstance(plain, bool) or not isinstance(plain, (int, float)):
        raise FieldValueError(f"{value!r} is not a number. Coordinates are plain numbers.")
    return plain


def _numbers(values: Any) -> tuple[Any, ...]:
    return tuple(map(_number, values))


def _points(points: Any) -> tuple[Any, ...]:
    pairs = tuple(map(_numbers, points))
    if not all(len(pair) == 2 for pair in pairs):
        raise FieldValueError("Points are pairs (x, y).")
    return pairs


def _texts(values: Any) -> tuple[str, ...]:
    texts = tuple(values)
    if isinstance(values, str) or not all(isinstance(text, str) for text in texts):
        raise FieldValueError(f"{values!r} is not a list of ids.")
    return texts


def _visibility(value: Any) -> Any:
    if value is not None and value not in _VISIBILITIES:
        raise FieldValueError(
            f"visibility is {value!r}: give one of {', '.join(map(repr, _VISIBILITIES))}, or None."
        )
    return value


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
class Annotation:
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

    label: str | None = None
    attributes: Json = attrs.field(factory=dict, converter=dict, hash=False)
    id: str = attrs.field(factory=make_id)
    medium: str | None = None
    source: Source | None = attrs.field(default=None, eq=False, repr=False)

    @property
    def tool(self) -> str:
        """Name of the editor's tool that draws such annotations."""
        return self.TOOL

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """The smallest upright box around: x, y, width, height; `None` without a place."""
        return None

    @property
    def area(self) -> float:
        """Area in square pixels; 0 for what has none."""
        return 0.0

    @classmethod
    def _read(cls, entry: Json, data: Json) -> dict[str, Any]:
        """Return the arguments that a document's entries have for this class."""
        raise NotImplementedError  # each class reads its own keys

    def _write(self, data: dict[str, Any]) -> None:
        """Put the geometry into an entry of `annotationsData`, beside the keys that are there."""
        raise NotImplementedError  # each class writes its own keys


def _bounds_of(points: Iterable[Point]) -> tuple[float, float, float, float] | None:
    pairs = list(points)
    if not pairs:
        return None
    xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


@attrs.frozen
class Box(Annotation):
    """A rectangle, upright or turned.

    Attributes:
        x: Left edge, before turning.
        y: Top edge, before turning.
        width: Width in pixels.
        height: Height in pixels.
        rotation: Angle in radians around the box's centre, clockwise on the screen.

    Example:
        >>> Box.from_xyxy(10, 20, 110, 70, label="car").cxcywh
        (60.0, 45.0, 100, 50)
    """

    TOOL = "bounding_box"

    x: float = attrs.field(converter=_number)
    y: float = attrs.field(converter=_number)
    width: float = attrs.field(converter=_number)
    height: float = attrs.field(converter=_number)
    rotation: float = attrs.field(default=0.0, converter=_number, kw_only=True)

    @classmethod
    def from_xyxy(
        cls, left: float, top: float, right: float, bottom: float, **others: Any
    ) -> Box:
        """Make a box out of two corners; `others` are arguments of the class."""
        return cls(left, top, right - left, bottom - top, **others)

    @classmethod
    def from_cxcywh(
        cls, center_x: float, center_y: float, width: float, height: float, **others: Any
    ) -> Box:
        """Make a box out of the centre and the size; `others` are arguments of the class."""
        return cls(center_x - width / 2, center_y - height / 2, width, height, **others)

    @property
    def xywh(self) -> tuple[float, float, float, float]:
        """Left, top, width, height, before turning."""
        return self.x, self.y, self.width, self.height

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom, before turning."""
        return self.x, self.y, self.x + self.width, self.y + self.height

    @property
    def cxcywh(self) -> tuple[float, float, float, float]:
        """Centre and size."""
        return self.x + self.width / 2, self.y + self.height / 2, self.width, self.height

    @property
    def corners(self) -> tuple[Point, Point, Point, Point]:
        """The corners after turning, clockwise on the screen, from the one at the top left."""
        center_x, center_y, width, height = self.cxcywh
        cos, sin = math.cos(self.rotation), math.sin(self.rotation)
        first, second, third, fourth = (
            (center_x + dx * cos - dy * sin, center_y + dx * sin + dy * cos)
            for dx, dy in (
                (-width / 2, -height / 2),
                (width / 2, -height / 2),
                (width / 2, height / 2),
                (-width / 2, height / 2),
            )
        )
        return first, second, third, fourth

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """The smallest upright box around: x, y, width, height."""
        if not self.rotation:
            return self.xywh
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.width * self.height

    @classmethod
    def _read(cls, entry: Json, data: Json) -> dict[str, Any]:
        place = data["coordinate"]
        names = [name for name in ("x", "y", "width", "height") if name in place]
        rotation = place.get("rotation")
        return {name: place[name] for name in names} | {"rotation": rotation or 0.0}

    def _write(self, data: dict[str, Any]) -> None:
        old = data.get("coordinate") or {}
        place = {**old, "x": self.x, "y": self.y, "width": self.width, "height": self.height}
        if self.rotation or "rotation" in old:
            place["rotation"] = self.rotation
        data["coordinate"] = place


@attrs.frozen
class BoxTrack(Annotation):
    """A box that moves through the frames of a video.

    Attributes:
        frames: Boxes as (x, y, width, height), by number of the frame.
    """

    TOOL = "bounding_box"
    MEDIUM = "video"

    frames: Mapping[int, tuple[float, float, float, float]] = attrs.field(
        converter=lambda frames: {int(at): _numbers(box) for at, box in dict(frames).items()},
        hash=False,
    )

    @classmethod
    def _read(cls, entry: Json, data: Json) -> dict[str, Any]:
        frames = data["coordinates"]
        return {
            "frames": {
                int(at): (place["x"], place["y"], place["width"], place["height"])
                for at, place in frames.items()
            }
        }

    def _write(self, data: dict[str, Any]) -> None:
        old = data.get("coordinates") or {}
        data["coordinates"] = {
            str(at): {
                **old.get(str(at), {}),
                **dict(zip(("x", "y", "width", "height"), box, strict=True)),
            }
            for at, box in self.frames.items()
        }


@attrs.frozen
class _Line(Annotation):
    points: tuple[Point, ...] = attrs.field(converter=_points)

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """The smallest upright box around: x, y, width, height."""
        return _bounds_of(self.points)

    @classmethod
    def _read(cls, entry: Json, data: Json) -> dict[str, Any]:
        return {"points": [(point["x"], point["y"]) for point in data["coordinate"]]}

    def _write(self, data: dict[str, Any]) -> None:
        old = data.get("coordinate") or []
        # Points keep their ids: by position while none came or went, else by place.
        by_place = {(point["x"], point["y"]): point for point in old}
        data["coordinate"] = [
            {
                **(old[at] if len(old) == len(self.points) else by_place.get((x, y), {})),
                "x": x,
                "y": y,
            }
            for at, (x, y) in enumerate(self.points)
        ]
        for point in data["coordinate"]:
            point.setdefault("id", make_id())


@attrs.frozen
class Polygon(_Line):
    """A closed outline: one ring without holes. Several parts are a `Group`.

    Attributes:
        points: Corners (x, y), the first one not repeated.

    Example:
        >>> Polygon([(0, 0), (10, 0), (10, 5)], label="roof").area
        25.0
    """

    TOOL = "polygon"

    @property
    def area(self) -> float:
        """Area in square pixels."""
        following = (*self.points[1:], *self.points[:1])
        pairs = zip(self.points, following, strict=True)
        return abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in pairs)) / 2


@attrs.frozen
class Polyline(_Line):
    """An open line.

    Attributes:
        points: Points (x, y) in order.
    """

    TOOL = "polyline"


@attrs.frozen
class Keypoint(Annotation):
    """A point. The label is the joint's name; the joints of a skeleton are a `Group`.

    Attributes:
        x: Place from the left.
        y: Place from the top.
        visibility: `"visible"`, `"occluded"`, `"missing"`, or `None` if nothing is known.
    """

    TOOL = "keypoint"

    x: float = attrs.field(converter=_number)
    y: float = attrs.field(converter=_number)
    visibility: Visibility | None = attrs.field(
        default=None, converter=_visibility, kw_only=True
    )

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """The point as a box without size: x, y, 0, 0."""
        return self.x, self.y, 0, 0

    @classmethod
    def _read(cls, entry: Json, data: Json) -> dict[str, Any]:
        place = data["coordinate"]
        return {"x": place["x"], "y": place["y"]}

    def _write(self, data: dict[str, Any]) -> None:
        data["coordinate"] = {**(data.get("coordinate") or {}), "x": self.x, "y": self.y}


@attrs.frozen
class Mask(Annotation):
    """A set of pixels.

    Attributes:
        runs: Pixels as runs (start, length) of row-major indices, `y * width + x`.
        size: Width and height of the picture, from the document's `extra`; `None` if unknown.
    """

    TOOL = "segmentation"

    runs: masks.Runs = attrs.field(converter=masks.normalize)
    size: tuple[int, int] | None = attrs.field(default=None, kw_only=True, eq=False)

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """The smallest upright box around: x, y, width, height; `None` if the size is unknown."""
        return masks.bounds(self.runs, self.size[0]) if self.size and self.runs else None

    @property
    def area(self) -> float:
        """Number of pixels."""
        return masks.area(self.runs)

    @classmethod
    def _read(cls, entry: Json, data: Json) -> dict[str, Any]:
        pixels = data["pixel_indices"]
        # Older documents lack the flag: pairs are runs.
        is_compressed = data.get("isCompressed")
        if is_compressed is None:
            is_compressed = bool(pixels) and isinstance(pixels[0], (list, tuple))
        return {"runs": pixels if is_compressed else masks.from_indices(pixels)}

    def _write(self, data: dict[str, Any]) -> None:
        old = data.get("pixel_indices")
        was_plain = bool(old) and not isinstance(old[0], (list, tuple)) if old else False
        if was_plain:
            data["pixel_indices"] = masks.to_indices(self.runs)
            return
        data["pixel_indices"] = [list(run) for run in self.runs]
        data["isCompressed"], data["compressionFormat"] = True, "rle"


@attrs.frozen
class Label(Annotation):
    """A class of the whole medium; the attributes have further answers."""

    TOOL = "classification"

    @classmethod
    def _read(cls, entry: Json, data: Json) -> dict[str, Any]:
        return {}

    def _write(self, data: dict[str, Any]) -> None:
        pass  # a class has no place


@attrs.frozen
class FrameSection(Annotation):
    """A part of a video.

    Attributes:
        start: First frame.
        end: Last frame.
    """

    TOOL = "segmentation"
    MEDIUM = "video"
    _KEYS: ClassVar[tuple[str, str]] = ("startFrame", "endFrame")

    start: float = attrs.field(converter=_number)
    end: float = attrs.field(converter=_number)

    @classmethod
    def _read(cls, entry: Json, data: Json) -> dict[str, Any]:
        start, end = cls._KEYS
        return {"start": data["section"][start], "end": data["section"][end]}

    def _write(self, data: dict[str, Any]) -> None:
        start, end = self._KEYS
        data["section"] = {**(data.get("section") or {}), start: self.start, end: self.end}


@attrs.frozen
class TimeSection(FrameSection):
    """A part of an audio.

    Attributes:
        start: Begin in seconds.
        end: End in seconds.
    """

    MEDIUM = "audio"
    _KEYS = ("start", "end")


@attrs.frozen
class TimeRange(FrameSection):
    """A part of a time series.

    Attributes:
        start: Begin, in the unit of the series.
        end: End, in the unit of the series.
        excluded_tracks: Names of the tracks that the range leaves out.
    """

    TOOL = "time_range"
    MEDIUM = "data"
    _KEYS = ("start", "end")

    excluded_tracks: tuple[str, ...] = attrs.field(default=(), converter=tuple, kw_only=True)

    @classmethod
    def _read(cls, entry: Json, data: Json) -> dict[str, Any]:
        section = super()._read(entry, data)
        return section | {"excluded_tracks": data.get("excludedTracks") or ()}

    def _write(self, data: dict[str, Any]) -> None:
        super()._write(data)
        if self.excluded_tracks or "excludedTracks" in data:
            data["excludedTracks"] = list(self.excluded_tracks)


@attrs.frozen
class Cuboid(Annotation):
    """A box in a point cloud.

    Attributes:
        position: Centre: x, y, z.
        scale: Size: x, y, z.
        rotation: Euler angles x, y, z in radians, or a unit quaternion w, x, y, z.
    """

    TOOL = "3d_bounding_box"
    MEDIUM = "pcd"

    position: tuple[float, ...] = attrs.field(converter=_numbers)
    scale: tuple[float, ...] = attrs.field(converter=_numbers)
    rotation: tuple[float, ...] = attrs.field(default=(0.0, 0.0, 0.0), converter=_numbers)

    def __attrs_post_init__(self) -> None:
        if len(self.position) != 3 or len(self.scale) != 3 or len(self.rotation) not in (3, 4):
            raise FieldValueError(
                "A cuboid has three numbers for position and scale, and three or four for rotation."
            )

    @classmethod
    def _read(cls, entry: Json, data: Json) -> dict[str, Any]:
        psr = data["psr"]
        axes = {"position": "xyz", "scale": "xyz"}
        axes["rotation"] = "wxyz" if "w" in psr["rotation"] else "xyz"
        return {name: [psr[name][axis] for axis in names] for name, names in axes.items()}

    def _write(self, data: dict[str, Any]) -> None:
        psr = dict(data.get("psr") or {})
        for name in ("position", "scale", "rotation"):
            values = getattr(self, name)
            names = "wxyz" if len(values) == 4 else "xyz"
            old = {
                key: value for key, value in (psr.get(name) or {}).items() if key not in "wxyz"
            }
            psr[name] = {**old, **dict(zip(names, values, strict=True))}
        data["psr"] = psr


@attrs.frozen
class PointSet(Annotation):
    """Points of a point cloud.

    Attributes:
        points: Indices of the points.
    """

    TOOL = "3d_segmentation"
    MEDIUM = "pcd"

    points: tuple[int, ...] = attrs.field(converter=_numbers)

    @classmethod
    def _read(cls, entry: Json, data: Json) -> dict[str, Any]:
        return {"points": data["points"]}

    def _write(self, data: dict[str, Any]) -> None:
        data["points"] = list(self.points)


@attrs.frozen
class NamedEntity(Annotation):
    """A part of a text.

    Attributes:
        ranges: Places of the part, as the editor writes them.
        content: The part's text.
    """

    TOOL = "named_entity"
    MEDIUM = "text"

    ranges: tuple[Any, ...] = attrs.field(converter=lambda ranges: tuple(to_json(ranges)), hash=False)
    content: Any = attrs.field(default="", hash=False)

    @classmethod
    def _read(cls, entry: Json, data: Json) -> dict[str, Any]:
        return {"ranges": data["ranges"], "content": data.get("content", "")}

    def _write(self, data: dict[str, Any]) -> None:
        data.update(ranges=list(self.ranges), content=self.content)


@attrs.frozen
class Prompt(Annotation):
    """An input to a language model.

    Attributes:
        input: Parts of the input, as the editor writes them.
    """

    TOOL = "prompt"
    MEDIUM = "prompt"

    input: tuple[Any, ...] = attrs.field(converter=lambda parts: tuple(to_json(parts)), hash=False)

    @classmethod
    def _read(cls, entry: Json, data: Json) -> dict[str, Any]:
        return {"input": data["input"]}

    def _write(self, data: dict[str, Any]) -> None:
        data["input"] = list(self.input)


@attrs.frozen
class Answer(Annotation):
    """A language model's output.

    Attributes:
        output: Parts of the output, as the editor writes them.
        model: Name of the model.
        prompt_id: Id of the prompt's annotation.
    """

    TOOL = "answer"
    MEDIUM = "prompt"

    output: tuple[Any, ...] = attrs.field(converter=lambda parts: tuple(to_json(parts)), hash=False)
    model: Any = attrs.field(default=None, kw_only=True, hash=False)
    prompt_id: str | None = attrs.field(default=None, kw_only=True)

    @classmethod
    def _read(cls, entry: Json, data: Json) -> dict[str, Any]:
        return {
            "output": data["output"],
            "model": data.get("model"),
            "prompt_id": data.get("promptAnnotationId"),
        }

    def _write(self, data: dict[str, Any]) -> None:
        data["output"] = list(self.output)
        for key, value in (("model", self.model), ("promptAnnotationId", self.prompt_id)):
            if value is not None or key in data:
                data[key] = value


@attrs.frozen
class Relation(Annotation):
    """A directed relation between two annotations.

    Attributes:
        start_id: Id of the annotation that the relation comes from.
        end_id: Id of the annotation that the relation points to.
    """

    TOOL = "relation"

    start_id: str
    end_id: str

    @classmethod
    def _read(cls, entry: Json, data: Json) -> dict[str, Any]:
        keys = data if "annotationId" in data else entry
        return {"start_id": keys["annotationId"], "end_id": keys["targetAnnotationId"]}

    def _write(self, data: dict[str, Any]) -> None:
        data.update(annotationId=self.start_id, targetAnnotationId=self.end_id)


@attrs.frozen
class Group(Annotation):
    """Annotations that belong together, such as the joints of a skeleton.

    Attributes:
        members: Ids of the annotations; an annotation is in one group at most.
    """

    TOOL = "group"

    members: tuple[str, ...] = attrs.field(converter=_texts)

    @classmethod
    def _read(cls, entry: Json, data: Json) -> dict[str, Any]:
        if "annotationIds" in entry:
            return {"members": entry["annotationIds"]}
        members: list[str] = []
        waiting = list(entry["annotationList"])
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

    @classmethod
    def _read(cls, entry: Json, data: Json) -> dict[str, Any]:
        return {}

    def _write(self, data: dict[str, Any]) -> None:
        pass  # the keys are unknown
