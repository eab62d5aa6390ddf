"""Masks as runs of pixels, and their conversions.

A mask is a tuple of runs `(start, length)` of pixels. Pixels are numbered by rows: pixel `(x, y)`
has the index `y * width + x`. Normal runs are sorted, not empty, and neither overlap nor touch:
every function returns normal runs and accepts runs in any order.

No function needs a library, except the two for arrays. Masks with many runs use numpy where numpy
is installed, with equal results. No function sends a request.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, pairwise
from operator import sub
from reprlib import repr as shorten
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeGuard

from synapse._internal.validate import is_int, is_number, validate_int
from synapse.errors import FieldValueError, UsageError

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "MAX_PIXELS",
    "Runs",
    "area",
    "bounds",
    "compress_counts",
    "decode_counts",
    "encode_counts",
    "expand_counts",
    "from_array",
    "from_indices",
    "from_pixels",
    "from_png",
    "intersection",
    "merge",
    "normalize",
    "rasterize",
    "read_png",
    "split_rows",
    "to_array",
    "to_indices",
    "to_png",
]

Runs: TypeAlias = tuple[tuple[int, int], ...]

#: Pixels of the largest PNG that is read, unless the caller allows more.
MAX_PIXELS = 2**28

_MAX_SIDE = 2**20
# COCO's compressed text holds counts of 32 bits, in at most seven characters each.
_MAX_COUNT = 2**32 - 1
_MAX_CHARACTERS = 7
# Runs from which numpy is worth its import, and pixels per run up to which a bitmap is faster.
_MANY_RUNS = 1_000
_SPARSE = 500
# Floats are exact to a thousandth of a pixel up to this coordinate, and sums don't overflow.
_MAX_COORDINATE = 2.0**40


# -- Runs ----------------------------------------------------------------------------------------


def normalize(
    runs: Iterable[Sequence[int]], width: int | None = None, height: int | None = None
) -> Runs:
    """Return runs sorted, with overlaps merged and empty runs dropped.

    Args:
        runs: Pairs `[start, length]` in any order.
        width: Width of the mask in pixels, to check the bounds; `None` checks none.
        height: Height of the mask in pixels.

    Raises:
        FieldValueError: An item isn't a run, or ends outside the mask.
        UsageError: The width or height isn't valid.

    Example:
        >>> normalize([[8, 2], [0, 3], [3, 1]], width=5, height=2)
        ((0, 4), (8, 2))
    """
    pixels = None if (width, height) == (None, None) else _count_pixels(width, height)
    if _is_normal(runs):
        if pixels is not None and runs and sum(runs[-1]) > pixels:
            raise _make_bounds_error("runs", len(runs) - 1, runs[-1], width, height)
        return runs

    checked: list[tuple[int, int]] = []
    for position, run in enumerate(runs):
        if not _is_pair(run) or not (is_int(run[0]) and is_int(run[1])) or run[0] < 0 or run[1] < 0:
            raise FieldValueError(
                f"runs[{position}]: {shorten(run)} is not a run. "
                "Pass [start, length]: two whole numbers, 0 or more."
            )
        start, length = run
        if pixels is not None and start + length > pixels:
            raise _make_bounds_error("runs", position, run, width, height)
        if length:
            checked.append((start, length))
    return _merge_sorted(sorted(checked))


def to_indices(runs: Iterable[Sequence[int]]) -> list[int]:
    """Return the indices of a mask's pixels, in order.

    Example:
        >>> to_indices(((0, 2), (8, 1)))
        [0, 1, 8]
    """
    return list(chain.from_iterable(range(start, start + n) for start, n in normalize(runs)))


def from_indices(
    indices: Iterable[int], width: int | None = None, height: int | None = None
) -> Runs:
    """Return the runs of pixels that are given by their indices.

    Args:
        indices: Indices `y * width + x`, in any order; repeated ones count once.
        width: Width of the mask in pixels, to check the bounds; `None` checks none.
        height: Height of the mask in pixels.

    Raises:
        FieldValueError: An item isn't an index, or lies outside the mask.

    Example:
        >>> from_indices([8, 1, 0])
        ((0, 2), (8, 1))
    """
    pixels = None if (width, height) == (None, None) else _count_pixels(width, height)
    items = list(indices)
    if not set(map(type, items)) <= {int}:
        for position, item in enumerate(items):
            if not is_int(item):
                raise _make_index_error(position, item)
    values = sorted(items)
    if not values:
        return ()
    if values[0] < 0:
        raise _make_index_error(items.index(values[0]), values[0])
    if pixels is not None and values[-1] >= pixels:
        position = items.index(values[-1])
        raise _make_bounds_error("indices", position, values[-1], width, height)
    gaps = [pair for pair in pairwise(values) if pair[1] - pair[0] > 1]
    starts = [values[0], *(after for _, after in gaps)]
    ends = [*(before for before, _ in gaps), values[-1]]
    return tuple((start, end + 1 - start) for start, end in zip(starts, ends, strict=True))


def area(runs: Iterable[Sequence[int]]) -> int:
    """Return the number of a mask's pixels.

    Example:
        >>> area(((0, 2), (8, 1)))
        3
    """
    return sum(length for _, length in normalize(runs))


def bounds(runs: Iterable[Sequence[int]], width: int) -> tuple[int, int, int, int]:
    """Return the smallest box around a mask: x, y, width and height; zeros for an empty mask.

    Args:
        runs: The mask.
        width: Width of the mask in pixels.

    Example:
        >>> bounds(((1, 2), (8, 1)), width=5)
        (1, 0, 3, 2)
    """
    validate_int("width", width, maximum=_MAX_SIDE)
    mask = normalize(runs)
    if not mask:
        return (0, 0, 0, 0)
    left, right = width, 0
    for start, length in mask:
        x = start % width
        end = x + length
        if end > width:
            left, right = 0, width
            break
        left, right = min(left, x), max(right, end)
    top = mask[0][0] // width
    bottom = (sum(mask[-1]) - 1) // width
    return (left, top, right - left, bottom + 1 - top)


def intersection(first: Iterable[Sequence[int]], second: Iterable[Sequence[int]]) -> int:
    """Return the number of pixels that two masks of one size share.

    Example:
        >>> intersection(((0, 4),), ((3, 5),))
        1
    """
    total = 0
    others = iter(normalize(second))
    other = next(others, None)
    for start, length in normalize(first):
        end = start + length
        while other is not None:
            other_start, other_length = other
            other_end = other_start + other_length
            total += max(min(end, other_end) - max(start, other_start), 0)
            if other_end > end:
                break
            other = next(others, None)
    return total


def merge(*masks: Iterable[Sequence[int]]) -> Runs:
    """Return the pixels that are in any of several masks of one size.

    Example:
        >>> merge(((0, 2),), ((1, 3), (9, 1)))
        ((0, 4), (9, 1))
    """
    return _merge_sorted(sorted(chain.from_iterable(map(normalize, masks))))


def rasterize(points: Iterable[Sequence[float]], width: int, height: int) -> Runs:
    """Return the pixels whose centres are inside a polygon.

    Polygons that share an edge share no pixel and leave no gap. Where a ring crosses itself, the
    even-odd rule decides. Parts outside the mask are cut off.

    Args:
        points: The corners `[x, y]` of one ring in pixels; the last is joined to the first.
        width: Width of the mask in pixels.
        height: Height of the mask in pixels.

    Raises:
        FieldValueError: The ring has fewer than three points, or a point isn't two finite numbers.

    Example:
        >>> rasterize([[1, 0], [4, 0], [4, 2], [1, 2]], width=5, height=4)
        ((1, 3), (6, 3))
    """
    _count_pixels(width, height)
    ring = [_check_point(position, point) for position, point in enumerate(points)]
    if len(ring) < 3:
        raise FieldValueError(f"points has {len(ring)} points. A polygon needs three or more.")

    crossings: dict[int, list[int]] = {}
    for corner, next_corner in pairwise([*ring, ring[0]]):
        # From top to bottom, so that two polygons round their common edge equally.
        (y1, x1), (y2, x2) = sorted((point[1], point[0]) for point in (corner, next_corner))
        rows = range(max(math.ceil(y1 - 0.5), 0), min(math.ceil(y2 - 0.5), height))
        for y in rows:
            x = x1 + (x2 - x1) * (y + 0.5 - y1) / (y2 - y1)
            column = math.ceil(min(max(x, 0), width) - 0.5)
            crossings.setdefault(y, []).append(column)
    runs: list[tuple[int, int]] = []
    for y in sorted(crossings):
        columns = sorted(crossings[y])
        for left, right in zip(columns[::2], columns[1::2], strict=True):
            runs.append((y * width + left, right - left))
    return normalize(runs)


def _is_pair(value: Any) -> TypeGuard[Sequence[Any]]:
    """Return whether a value is a list or tuple of two items."""
    return isinstance(value, (list, tuple)) and len(value) == 2


def _is_normal(runs: Iterable[Any]) -> TypeGuard[Runs]:
    """Return whether runs need no change."""
    if type(runs) is not tuple:
        return False
    end = -1
    for run in runs:
        if type(run) is not tuple or len(run) != 2:
            return False
        start, length = run
        if type(start) is not int or type(length) is not int or start <= end or length < 1:
            return False
        end = start + length
    return True


def _merge_sorted(runs: Iterable[tuple[int, int]]) -> Runs:
    """Merge sorted runs that overlap or touch."""
    merged: list[tuple[int, int]] = []
    last_start, last_end = 0, -1
    for start, length in runs:
        if start > last_end:
            if last_end >= 0:
                merged.append((last_start, last_end - last_start))
            last_start, last_end = start, start + length
        elif start + length > last_end:
            last_end = start + length
    if last_end >= 0:
        merged.append((last_start, last_end - last_start))
    return tuple(merged)


def _count_pixels(width: Any, height: Any) -> int:
    """Return the number of pixels of a mask with a valid size."""
    validate_int("width", width, maximum=_MAX_SIDE)
    validate_int("height", height, maximum=_MAX_SIDE)
    pixels: int = width * height
    if pixels > _MAX_COUNT:
        raise UsageError(
            f"width={width} and height={height} have more than {_MAX_COUNT} pixels. "
            "Split the mask into tiles."
        )
    return pixels


def _check_point(position: int, point: Any) -> tuple[float, float]:
    """Return a point of two finite numbers."""
    if not _is_pair(point) or not all(
        is_number(value) and abs(value) <= _MAX_COORDINATE for value in point
    ):
        raise FieldValueError(
            f"points[{position}]: {shorten(point)} is not a point. Pass [x, y] in pixels."
        )
    return (float(point[0]), float(point[1]))


def _make_index_error(position: int, item: Any) -> FieldValueError:
    """Return the error for an item that isn't a pixel's index."""
    return FieldValueError(
        f"indices[{position}]: {shorten(item)} is not a pixel's index. "
        "Pass whole numbers, 0 or more."
    )


def _make_bounds_error(
    name: str, position: int, item: Any, width: Any, height: Any
) -> FieldValueError:
    """Return the error for an item outside the mask."""
    return FieldValueError(
        f"{name}[{position}]: {shorten(item)} is outside a mask of {width} x {height} pixels. "
        "Check the mask's size."
    )


# -- COCO ----------------------------------------------------------------------------------------


def encode_counts(runs: Iterable[Sequence[int]], width: int, height: int) -> list[int]:
    """Return a mask as uncompressed counts of COCO.

    Counts go down the columns and alternate between pixels outside and inside the mask; the first
    counts pixels outside. The `size` beside them in COCO is `[height, width]`.

    Raises:
        FieldValueError: An item isn't a run, or ends outside the mask.

    Example:
        >>> encode_counts(((0, 2), (5, 1)), width=5, height=2)
        [0, 3, 7]
    """
    pixels = _count_pixels(width, height)
    edges = _transpose(normalize(runs, width, height), width, height)
    if not edges or edges[-1] < pixels:
        edges.append(pixels)
    return [end - start for start, end in pairwise([0, *edges])]


def decode_counts(counts: Iterable[int] | str | bytes, width: int, height: int) -> Runs:
    """Return a mask from counts of COCO.

    Args:
        counts: Numbers, or the compressed text.
        width: Width of the mask in pixels, the second number of COCO's `size`.
        height: Height of the mask in pixels, the first number of COCO's `size`.

    Raises:
        FieldValueError: An item isn't a count, the text is damaged, or the counts don't add up to
            the mask's pixels.

    Example:
        >>> decode_counts([0, 3, 7], width=5, height=2)
        ((0, 2), (5, 1))
    """
    pixels = _count_pixels(width, height)
    numbers = expand_counts(counts) if isinstance(counts, (str, bytes)) else _check_counts(counts)
    total = sum(numbers)
    if total != pixels:
        raise FieldValueError(
            f"counts add up to {total}, not to the {pixels} pixels of {width} x {height}. "
            "The counts are cut, or the size is of another mask."
        )
    edges = list(accumulate(numbers))
    runs = _pair_edges(edges[: len(edges) // 2 * 2])
    if 0 in numbers[1:]:
        runs = _merge_sorted(run for run in runs if run[1])
    return _pair_edges(_transpose(runs, height, width))


def compress_counts(counts: Iterable[int]) -> str:
    """Return counts as COCO's compressed text, as pycocotools writes them.

    Raises:
        FieldValueError: An item isn't a count.

    Example:
        >>> compress_counts([0, 3, 7])
        '037'
    """
    text = bytearray()
    numbers = _check_counts(counts)
    for index, count in enumerate(numbers):
        value = count - numbers[index - 2] if index > 2 else count
        # Five bits a character; the sixth says that more follow, the last one's fifth is the sign.
        while not -16 <= value < 16:
            text.append(48 + (value & 31 | 32))
            value >>= 5
        text.append(48 + (value & 31))
    return text.decode("ascii")


def expand_counts(text: str | bytes) -> list[int]:
    """Return the counts that COCO's compressed text holds.

    Raises:
        FieldValueError: The text has a character that cannot occur, is cut within a count, or
            holds a number that isn't a count.

    Example:
        >>> expand_counts("037")
        [0, 3, 7]
    """
    characters = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    counts: list[int] = []
    value = shift = 0
    for position, character in enumerate(characters):
        bits = character - 48
        if not 0 <= bits < 64:
            raise FieldValueError(
                f"counts, character {position}: {text[position : position + 1]!r} cannot occur in "
                "compressed counts. Pass the text as COCO has it."
            )
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            if shift >= 5 * _MAX_CHARACTERS:
                raise FieldValueError(
                    f"counts, character {position}: the number is too long. The text is damaged."
                )
            continue
        if bits & 16:
            value -= 1 << shift
        if len(counts) > 2:
            value += counts[-2]
        if not 0 <= value <= _MAX_COUNT:
            raise FieldValueError(
                f"counts, character {position}: count {len(counts)} is {value}, not between 0 and "
                f"{_MAX_COUNT}. The text is damaged."
            )
        counts.append(value)
        value = shift = 0
    if shift:
        raise FieldValueError(
            f"counts end within a number, after {len(characters)} characters. The text is cut."
        )
    return counts


def _check_counts(counts: Iterable[int]) -> list[int]:
    """Return counts as a list of valid numbers."""
    numbers = list(counts)
    if set(map(type, numbers)) == {int} and min(numbers) >= 0 and max(numbers) <= _MAX_COUNT:
        return numbers
    for position, count in enumerate(numbers):
        if not is_int(count) or not 0 <= count <= _MAX_COUNT:
            raise FieldValueError(
                f"counts[{position}]: {shorten(count)} is not a count. "
                f"Pass whole numbers between 0 and {_MAX_COUNT}."
            )
    return numbers


def _transpose(runs: Runs, width: int, height: int) -> list[int]:
    """Return the edges of a mask's runs after its rows and columns are exchanged."""
    if _MANY_RUNS <= len(runs) >= width * height / _SPARSE and (np := _load_numpy()):
        bitmap = np.zeros(width * height + 2, np.uint8)
        drawn = np.frombuffer(_draw(runs, width * height), np.uint8).reshape(height, width)
        bitmap[1:-1].reshape(width, height)[:] = drawn.T
        edges: list[int] = np.flatnonzero(bitmap[1:] != bitmap[:-1]).tolist()
        return edges

    # The ends that a row doesn't share with the row above enclose the columns that enter or leave
    # the mask in this row.
    rows = split_rows(runs, width)
    changes: list[list[int]] = [[] for _ in range(width)]
    for y in sorted(rows.keys() | {row + 1 for row in rows}):
        ends = sorted({*rows.get(y, ())} ^ {*rows.get(y - 1, ())})
        for left, right in zip(ends[::2], ends[1::2], strict=True):
            for column in changes[left:right]:
                column.append(y)
    edges = []
    for x, column in enumerate(changes):
        top = x * height
        if column and column[0] == 0 and edges and edges[-1] == top:
            edges.pop()
            del column[0]
        edges += [top + y for y in column]
    return edges


