"""Previews of a unit's files, kept beside the files in the cache."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

import attrs

from synapse.display.drawing import Embedded
from synapse.display.media import draw_top_view, draw_waveform, save_first_frame
from synapse.display.thumbnails import Unshowable, make_thumbnail
from synapse.errors import ClientError, SynapseError
from synapse.transfer.cache_folder import store_file
from synapse.transfer.file_cache import FileCache
from synapse.transfer.remote_file import open_stream
from synapse.transport import Transport

__all__ = ["Preview", "choose_files", "find_kind", "make_preview"]

_SUFFIXES = {
    "image": "jpg jpeg jpe jfif png gif bmp webp tif tiff heic heif avif ppm pgm",
    "video": "mp4 mov avi mkv webm m4v",
    "audio": "wav mp3 flac ogg m4a",
    "pcd": "pcd ply las laz xyz",
    "text": "txt md csv tsv json jsonl xml html log yaml yml",
}
_KIND_OF = {suffix: kind for kind, names in _SUFFIXES.items() for suffix in names.split()}
_ORDER = tuple(_SUFFIXES)
# Larger files aren't fetched for a small picture of them.
_MOST_BYTES = 64 * 1024 * 1024
_LONGEST_TEXT = 2_000
_WAVE = (560, 120)


@attrs.frozen
class Preview:
    """A small picture of a file, or the beginning of its text.

    Attributes:
        name: Name of the file.
        picture: The picture, or `None`.
        size: Width and height of the original as shown; of a point cloud, its extent.
        orientation: EXIF orientation of the original.
        origin: Coordinates of the left lower corner, of a point cloud.
        text: Beginning of the text.
        note: Remark, such as the reason for a missing picture.
        is_fixed: Whether the picture has coordinates that annotations refer to.
    """

    name: str = ""
    picture: Embedded | None = None
    size: tuple[float, float] | None = None
    orientation: int = 1
    origin: tuple[float, float] | None = None
    text: str = ""
    note: str = ""
    is_fixed: bool = True


def find_kind(name: str, file: Any) -> str:
    """Return the kind of a file's content, by its declared type or its name; `""` if unknown."""
    kind = str(_read(file, "file_type") or "")
    if kind in _ORDER:
        return kind
    path = str(_read(file, "path") or "") or _last_part(_read(file, "url")) or name
    return _KIND_OF.get(path.rpartition(".")[2].lower(), "")


def choose_files(files: Any) -> list[tuple[str, Any]]:
    """Return the files that can be shown: the primary one first, then pictures, then others."""
    if not isinstance(files, Mapping):
        return []
    kinds = {name: find_kind(str(name), file) for name, file in files.items()}

    def rank(name: Any) -> tuple[bool, int]:
        extra = _read(files[name], "extra") or {}
        is_primary = bool(_read(files[name], "is_primary")) or (
            isinstance(extra, Mapping) and bool(extra.get("is_primary"))
        )
        return not is_primary, _ORDER.index(kinds[name])

    return [(str(name), files[name]) for name in sorted(filter(kinds.get, files), key=rank)]


def _read(file: Any, name: str) -> Any:
    return file.get(name) if isinstance(file, Mapping) else getattr(file, name, None)


def _last_part(url: Any) -> str:
    return str(url or "").partition("?")[0].rpartition("/")[2]


def make_preview(transport: Transport, name: str, file: Any, longest: int, room: int) -> Preview:
    """Return the preview of a file. One request, or none for a file in the cache.

    A file that is gone, damaged or of an unknown kind has a preview that says so.

    Args:
        transport: The transport.
        name: Name of the file's specification.
        file: The file.
        longest: Length of the picture's longer side, in pixels.
        room: Bytes of the picture.
    """
    shown = str(_read(file, "path") or "") or _last_part(_read(file, "url")) or name
    try:
        preview = _make(transport, find_kind(name, file), file, longest, room)
    except Unshowable as error:
        preview = Preview(note=str(error))
    except ClientError as error:
        is_gone = error.status_code in (404, 410)
        reason = "The file is gone" if is_gone else "The file can't be fetched"
        preview = Preview(note=f"{reason} ({error.outcome}).")
    except (SynapseError, OSError) as error:
        preview = Preview(note=f"The file can't be fetched: {error}")
    return attrs.evolve(preview, name=shown)


