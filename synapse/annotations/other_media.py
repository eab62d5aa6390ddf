"""Annotations of videos, audio, time series, point clouds and texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from synapse._internal.described import brief
from synapse.annotations.base import (
    Annotation,
    Json,
    check_number,
    check_numbers,
    check_texts,
    to_plain,
    validate_text,
)
from synapse.errors import FieldValueError

__all__ = [
    "Answer",
    "BoxTrack",
    "Cuboid",
    "FrameSection",
    "NamedEntity",
    "PointSet",
    "Prompt",
    "TimeRange",
    "TimeSection",
]


def check_boxes(frames: Any) -> dict[int, tuple[Any, ...]]:
    return {int(at): check_numbers(box) for at, box in dict(frames).items()}


@attrs.frozen
class BoxTrack(Annotation):
    """A box that moves through the frames of a video.

    Attributes:
        frames: Boxes as (x, y, width, height), by number of the frame.
    """

    TOOL = "bounding_box"
    MEDIUM = "video"

    frames: Mapping[int, tuple[float, float, float, float]] = attrs.field(
        repr=brief,
        converter=check_boxes,
        hash=False,
    )

    @classmethod
    def _read(cls, data: Json) -> dict[str, Any]:
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
class FrameSection(Annotation):
    """A part of a video.

    Attributes:
        start: First frame.
        end: Last frame.
    """

    TOOL = "segmentation"
    MEDIUM = "video"
    _KEYS: ClassVar[tuple[str, str]] = ("startFrame", "endFrame")

    start: float = attrs.field(converter=check_number)
    end: float = attrs.field(converter=check_number)

    @classmethod
    def _read(cls, data: Json) -> dict[str, Any]:
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

    excluded_tracks: tuple[str, ...] = attrs.field(
        repr=brief, default=(), converter=check_texts, kw_only=True
    )

    @classmethod
    def _read(cls, data: Json) -> dict[str, Any]:
        section = super()._read(data)
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

    position: tuple[float, ...] = attrs.field(converter=check_numbers)
    scale: tuple[float, ...] = attrs.field(converter=check_numbers)
    rotation: tuple[float, ...] = attrs.field(default=(0.0, 0.0, 0.0), converter=check_numbers)

    def __attrs_post_init__(self) -> None:
        if len(self.position) != 3 or len(self.scale) != 3 or len(self.rotation) not in (3, 4):
            raise FieldValueError(
                "A cuboid has three numbers for position and scale, and three or four for rotation."
            )

    @classmethod
    def _read(cls, data: Json) -> dict[str, Any]:
        psr = data["psr"]
        axes = {"position": "xyz", "scale": "xyz"}
        axes["rotation"] = "wxyz" if "w" in psr["rotation"] else "xyz"
        return {name: [psr[name][axis] for axis in names] for name, names in axes.items()}

    def _write(self, data: dict[str, Any]) -> None:
        psr = dict(data.get("psr") or {})
        for name in ("position", "scale", "rotation"):
            values = getattr(self, name)
            names = "wxyz" if len(values) == 4 else "xyz"
            old = {key: value for key, value in (psr.get(name) or {}).items() if key not in "wxyz"}
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

    points: tuple[int, ...] = attrs.field(repr=brief, converter=check_numbers)

    @classmethod
    def _read(cls, data: Json) -> dict[str, Any]:
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

    ranges: tuple[Any, ...] = attrs.field(repr=brief, converter=to_plain, hash=False)
    content: Any = attrs.field(repr=brief, default="", hash=False)

    @classmethod
    def _read(cls, data: Json) -> dict[str, Any]:
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

    input: tuple[Any, ...] = attrs.field(repr=brief, converter=to_plain, hash=False)

    @classmethod
    def _read(cls, data: Json) -> dict[str, Any]:
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

    output: tuple[Any, ...] = attrs.field(repr=brief, converter=to_plain, hash=False)
    model: Any = attrs.field(repr=brief, default=None, kw_only=True, hash=False)
    prompt_id: str | None = attrs.field(
        repr=brief, default=None, validator=validate_text, kw_only=True
    )

    @classmethod
    def _read(cls, data: Json) -> dict[str, Any]:
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