def _pair_edges(edges: list[int]) -> Runs:
    """Return the runs between the first and second edge, the third and fourth, and so on."""
    starts = edges[::2]
    return tuple(zip(starts, map(sub, edges[1::2], starts), strict=True))


def split_rows(runs: Runs, width: int) -> dict[int, list[int]]:
    """Return the first column of each run, and the one after the last, by row."""
    rows: dict[int, list[int]] = {}
    for start, length in runs:
        y, x = divmod(start, width)
        end = x + length
        while end > width:
            rows.setdefault(y, []).extend((x, width))
            y, x, end = y + 1, 0, end - width
        rows.setdefault(y, []).extend((x, end))
    return rows


def _draw(runs: Runs, pixels: int) -> bytearray:
    """Return one byte per pixel: 1 inside the mask, 0 outside."""
    bitmap = bytearray(pixels)
    for start, length in runs:
        bitmap[start : start + length] = b"\1" * length
    return bitmap


def _find_runs(bitmap: bytes) -> Runs:
    """Return the runs of the bytes that are 1; all others are 0."""
    runs: list[tuple[int, int]] = []
    start = bitmap.find(1)
    while start >= 0:
        end = bitmap.find(0, start)
        if end < 0:
            end = len(bitmap)
        runs.append((start, end - start))
        start = bitmap.find(1, end)
    return tuple(runs)


