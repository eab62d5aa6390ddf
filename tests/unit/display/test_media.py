"""Pictures of point clouds, sounds and videos."""

from __future__ import annotations

import math
import struct
import sys
import types
import wave
from pathlib import Path
from typing import Any

import pytest

from synapse.annotations.masks import from_png
from synapse.display.media import draw_top_view, draw_waveform, save_first_frame
from synapse.display.thumbnails import Unshowable

HEAD = """# .PCD v0.7
VERSION 0.7
FIELDS {fields}
SIZE {sizes}
TYPE {types}
COUNT {counts}
WIDTH {points}
HEIGHT 1
POINTS {points}
DATA {data}
"""


def head(points: int, data: str, **parts: str) -> bytes:
    shown = {"fields": "x y z", "sizes": "4 4 4", "types": "F F F", "counts": "1 1 1", **parts}
    return HEAD.format(points=points, data=data, **shown).encode()


SQUARE = [(x, y, 1.0) for x in (0.0, 10.0) for y in (0.0, 10.0)]


@pytest.mark.parametrize("data", ["ascii", "binary"])
def test_cloud_is_seen_from_above(tmp_path: Path, data: str) -> None:
    path = tmp_path / "a.pcd"
    if data == "ascii":
        body = "".join(f"{x} {y} {z}\n" for x, y, z in SQUARE).encode()
    else:
        body = b"".join(struct.pack("<fff", *point) for point in SQUARE)
    path.write_bytes(head(4, data) + body)

    view = draw_top_view(path, 106, 106)
    runs, width, height = from_png(view.picture.content)
    assert view.points == 4
    assert len(runs) == 4
    assert view.origin == pytest.approx((-0.3, -0.3))
    assert view.size == pytest.approx((10.6, 10.6))
    assert (width, height) == (106, 106)
    columns, rows = {start % width for start, _ in runs}, {start // width for start, _ in runs}
    assert (len(columns), len(rows)) == (2, 2)


def test_fields_of_other_sizes_and_order(tmp_path: Path) -> None:
    path = tmp_path / "a.pcd"
    parts = {"fields": "rgb y x", "sizes": "1 8 4", "types": "U F F", "counts": "3 1 1"}
    rows = [struct.pack("<3Bdf", 1, 2, 3, y, x) for x, y in ((0, 0), (4, 2))]
    path.write_bytes(head(2, "binary", **parts) + b"".join(rows))

    assert draw_top_view(path, 100, 100).size[0] == pytest.approx(4.24, rel=0.02)


def test_many_points_are_sampled_and_far_ones_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.pcd"
    points = [(n % 100, n % 77, 0.0) for n in range(250_000)]
    points[::1000] = [(1e30, math.nan, 0.0)] * 250
    path.write_bytes(
        head(len(points), "binary") + b"".join(struct.pack("<fff", *point) for point in points)
    )

    view = draw_top_view(path, 100, 100)
    assert view.points == 250_000
    assert view.size[0] < 120


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"ply\nformat ascii 1.0\n",
        head(4, "binary_compressed"),
        head(4, "ascii", fields="a b c"),
        head(4, "ascii", sizes="4 4"),
        head(4, "ascii", sizes="4 4 x"),
        head(4, "binary", sizes="0 0 0") + b"abc",
        head(4, "binary", types="X X X") + b"abc",
        head(4, "binary") + b"abc",
        head(4, "ascii") + b"a b c\n\n1\nnan 1 1\n",
        head(-4, "ascii"),
    ],
)
def test_other_clouds_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pcd").write_bytes(content)

    with pytest.raises(Unshowable, match=r"[Pp]oint cloud"):
        draw_top_view(tmp_path / "a.pcd", 100, 100)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_wave_is_as_high_as_the_sound(tmp_path: Path, width: int, channels: int) -> None:
    """Silence, then noise: the second half of the picture is filled."""
    path, loud = tmp_path / "a.wav", (1 << (8 * width - 1)) - 1
    silent = (128 if width == 1 else 0).to_bytes(width, "little")
    peak = (255 if width == 1 else loud).to_bytes(width, "little")
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(1_000)
        sound.writeframes(silent * channels * 1_000 + peak * channels * 1_000)

    picture, length = draw_waveform(path, 100, 20)
    runs, columns, rows = from_png(picture.content)
    assert (length, columns, rows) == ("2.0 s", 100, 20)
    assert runs[0] == (50, 50)
    pixels = [pixel for start, count in runs for pixel in range(start, start + count)]
    assert sum(pixel % 100 == 10 for pixel in pixels) == 2
    assert sum(pixel % 100 == 90 for pixel in pixels) == 20


@pytest.mark.parametrize("content", [b"", b"RIFF", b"ID3mp3" * 9])
def test_other_sounds_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)

    with pytest.raises(Unshowable, match="WAV"):
        draw_waveform(tmp_path / "a.wav", 10, 10)


def test_empty_sound_is_a_line(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(1_000)

    assert draw_waveform(tmp_path / "a.wav", 10, 10)[1] == "0.0 s"


class FakeVideo:
    """A video of PyAV's and OpenCV's interfaces."""

    def __init__(self, frames: int = 1) -> None:
        self.frames = frames

    def __enter__(self) -> FakeVideo:
        return self

    def __exit__(self, *_: object) -> None: ...

    def decode(self, video: int) -> list[Any]:
        return [self] * self.frames

    def to_image(self) -> FakeVideo:
        return self

    def save(self, target: Path, kind: str) -> None:
        target.write_text(kind)

    def read(self) -> tuple[bool, str]:
        return self.frames > 0, "frame"

    def release(self) -> None: ...


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    found: dict[str, Any] = {"av": None, "cv2": None}
    for name in found:
        monkeypatch.setitem(sys.modules, name, None)
    return found


def install(monkeypatch: pytest.MonkeyPatch, name: str, **functions: Any) -> None:
    module = types.ModuleType(name)
    vars(module).update(functions)
    monkeypatch.setitem(sys.modules, name, module)


def write(target: str, frame: str) -> bool:
    Path(target).write_text(frame)
    return True


def test_first_frame_by_either_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, libraries: dict[str, Any]
) -> None:
    target = tmp_path / "frame.png"
    install(monkeypatch, "cv2", VideoCapture=lambda _: FakeVideo(), imwrite=write)
    save_first_frame(tmp_path / "a.mp4", target)
    assert target.read_text() == "frame"

    install(monkeypatch, "av", open=lambda _: FakeVideo())
    save_first_frame(tmp_path / "a.mp4", target)
    assert target.read_text() == "PNG"


def test_video_without_a_library_or_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, libraries: dict[str, Any]
) -> None:
    target = tmp_path / "frame.png"
    with pytest.raises(Unshowable, match="pip install av"):
        save_first_frame(tmp_path / "a.mp4", target)

    install(monkeypatch, "cv2", VideoCapture=lambda _: FakeVideo(0), imwrite=write)
    with pytest.raises(Unshowable, match="Not a readable video"):
        save_first_frame(tmp_path / "a.mp4", target)

    def fail(_: str) -> Any:
        raise OSError("damaged")

    install(monkeypatch, "av", open=fail)
    with pytest.raises(Unshowable, match="Not a readable video \\(OSError\\)"):
        save_first_frame(tmp_path / "a.mp4", target)
