"""Picture files of data sets: find them, measure them, place them."""

from __future__ import annotations

import filecmp
import os
import secrets
import shutil
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from synapse._internal.lazy_import import load
from synapse._internal.system_files import is_system_name
from synapse.errors import MissingExtra, UsageError
from synapse.formats.samples import ImageMode, Sample
from synapse.formats.written_files import keep, record

if TYPE_CHECKING:
    from types import ModuleType

__all__ = [
    "SUFFIXES",
    "check_mode",
    "find_files",
    "find_pictures",
    "is_file",
    "list_entries",
    "make_part_path",
    "place_picture",
    "read_orientation",
    "read_size",
    "write_file",
]

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"})

# EXIF's field of the orientation, and its values that exchange width and height.
_ORIENTATION = 0x0112
_ORIENTATIONS = range(1, 9)
_TURNED = frozenset({5, 6, 7, 8})


def find_files(folder: Path, suffix: str = "", *, hidden: bool = False) -> Iterator[Path]:
    """Yield the files below a folder, by name, a folder's own first.

    Hidden files and those that systems leave, such as thumbnails in `@eaDir`, are left out, and so
    are pipes and devices.

    Args:
        folder: The folder; a missing one has no files.
        suffix: End of the names.
        hidden: Whether hidden files, not folders, are yielded: the labels of `.a.jpg`.
    """
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_left_out(name))
        for name in sorted(names):
            is_out = is_system_name(name) if hidden else _is_left_out(name)
            path = Path(place, name)
            if name.endswith(suffix) and not is_out and not _is_special(path):
                yield path


def list_entries(folder: Path, suffix: str = "") -> list[Path]:
    """Return the files and folders of a folder by name, but for those that `find_files` leaves out.

    Args:
        folder: The folder; a missing one has none.
        suffix: End of the names.
    """
    paths = folder.iterdir() if folder.is_dir() else ()
    found = (p for p in paths if p.name.endswith(suffix) and not _is_left_out(p.name))
    return sorted(path for path in found if not _is_special(path))


def is_file(path: str | Path) -> bool:
    """Return whether a path is a regular file; a name that is too long is none."""
    return os.path.isfile(path)  # noqa: PTH113 - `Path.is_file` raises for a name that is too long


def _is_special(path: Path) -> bool:
    """Return whether a path is a pipe, socket or device, on which a reader would block."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False  # a broken link, which its reader names
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _is_left_out(name: str) -> bool:
    return name.startswith(".") or is_system_name(name)


def find_pictures(folder: Path) -> Iterator[Path]:
    """Yield the picture files below a folder, as `find_files` does."""
    return (path for path in find_files(folder) if path.suffix.lower() in SUFFIXES)


def read_size(path: Path) -> tuple[tuple[int, int], bool]:
    """Return width and height of a picture as stored, and whether it is shown turned (EXIF).

    Raises:
        MissingExtra: Pillow isn't installed.
        UsageError: The file isn't a picture.
    """
    size, orientation = read_orientation(path)
    return size, orientation in _TURNED


def read_orientation(path: Path) -> tuple[tuple[int, int], int]:
    """Return width and height of a picture as stored, and the EXIF orientation, 1 to 8.

    Raises:
        MissingExtra: Pillow isn't installed.
        UsageError: The file isn't a picture.
    """
    pillow = _load_pillow()
    if not is_file(path):
        raise UsageError(f"{path} is not a file.")
    try:
        with pillow.open(path) as picture:
            orientation = picture.getexif().get(_ORIENTATION)
            width, height = picture.size
            return (width, height), orientation if orientation in _ORIENTATIONS else 1
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        raise UsageError(f"{path} is not a readable picture ({error}).") from None


def _load_pillow() -> ModuleType:
    try:
        return load("PIL.Image")
    except ImportError as error:
        raise MissingExtra("Reading the size of pictures", "images") from error


def check_mode(mode: str) -> None:
    """Refuse an unknown mode for pictures.

    Raises:
        UsageError: The mode is neither `"copy"` nor `"link"` nor `"none"`.
    """
    if mode not in ("copy", "link", "none"):
        raise UsageError(f"images={mode!r} is not valid. Use 'copy', 'link' or 'none'.")


def make_part_path(path: Path) -> Path:
    """Return a temporary path beside a file that no picture has, however the pictures are named."""
    return path.with_name(f".{secrets.token_hex(8)}.part")


def place_picture(sample: Sample, target: Path, mode: ImageMode) -> bool:
    """Put a sample's picture to its place; one that is there with the same bytes stays.

    Returns:
        Whether the picture is there, or isn't wanted.
    """
    if mode == "none":
        keep(target)
        return True
    if sample.image is None:
        return False
    # A link to a link would depend on the folder that it is in.
    source = sample.image.resolve()
    record(target)
    if target.is_file() and filecmp.cmp(source, target, shallow=False):
        return True
    target.parent.mkdir(parents=True, exist_ok=True)
    with _replacing(target) as part:
        if mode == "link":
            try:
                os.link(source, part)
            except OSError:  # another disk, or one without links
                shutil.copyfile(source, part)
        else:
            shutil.copyfile(source, part)
    return True


def write_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and make the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    record(path)
    with _replacing(path) as part:
        part.write_bytes(data)


@contextmanager
def _replacing(path: Path) -> Generator[Path, None, None]:
    """Return a temporary path, whose file replaces the path's at the end of the block."""
    part = make_part_path(path)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