def _load_numpy() -> ModuleType | None:
    """Return numpy, or `None` where numpy isn't installed."""
    try:
        import numpy as np
    except ImportError:
        return None
    return np


# -- Arrays --------------------------------------------------------------------------------------


def to_array(runs: Iterable[Sequence[int]], width: int, height: int) -> NDArray[np.bool_]:
    """Return a mask as a numpy array of booleans with the shape `(height, width)`.

    Raises:
        FieldValueError: An item isn't a run, or ends outside the mask.
        ImportError: numpy isn't installed.

    Example:
        >>> to_array(((0, 2), (5, 1)), width=5, height=2).sum(axis=1).tolist()
        [2, 1]
    """
    import numpy as np

    bitmap = _draw(normalize(runs, width, height), _count_pixels(width, height))
    return np.frombuffer(bitmap, np.bool_).reshape(height, width)


def from_array(array: ArrayLike) -> Runs:
    """Return the pixels of a numpy array that aren't zero.

    Args:
        array: An array with the shape `(height, width)`.

    Raises:
        FieldValueError: The array hasn't two dimensions.
        ImportError: numpy isn't installed.

    Example:
        >>> from_array([[False, True, True], [True, False, False]])
        ((1, 3),)
    """
    import numpy as np

    values = np.asarray(array)
    if values.ndim != 2:
        raise FieldValueError(
            f"The array has the shape {values.shape}. Pass one mask, with (height, width)."
        )
    return _find_runs((values != 0).tobytes())


