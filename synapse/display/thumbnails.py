"""Small copies of pictures, by Pillow if the extra `images` is installed."""

from __future__ import annotations

import io
import struct
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from synapse._internal.fork import hold_during_fork
from synapse._internal.installation import install_command
from synapse._internal.lazy_import import load
from synapse.display.drawing import Embedded

__all__ = ["Thumbnail", "Unshowable", "make_thumbnail", "read_header"]

# Pixels of the largest picture to decode: three bytes each.
_MOST_PIXELS = 80_000_000
_SMALLEST = 48
_ORIENTATION = 0x0112
_HEIC = (".heic", ".heif")
# One picture at a time is decoded, whose pixels may take 240 MB.
_decoding = threading.RLock()
hold_during_fork(_decoding)


class Unshowable(Exception):
    """A file can't be shown; the message names the reason and the remedy."""


@attrs.frozen
class Thumbnail:
    """A small copy of a picture, upright.

    Attributes:
        picture: The copy, or `None` if none could be made.
        size: Width and height of the original as shown, in pixels.
        orientation: EXIF orientation of the original.
        note: The reason for a missing copy.
    """

    picture: Embedded | None
    size: tuple[int, int]
    orientation: int = 1
    note: str = ""


def make_thumbnail(path: Path, longest: int, room: int) -> Thumbnail:
    """Return a small copy of a picture.

    Args:
        path: The picture.
        longest: Length of the copy's longer side, in pixels.
        room: Bytes of the copy.

    Raises:
        Unshowable: The file isn't a picture that can be read here.
    """
    try:
        pillow = load("PIL.Image")
    except ImportError:
        return _use_original(path, room)
    try:
        with _decoding:
            return _shrink(pillow, path, longest, room)
    except Unshowable:
        raise
    except Exception as error:  # Pillow's plugins raise whatever a damaged file leads to
        if path.suffix.lower() in _HEIC:
            raise Unshowable(
                "HEIC needs a library: pip install pillow-heif, then call "
                "pillow_heif.register_heif_opener()."
            ) from None
        raise Unshowable(f"Not a readable picture ({type(error).__name__}).") from None


def _shrink(pillow: ModuleType, path: Path, longest: int, room: int) -> Thumbnail:
    with pillow.open(path) as picture:
        width, height = picture.size
        if width * height > _MOST_PIXELS:
            raise Unshowable(f"Too large for a preview: {width:,} x {height:,} pixels.")
        orientation = picture.getexif().get(_ORIENTATION, 1)
        orientation = orientation if orientation in range(1, 9) else 1
        # A JPEG is decoded at an eighth, a quarter or a half where that is enough.
        picture.draft("RGB", (longest * 2, longest * 2))
        picture.thumbnail((longest * 4, longest * 4), reducing_gap=2.0)
        small = _to_rgb(pillow, picture)
    small.thumbnail((longest, longest))
    small = load("PIL.ImageOps").exif_transpose(_with_orientation(small, orientation))
    size = (height, width) if orientation > 4 else (width, height)
    return Thumbnail(_encode(small, room), size, orientation)


def _with_orientation(picture: Any, orientation: int) -> Any:
    """Put the original's orientation back, which a conversion may have dropped."""
    exif = picture.getexif()
    exif[_ORIENTATION] = orientation
    picture.info["exif"] = exif.tobytes()
    return picture


def _to_rgb(pillow: ModuleType, picture: Any) -> Any:
    """Return a picture of any mode in RGB: deep ones stretched, transparent ones on white."""
    mode = picture.mode
    if mode.startswith(("I", "F")):
        picture = picture.convert("F")
        low, high = picture.getextrema()
        scale = 255 / (high - low) if high > low else 1
        return picture.point(lambda value: value * scale - low * scale).convert("L").convert("RGB")
    if mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        below = pillow.new("RGBA", picture.size, (255, 255, 255, 255))
        return pillow.alpha_composite(below, picture).convert("RGB")
    return picture.convert("RGB")


def _encode(picture: Any, room: int) -> Embedded:
    """Return a picture in at most some bytes: coarser first, then smaller."""
    kind, media_type = "JPEG", "image/jpeg"
    if load("PIL.features").check("webp"):
        kind, media_type = "WEBP", "image/webp"
    while True:
        for quality in (85, 70, 50, 30):
            target = io.BytesIO()
            picture.save(target, kind, quality=quality)
            if target.tell() <= room or max(picture.size) <= _SMALLEST:
                return Embedded(target.getvalue(), media_type)
        longest = max(_SMALLEST, max(picture.size) * 3 // 4)
        picture.thumbnail((longest, longest))


# -- Without Pillow ------------------------------------------------------------------------------


def _use_original(path: Path, room: int) -> Thumbnail:
    """Return a small file as it is, else its size."""
    with path.open("rb") as file:
        content = file.read(room + 1)
    header = read_header(content)
    if header is None:
        raise Unshowable(f"Pictures of this kind need the extra: {install_command('images')}")
    media_type, size = header
    if len(content) <= room:
        return Thumbnail(Embedded(content, media_type), size)
    return Thumbnail(None, size, note=f"Pictures need the extra: {install_command('images')}")


def read_header(content: bytes) -> tuple[str, tuple[int, int]] | None:
    """Return type, width and height of a PNG, GIF or JPEG; `None` for others."""
    if content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) >= 24:
        return _checked("image/png", *struct.unpack(">II", content[16:24]))
    if content[:6] in (b"GIF87a", b"GIF89a") and len(content) >= 10:
        return _checked("image/gif", *struct.unpack("<HH", content[6:10]))
    if content[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return _checked("image/jpeg", width, height)
        at += 2 + length
    return None


def _checked(kind: str, width: int, height: int) -> tuple[str, tuple[int, int]] | None:
    return (kind, (width, height)) if width and height else None
