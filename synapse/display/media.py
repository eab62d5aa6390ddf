"""Pictures of files that aren't pictures: point clouds from above, waveforms, first frames."""

from __future__ import annotations

import array
import math
import struct
import sys
import wave
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs

from synapse._internal.lazy_import import load
from synapse.annotations.masks import to_png
from synapse.display.drawing import Embedded
from synapse.display.thumbnails import Unshowable

__all__ = ["TopView", "draw_top_view", "draw_waveform", "save_first_frame"]

_MOST_POINTS = 200_000
_LONGEST_HEADER = 4096
_LETTERS = {("F", 4): "f", ("F", 8): "d", ("U", 1): "B", ("U", 2): "H", ("U", 4): "I"} | {
    ("I", 1): "b",
    ("I", 2): "h",
    ("I", 4): "i",
}


@attrs.frozen
class TopView:
    """A point cloud from above.

    Attributes:
        picture: The picture; x grows to the right, y upwards.
        origin: Coordinates of the left lower corner.
        size: Extent in x and y, in the cloud's unit.
        points: Number of points in the file.
    """

    picture: Embedded
    origin: tuple[float, float]
    size: tuple[float, float]
    points: int


def draw_top_view(path: Path, width: int, height: int) -> TopView:
    """Return a point cloud (PCD, ASCII or binary) as seen from above.

    Raises:
        Unshowable: The file is of another kind, or damaged.
    """
    with path.open("rb") as file:
        head = _read_head(file)
        total = int(head["POINTS"][0])
        step = max(1, math.ceil(total / _MOST_POINTS))
        points = [pair for pair in _read_points(file, head, step) if all(map(math.isfinite, pair))]
    if not points:
        raise Unshowable("The point cloud has no points.")
    low_x, high_x = _spread([x for x, _ in points])
    low_y, high_y = _spread([y for _, y in points])
    scale = min(width / (high_x - low_x), height / (high_y - low_y))
    columns = max(1, math.ceil((high_x - low_x) * scale))
    rows = max(1, math.ceil((high_y - low_y) * scale))
    pixels = {
        int((high_y - y) * scale) * columns + int((x - low_x) * scale)
        for x, y in points
        if low_x <= x < high_x and low_y < y <= high_y
    }
    runs = [(pixel, 1) for pixel in sorted(pixels) if pixel < columns * rows]
    picture = Embedded(to_png(runs, columns, rows, depth=1), "image/png")
    return TopView(picture, (low_x, low_y), (columns / scale, rows / scale), total)


def _read_head(file: Any) -> dict[str, list[str]]:
    head: dict[str, list[str]] = {}
    for _ in range(40):
        line = file.readline(_LONGEST_HEADER)
        name, *words = line.decode("ascii", "replace").split() or [""]
        head[name] = words
        if name == "DATA":
            break
    try:
        is_known = head["DATA"][0] in ("ascii", "binary") and int(head["POINTS"][0]) >= 0
        numbers = [[int(word) for word in head[name]] for name in ("SIZE", "COUNT") if name in head]
        is_known = is_known and {"x", "y"} <= set(head["FIELDS"]) and all(numbers)
        lengths = {len(head[name]) for name in ("FIELDS", "SIZE", "TYPE", "COUNT") if name in head}
    except (KeyError, IndexError, ValueError):
        is_known, lengths = False, set()
    if not is_known or lengths != {len(head["FIELDS"])}:
        raise Unshowable("Only point clouds in PCD, ASCII or binary, have a preview.")
    return head


def _read_points(file: Any, head: dict[str, list[str]], step: int) -> Iterator[tuple[float, float]]:
    counts = [int(word) for word in head.get("COUNT", ["1"] * len(head["FIELDS"]))]
    places = [head["FIELDS"].index(name) for name in "xy"]
    if head["DATA"][0] == "ascii":
        first = [sum(counts[:place]) for place in places]
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST_HEADER), b"")):
            if number % step == 0:
                words = line.split()
                try:
                    yield float(words[first[0]]), float(words[first[1]])
                except (ValueError, IndexError):
                    continue
        return
    sizes = [int(word) for word in head["SIZE"]]
    letters = [_LETTERS.get((head["TYPE"][place], sizes[place])) for place in places]
    if None in letters:
        raise Unshowable("The point cloud has coordinates of an unknown type.")
    offsets = [sum(a * b for a, b in zip(sizes[:place], counts, strict=False)) for place in places]
    record = sum(size * count for size, count in zip(sizes, counts, strict=True))
    if record < 1:
        raise Unshowable("The point cloud is damaged.")
    formats = [struct.Struct(f"<{letter}") for letter in letters]
    while len(row := file.read(record)) == record:
        yield formats[0].unpack_from(row, offsets[0])[0], formats[1].unpack_from(row, offsets[1])[0]
        if step > 1:
            file.seek(record * (step - 1), 1)