def _make(transport: Transport, kind: str, file: Any, longest: int, room: int) -> Preview:
    url, checksum, size = (_read(file, name) for name in ("url", "checksum", "size"))
    if not isinstance(url, str) or not url:
        raise Unshowable("The server sent no URL for the file.")
    if kind != "text" and isinstance(size, int) and size > _MOST_BYTES:
        raise Unshowable(f"Too large for a preview: {size / 1e6:,.0f} MB.")
    cache = FileCache(transport)
    store = cache.locate(url, checksum).parent / f".preview-{kind}-{longest}-{room}.json"
    if isinstance(checksum, str) and checksum and (kept := _load(store)) is not None:
        return kept
    if kind == "text":
        with open_stream(transport, url, size=size if isinstance(size, int) else None) as stream:
            head = stream.read(_LONGEST_TEXT)
        preview = Preview(text=head.decode("utf-8", "replace"))
    else:
        is_known = isinstance(size, int)
        path = (
            cache.fetch(url, checksum, size) if is_known else _fetch_bounded(transport, url, store)
        )
        try:
            preview = _draw(path, kind, longest, room)
        finally:
            if not is_known:
                path.unlink(missing_ok=True)
    _store(store, preview)
    return preview


def _fetch_bounded(transport: Transport, url: str, store: Path) -> Path:
    """Fetch a file of unknown size, which may have no end."""
    with open_stream(transport, url) as stream:
        content = stream.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise Unshowable(f"Too large for a preview: more than {_MOST_BYTES / 1e6:,.0f} MB.")
    suffix = PurePosixPath(_last_part(url)).suffix[:10]
    path = store.with_name(f".fetched-{secrets.token_hex(4)}{suffix}")
    path.write_bytes(content)
    return path


def _draw(path: Path, kind: str, longest: int, room: int) -> Preview:
    if kind == "pcd":
        view = draw_top_view(path, longest, longest)
        note = f"{view.points:,} points, from above"
        return Preview(picture=view.picture, size=view.size, origin=view.origin, note=note)
    if kind == "audio":
        picture, length = draw_waveform(path, *_WAVE)
        return Preview(picture=picture, size=_WAVE, note=length, is_fixed=False)
    if kind == "video":
        frame = path.with_name(f".frame-{secrets.token_hex(4)}.png")
        try:
            save_first_frame(path, frame)
            thumbnail = make_thumbnail(frame, longest, room)
        finally:
            frame.unlink(missing_ok=True)
        note = thumbnail.note or "First frame"
        return Preview(picture=thumbnail.picture, size=thumbnail.size, note=note)
    thumbnail = make_thumbnail(path, longest, room)
    return Preview(
        picture=thumbnail.picture,
        size=thumbnail.size,
        orientation=thumbnail.orientation,
        note=thumbnail.note,
    )


# -- The cache -----------------------------------------------------------------------------------


def _store(path: Path, preview: Preview) -> None:
    """Keep a preview; without room on the disk, the next call makes it again."""
    row = {name: getattr(preview, name) for name in _STORED}
    if preview.picture is not None:
        content = base64.b64encode(preview.picture.content).decode()
        row["picture"] = [content, preview.picture.media_type]
    with suppress(OSError):
        store_file(path, json.dumps(row).encode())


_STORED = ("size", "orientation", "origin", "text", "note", "is_fixed")


def _load(path: Path) -> Preview | None:
    """Return a stored preview; `None` if it is missing or damaged."""
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        picture = row.pop("picture", None)
        if picture is not None:
            picture = Embedded(base64.b64decode(picture[0], validate=True), str(picture[1]))
        pairs = {name: tuple(row[name]) if row[name] else None for name in ("size", "origin")}
        return Preview(picture=picture, **{**row, **pairs})
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None