# -- PNG -----------------------------------------------------------------------------------------

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KINDS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}


def to_png(
    runs: Iterable[Sequence[int]], width: int, height: int, *, depth: Literal[1, 8] = 8
) -> bytes:
    """Return a mask as a grey PNG: white inside, black outside.

    Args:
        runs: The mask.
        width: Width of the mask in pixels.
        height: Height of the mask in pixels.
        depth: Bits per pixel, 1 or 8.

    Raises:
        FieldValueError: An item isn't a run, or ends outside the mask.
        UsageError: The size or depth isn't valid.

    Example:
        >>> from_png(to_png(((0, 2), (5, 1)), width=5, height=2))
        (((0, 2), (5, 1)), 5, 2)
    """
    if depth not in (1, 8):
        raise UsageError(f"depth={depth!r} is not valid. Pass 1 or 8.")
    rows = split_rows(normalize(runs, width, height), width)
    compressor = zlib.compressobj()
    draw = _draw_bits if depth == 1 else _draw_bytes
    empty = draw([], width)
    # Filter 0: lines of masks compress best as they are.
    parts = [
        compressor.compress(b"\0" + (draw(rows[y], width) if y in rows else empty))
        for y in range(height)
    ]
    content = b"".join([*parts, compressor.flush()])
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", content), (b"IEND", b"")]
    return _SIGNATURE + b"".join(_make_chunk(kind, body) for kind, body in chunks)


