"""Annotations of videos, audio, time series, point clouds and texts."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.annotations import BoxTrack, Cuboid, FrameSection, TimeSection, read_document
from synapse.errors import FieldValueError


def read_one(tool: str, data: dict[str, Any], medium: str) -> Any:
    document = {
        "annotations": {medium: [{"id": "a", "tool": tool}]},
        "annotationsData": {medium: [{"id": "a", **data}]},
    }
    (found,) = read_document(document)
    return found


def test_sections_are_told_apart_by_their_keys() -> None:
    frames = read_one("segmentation", {"section": {"startFrame": 1, "endFrame": 5}}, "video_1")
    seconds = read_one("segmentation", {"section": {"start": 0.5, "end": 2}}, "audio_1")
    assert (type(frames), frames.start, frames.end) == (FrameSection, 1, 5)
    assert (type(seconds), seconds.start, seconds.end) == (TimeSection, 0.5, 2)


def test_every_frame_of_a_moving_box_is_kept() -> None:
    frames = {str(at): {"x": at, "y": 0, "width": 2, "height": 3} for at in (0, 7, 12)}
    track = read_one("bounding_box", {"coordinates": frames}, "video_1")
    assert isinstance(track, BoxTrack)
    assert track.frames == {0: (0, 0, 2, 3), 7: (7, 0, 2, 3), 12: (12, 0, 2, 3)}


@pytest.mark.parametrize(
    ("rotation", "expected"),
    [({"x": 1, "y": 2, "z": 3}, (1, 2, 3)), ({"x": 1, "y": 2, "z": 3, "w": 0}, (0, 1, 2, 3))],
    ids=["angles", "quaternion"],
)
def test_rotation_of_a_cuboid(rotation: Any, expected: tuple[int, ...]) -> None:
    axes = {"x": 1, "y": 1, "z": 1}
    found = read_one(
        "3d_bounding_box", {"psr": {"position": axes, "scale": axes, "rotation": rotation}}, "pcd_1"
    )
    assert isinstance(found, Cuboid)
    assert found.rotation == expected


def test_cuboid_needs_three_axes() -> None:
    with pytest.raises(FieldValueError, match="three numbers"):
        Cuboid((1, 2), (1, 2, 3))