def _spread(values: list[float]) -> tuple[float, float]:
    """Return the range of nearly all values: a few far ones would shrink the rest to a dot."""
    ordered = sorted(values)
    cut = len(ordered) // 200
    low, high = ordered[cut], ordered[-1 - cut]
    margin = (high - low) * 0.03 or 1.0
    return low - margin, high + margin


def draw_waveform(path: Path, width: int, height: int) -> tuple[Embedded, str]:
    """Return the waveform of a WAV file, and its length in words.

    Raises:
        Unshowable: The file is of another kind, or damaged.
    """
    try:
        with wave.open(str(path), "rb") as sound:
            frames, rate = sound.getnframes(), sound.getframerate()
            peaks = _find_peaks(sound, frames, width)
    except (wave.Error, EOFError, ValueError, struct.error):
        raise Unshowable("Only WAV files in PCM have a preview.") from None
    loudest = max(peaks, default=0.0) or 1.0
    middle = (height - 1) / 2
    lengths = [max(0.5, peak / loudest * middle) for peak in peaks]
    runs = _merge(
        row * width + column
        for row in range(height)
        for column, length in enumerate(lengths)
        if abs(row - middle) <= length
    )
    seconds = frames / rate if rate else 0.0
    return Embedded(to_png(runs, width, height, depth=1), "image/png"), f"{seconds:,.1f} s"


def _find_peaks(sound: wave.Wave_read, frames: int, columns: int) -> list[float]:
    """Return the loudest sample of each column, out of some hundred."""
    channels, size = sound.getnchannels(), sound.getsampwidth()
    peaks = []
    for column in range(min(columns, frames)):
        first, last = frames * column // columns, max(1, frames * (column + 1) // columns)
        sound.setpos(min(first, frames - 1))
        samples = _to_samples(sound.readframes(min(512, max(1, last - first))), size)
        peaks.append(float(max(map(abs, samples[::channels]), default=0)))
    return peaks


def _to_samples(content: bytes, size: int) -> Any:
    if size == 1:
        return [byte - 128 for byte in content]
    if size == 3:
        return [
            int.from_bytes(content[at : at + 3], "little", signed=True)
            for at in range(0, len(content) - 2, 3)
        ]
    samples = array.array({2: "h", 4: "i"}[size])
    samples.frombytes(content[: len(content) // size * size])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _merge(pixels: Iterable[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for pixel in pixels:
        if runs and pixel == runs[-1][0] + runs[-1][1]:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((pixel, 1))
    return runs


def save_first_frame(path: Path, target: Path) -> None:
    """Write a video's first frame as a picture, by PyAV or OpenCV.

    Raises:
        Unshowable: Neither is installed, or the video can't be read.
    """
    for module, save in (("av", _save_by_av), ("cv2", _save_by_opencv)):
        try:
            library = load(module)
        except ImportError:
            continue
        try:
            if save(library, path, target):
                return
        except Exception as error:  # the libraries raise whatever a damaged file leads to
            raise Unshowable(f"Not a readable video ({type(error).__name__}).") from None
        raise Unshowable("Not a readable video.")
    raise Unshowable("The first frame of a video needs a library: pip install av")


def _save_by_av(library: Any, path: Path, target: Path) -> bool:
    with library.open(str(path)) as video:
        for frame in video.decode(video=0):
            frame.to_image().save(target, "PNG")
            return True
    return False


def _save_by_opencv(library: Any, path: Path, target: Path) -> bool:
    video = library.VideoCapture(str(path))
    try:
        is_read, frame = video.read()
        return bool(is_read) and bool(library.imwrite(str(target), frame))
    finally:
        video.release()