def from_png(
    data: bytes, *, value: int | None = None, max_pixels: int = MAX_PIXELS
) -> tuple[Runs, int, int]:
    """Return a mask, its width and its height from a PNG.

    Args:
        data: A PNG as `read_png()` takes.
        value: Grey value or palette index inside the mask; `None` for all but 0.
        max_pixels: Pixels of the largest picture to read.

    Raises:
        FieldValueError: The PNG is damaged, cut, too large or of another kind.

    Example:
        >>> from_png(to_png(((0, 4),), width=2, height=3, depth=1))
        (((0, 4),), 2, 3)
    """
    pixels, width, height = read_png(data, max_pixels=max_pixels)
    return from_pixels(pixels, value), width, height


def from_pixels(pixels: bytes, value: int | None = None) -> Runs:
    """Return the runs of the pixels that have a value.

    Args:
        pixels: One byte per pixel, row by row, as `read_png()` returns them.
        value: The value inside the mask; `None` for all but 0.

    Example:
        >>> from_pixels(bytes([0, 7, 7, 3]), 7)
        ((1, 2),)
    """
    if value is None:
        table = b"\0" + b"\1" * 255
    else:
        validate_int("value", value, minimum=0, maximum=255)
        table = bytes(number == value for number in range(256))
    return _find_runs(pixels.translate(table))


def read_png(data: bytes, *, max_pixels: int = MAX_PIXELS) -> tuple[bytes, int, int]:
    r"""Return the pixels of a PNG, one byte each, with the width and the height.

    Args:
        data: A grey or palette PNG of 1, 2, 4 or 8 bits, not interlaced.
        max_pixels: Pixels of the largest picture to read. Larger ones are refused before their
            pixels are unpacked.

    Returns:
        The grey values or palette indices as stored, row by row (white is 1 in a PNG of one bit),
        the width and the height.

    Raises:
        FieldValueError: The PNG is damaged, cut, too large or of another kind.

    Example:
        >>> read_png(to_png(((0, 1),), width=2, height=1))
        (b'\xff\x00', 2, 1)
    """
    validate_int("max_pixels", max_pixels)
    chunks = list(_read_chunks(data))
    kind, header = chunks[0]
    if kind != b"IHDR" or len(header) != 13:
        raise FieldValueError("The PNG has no header. The file is damaged.")
    width, height, depth, color, packing, filtering, interlace = struct.unpack(">IIBBBBB", header)
    if color not in (0, 3) or depth not in (1, 2, 4, 8) or interlace or packing or filtering:
        raise FieldValueError(
            f"The PNG is {_KINDS.get(color, 'of an unknown kind')}, {depth} bits"
            f"{', interlaced' if interlace else ''}. "
            "Save the mask in grey or with a palette, in at most 8 bits and not interlaced."
        )
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE and width * height <= max_pixels):
        raise FieldValueError(
            f"The PNG has {width} x {height} pixels, but max_pixels={max_pixels}. "
            "Pass a higher max_pixels if the file is trustworthy."
        )
    size = (width * depth + 7) // 8
    expected = height * (size + 1)
    decompressor = zlib.decompressobj()
    try:
        content = decompressor.decompress(
            b"".join(body for kind, body in chunks if kind == b"IDAT"), expected + 1
        )
    except zlib.error as error:
        raise FieldValueError(f"The PNG is damaged ({error}). Save the file again.") from error
    if len(content) != expected or not decompressor.eof:
        raise FieldValueError(
            f"The PNG doesn't hold exactly the pixels of {width} x {height}. "
            "The file is cut or damaged."
        )
    lines = _unfilter(content, size)
    if depth < 8:
        mask = (1 << depth) - 1
        shifts = range(8 - depth, -1, -depth)
        table = [bytes(byte >> shift & mask for shift in shifts) for byte in range(256)]
        lines = (b"".join(map(table.__getitem__, line))[:width] for line in lines)
    return b"".join(lines), width, height


def _draw_bits(ends: list[int], width: int) -> bytes:
    """Return a line of a PNG with one bit per pixel."""
    size = (width + 7) // 8
    bits = 0
    for end in ends:
        # Two ends leave the bits between them: those before the second, without those before the
        # first.
        bits ^= (1 << size * 8) - (1 << size * 8 - end)
    return bits.to_bytes(size, "big")


def _draw_bytes(ends: list[int], width: int) -> bytes:
    """Return a line of a PNG with one byte per pixel."""
    line = bytearray(width)
    for left, right in zip(ends[::2], ends[1::2], strict=True):
        line[left:right] = b"\xff" * (right - left)
    return bytes(line)


def _make_chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG with its length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _read_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and body of a PNG's chunks up to the last."""
    if not data.startswith(_SIGNATURE):
        raise FieldValueError("The file isn't a PNG. Pass the bytes of a PNG file.")
    position = len(_SIGNATURE)
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            break
        kind, body = data[position + 4 : position + 8], data[position + 8 : end]
        if data[end : end + 4] != struct.pack(">I", zlib.crc32(kind + body)):
            raise FieldValueError(
                f"The PNG is damaged: the checksum at byte {end} is wrong. Save the file again."
            )
        yield kind, body
        if kind == b"IEND":
            return
        position = end + 4
    raise FieldValueError(f"The PNG ends after {len(data)} bytes. The file is cut.")


def _unfilter(content: bytes, size: int) -> Iterator[bytes]:
    """Yield the lines of a PNG with one byte, or less, per pixel."""
    adder = _ByteAdder(size)
    above = empty = bytes(size)
    for position in range(0, len(content), size + 1):
        kind = content[position]
        line = content[position + 1 : position + 1 + size]
        if kind > 4:
            raise FieldValueError(
                f"The PNG has the unknown filter {kind} in row {position // (size + 1)}. "
                "The file is damaged."
            )
        if kind == 2:
            line = adder.add(line, above)
        elif kind == 1 or (kind == 4 and above == empty):
            line = adder.accumulate(line)
        elif kind == 3:
            line = _unfilter_average(line, above)
        elif kind == 4:
            line = _unfilter_paeth(line, above)
        above = line
        yield line


class _ByteAdder:
    """Sums of bytes modulo 256, all bytes of a line at once in one large integer."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._low = int.from_bytes(b"\x7f" * size, "little")
        self._high = int.from_bytes(b"\x80" * size, "little")

    def add(self, line: bytes, above: bytes) -> bytes:
        """Return the sum of two lines."""
        total = self._add(int.from_bytes(line, "little"), int.from_bytes(above, "little"))
        return total.to_bytes(self._size, "little")

    def accumulate(self, line: bytes) -> bytes:
        """Return the sum of each byte and all bytes before."""
        total = int.from_bytes(line, "little")
        bits = 8 * self._size
        shift = 8
        # Each step doubles the number of bytes that are summed.
        while shift < bits and total:
            total = self._add(total, total << shift & (1 << bits) - 1)
            shift *= 2
        return total.to_bytes(self._size, "little")

    def _add(self, first: int, second: int) -> int:
        # The highest bits are added apart, so that no byte carries into the next.
        return (first & self._low) + (second & self._low) ^ (first ^ second) & self._high


def _unfilter_average(line: bytes, above: bytes) -> bytes:
    """Return a line that is stored relative to the mean of the pixels to the left and above."""
    values = bytearray(len(line))
    left = 0
    for x, (value, top) in enumerate(zip(line, above, strict=True)):
        values[x] = left = value + (left + top >> 1) & 255
    return bytes(values)


def _unfilter_paeth(line: bytes, above: bytes) -> bytes:
    """Return a line that is stored relative to Paeth's choice of a neighbour."""
    values = bytearray(len(line))
    left = corner = 0
    for x, (value, top) in enumerate(zip(line, above, strict=True)):
        to_left, to_top = abs(top - corner), abs(left - corner)
        to_corner = abs(left + top - 2 * corner)
        if to_left <= to_top and to_left <= to_corner:
            nearest = left
        else:
            nearest = top if to_top <= to_corner else corner
        values[x] = left = value + nearest & 255
        corner = top
    return bytes(values)
