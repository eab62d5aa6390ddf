"""Folders of YOLO data sets: settings, splits, pictures and their label files."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

import attrs

from synapse._internal.lazy_import import load
from synapse._internal.validate import is_int
from synapse.errors import MissingExtra, UsageError
from synapse.formats.pictures import SUFFIXES, find_files, find_pictures, is_file, list_entries
from synapse.formats.report import FormatReport

__all__ = [
    "RESERVED_KEYS",
    "PictureSource",
    "YoloSettings",
    "find_settings",
    "find_sources",
    "get_label_path",
    "is_whole",
    "is_within",
    "iterate_labels",
    "iterate_pictures",
    "load_yaml",
    "read_settings",
]

# Keys of data.yaml that name no split.
RESERVED_KEYS = frozenset(
    {
        *("path", "names", "nc", "kpt_shape", "kpt_names", "flip_idx", "download", "channels"),
        *("roboflow", "augment", "yaml_file", "backup", "classes", "eval", "task"),
    }
)

_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_YAML_NAMES = re.compile(r"^['\"]?names['\"]?\s*:", re.MULTILINE)
_YAML_SPLIT = re.compile(r"^['\"]?(train|val|test)['\"]?\s*:", re.MULTILINE)
_LISTS_OF_NAMES = ("classes.txt", "obj.names")
# Longer files are something else.
_MAX_SETTINGS = 4 << 20
# Every row lists all joints. The largest known skeletons have some hundred.
_MAX_JOINTS = 10_000


def get_label_path(picture: str) -> str:
    """Return the label file of a picture, both relative paths with `/`.

    The last folder `images` of the path becomes `labels`.
    """
    folder, found, name = f"/{picture}".rpartition("/images/")
    path = PurePosixPath(f"{folder}/labels/{name}" if found else picture)
    return str(path.with_suffix(".txt")).lstrip("/")


@attrs.frozen
class YoloSettings:
    """The settings of a data set.

    Attributes:
        file: The file that they are from; `None` for a set without one.
        names: Names of the classes, in order; `None` if unknown.
        splits: Folders or lists of each split, as the file has them.
        root: The file's `path`, to which the splits are relative.
        shape: Number of joints, and of numbers for each; `None` without joints.
        joints: Names of the joints, by class index.
    """

    file: Path | None = None
    names: tuple[str, ...] | None = None
    splits: Mapping[str, Any] = attrs.field(factory=dict)
    root: str = ""
    shape: tuple[int, int] | None = None
    joints: Mapping[int, tuple[str, ...]] = attrs.field(factory=dict)


@attrs.frozen
class PictureSource:
    """Pictures of one split.

    Attributes:
        split: Name of the split, or `None`.
        folder: Folder of the pictures, to which their names are relative.
        listing: File that lists the pictures; `None` for all pictures of the folder.
    """

    split: str | None
    folder: Path
    listing: Path | None = None


def find_settings(folder: Path) -> Path | None:
    """Return the file with a data set's settings: `data.yaml`, another YAML file, `obj.data`."""
    found = sorted([*list_entries(folder, ".yaml"), *list_entries(folder, ".yml")])
    for path in sorted(found, key=lambda path: path.stem != "data"):
        if path.is_file() and path.stat().st_size <= _MAX_SETTINGS and is_whole(path):
            return path
    darknet = folder / "obj.data"
    if darknet.is_file():
        return darknet
    # A file of this name that is broken or lacks a part: reading says what is wrong.
    return next((path for path in found if path.stem == "data" and _has_sets(folder, path)), None)


def is_whole(path: Path) -> bool:
    """Return whether a YAML file names classes and splits."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return bool(_YAML_NAMES.search(text) and _YAML_SPLIT.search(text))


def _has_sets(folder: Path, path: Path) -> bool:
    """Return whether a file is a part of a data set: by its keys, or by the folders beside."""
    if not path.is_file() or path.stat().st_size > _MAX_SETTINGS:
        return False
    text = path.read_text(encoding="utf-8", errors="replace")
    keys = _YAML_NAMES.search(text) or _YAML_SPLIT.search(text)
    return bool(keys) or any(_find_folders(folder))


def read_settings(folder: Path) -> YoloSettings:
    """Return the settings of a data set; empty ones without such a file.

    Raises:
        UsageError: A file has invalid settings.
        MissingExtra: The file is YAML, and PyYAML isn't installed.
    """
    path = find_settings(folder)
    if path is None:
        return _read_list_of_names(folder)
    if path.suffix == ".data":
        return _read_darknet(folder, path)
    values = load_yaml(path)
    names: tuple[str, ...] | None
    if "names" in values:
        names = _check_names(path, values["names"], values.get("nc"))
    else:
        names = _read_list_of_names(folder).names
    splits = {
        _SPLITS.get(str(key), str(key)): value
        for key, value in values.items()
        if value not in (None, "", [])
        and (key in _SPLITS or (key not in RESERVED_KEYS and _is_path(folder, value)))
    }
    root = values.get("path") or ""
    if not isinstance(root, str):
        raise UsageError(f"{path}: path is {root!r}, not a folder's name.")
    shape = _check_shape(path, values.get("kpt_shape"))
    return YoloSettings(
        path, names, splits, root, shape, _read_joints(path, values.get("kpt_names"))
    )


def _read_list_of_names(folder: Path) -> YoloSettings:
    for name in _LISTS_OF_NAMES:
        if (folder / name).is_file():
            return YoloSettings(folder / name, _read_names(folder / name))
    return YoloSettings()


def load_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping of a YAML file.

    Raises:
        UsageError: The file isn't valid YAML, or not a mapping.
        MissingExtra: PyYAML isn't installed.
    """
    try:
        yaml = load("yaml")
    except ImportError as error:
        raise MissingExtra(f"Reading {path.name}", "plugins") from error
    try:
        text = path.read_text(encoding="utf-8-sig")
        # Nested aliases of a small file are a value of any size.
        has_aliases = any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text))
        values = None if has_aliases else yaml.safe_load(text)
        twice = None if has_aliases else _find_second_key(yaml.compose(text, yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = getattr(error, "problem", None) or type(error).__name__
        raise UsageError(f"{path} is not valid YAML ({problem}). Correct the file.") from None
    if has_aliases:
        raise UsageError(f"{path} has aliases (*name). Write the values out.")
    if twice is not None:
        raise UsageError(f"{path}, line {twice[1]}: the key {twice[0]!r} is there twice.")
    if not isinstance(values, dict):
        raise UsageError(f"{path} is not a mapping with names, train and val. Correct the file.")
    return values


def _find_second_key(node: Any) -> tuple[str, int] | None:
    """Return a key that a mapping of the document has twice, and the line: YAML keeps the last."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        value = getattr(each, "value", None)
        if not isinstance(value, list):
            continue
        keys: set[tuple[str, str]] = set()
        for part in value:
            if not isinstance(part, tuple):
                waiting.append(part)
                continue
            key, below = part
            waiting.append(below)
            name = (key.tag, str(key.value))
            if name in keys:
                return name[1], key.start_mark.line + 1
            keys.add(name)
    return None


def _is_path(folder: Path, value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value and _is_there(folder / value)


def _check_names(path: Path, names: Any, count: Any) -> tuple[str, ...]:
    if isinstance(names, dict):
        try:
            by_index = {int(key): value for key, value in names.items()}
        except (TypeError, ValueError):
            raise UsageError(f"{path}: the keys of names aren't numbers. Number from 0.") from None
        if sorted(by_index) != list(range(len(names))):
            raise UsageError(
                f"{path}: the keys of names are {sorted(by_index)[:5]} …, not 0 to "
                f"{len(names) - 1}. Rows have positions, not category ids; number the names from 0."
            )
        names = [by_index[index] for index in range(len(by_index))]
    if not isinstance(names, list) or any(isinstance(name, (list, dict)) for name in names):
        raise UsageError(f"{path}: names is neither a list nor a mapping of names.")
    values: dict[str, Any] = {"true or false": bool, "null": type(None), "a date": date}
    for what, kind in values.items():
        if any(isinstance(name, kind) for name in names):
            raise UsageError(
                f"{path}: names has a value that YAML reads as {what}, such as yes, no, null or "
                "2024-01-31. Put the names between quotes."
            )
    if is_int(count) and count != len(names):
        raise UsageError(f"{path}: nc is {count}, but names has {len(names)}. Correct one of them.")
    return _check_unique(path, [str(name).strip() for name in names])


def _check_unique(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    twice = sorted(name for name, number in Counter(names).items() if number > 1)
    if twice or "" in names:
        what = f"{twice[0]!r} twice" if twice else "an empty name"
        raise UsageError(f"{path} has {what}. Pass names=[...], a different name for each class.")
    return tuple(names)


def _read_names(path: Path) -> tuple[str, ...]:
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    return _check_unique(path, [line.strip() for line in text.rstrip().splitlines()])


def _check_shape(path: Path, shape: Any) -> tuple[int, int] | None:
    if shape is None:
        return None
    is_pair = isinstance(shape, list) and len(shape) == 2 and all(map(is_int, shape))
    if not is_pair or not 1 <= shape[0] <= _MAX_JOINTS or shape[1] not in (2, 3):
        raise UsageError(
            f"{path}: kpt_shape is {shape!r}. Write [joints, 2] or [joints, 3], with at most "
            f"{_MAX_JOINTS} joints."
        )
    return shape[0], shape[1]


def _read_joints(path: Path, names: Any) -> dict[int, tuple[str, ...]]:
    if names is None:
        return {}
    lists = dict(enumerate([names])) if isinstance(names, list) else names
    if not isinstance(lists, dict) or not all(
        is_int(key) and isinstance(value, list) for key, value in lists.items()
    ):
        raise UsageError(f"{path}: kpt_names is not a mapping of class indices to lists of names.")
    return {key: tuple(map(str, value)) for key, value in lists.items()}


def _read_darknet(folder: Path, path: Path) -> YoloSettings:
    """Read Darknet's `obj.data`: lines `key = value`."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    pairs = [line.partition("=") for line in text.splitlines() if "=" in line]
    values = {key.strip(): value.strip() for key, _, value in pairs}
    names = _resolve(folder, YoloSettings(path), "names", values.get("names") or "obj.names")
    if names is None:
        raise UsageError(f"{path}: names={values.get('names')!r} is not a file of the folder.")
    splits = {_SPLITS[key]: value for key, value in values.items() if key in _SPLITS}
    return YoloSettings(path, _read_names(names), splits)


def find_sources(folder: Path, settings: YoloSettings, report: FormatReport) -> list[PictureSource]:
    """Return the pictures of a data set by split.

    Raises:
        UsageError: The settings point out of the folder, or nothing is found.
    """
    if not settings.splits:
        sources = list(_find_folders(folder))
        if not sources:
            raise UsageError(
                f"{folder} has neither a data.yaml with train and val nor folders images/ and "
                "labels/. Pass the folder above them."
            )
        return sources
    sources = []
    seen: set[Path] = set()
    for split, entries in settings.splits.items():
        places = entries if isinstance(entries, list) else [entries]
        for entry in places:
            place = _resolve(folder, settings, split, entry)
            if place is None:
                name = settings.file.name if settings.file else folder.name
                report.skip(name, "no-folder", f"{split}={entry!r} is not in the folder.")
            elif place not in seen:
                seen.add(place)
                if place.is_file():
                    sources.append(PictureSource(split, folder, place))
                else:
                    # Names stay unique if a split has several folders.
                    root = place if len(places) == 1 else folder
                    sources.append(PictureSource(split, root, None if root == place else place))
    if not sources:
        raise UsageError(f"{settings.file}: none of the splits' folders is in {folder}.")
    return sources


def _find_folders(folder: Path) -> Iterator[PictureSource]:
    """Yield the folders of pictures that have a folder `labels` at the usual place."""
    if (folder / "images").is_dir() and (folder / "labels").is_dir():
        below = list_entries(folder / "images")
        if below and all(path.is_dir() and path.name in _SPLITS for path in below):
            yield from (PictureSource(_SPLITS[path.name], path) for path in below)
        else:
            yield PictureSource(None, folder / "images")
    for path in list_entries(folder):
        if path.name in _SPLITS and (path / "images").is_dir() and (path / "labels").is_dir():
            yield PictureSource(_SPLITS[path.name], path / "images")


def _is_there(path: Path) -> bool:
    return is_file(path) or os.path.isdir(path)  # noqa: PTH112 - `Path` raises for too long names


def is_within(path: Path, folder: Path) -> bool:
    """Return whether a path is in a folder, after `..` is resolved."""
    return Path(os.path.normpath(path)).is_relative_to(os.path.normpath(folder))


def _resolve(folder: Path, settings: YoloSettings, key: str, entry: Any) -> Path | None:
    """Return the place in the folder that an entry of the settings names; `None` if missing."""
    if not isinstance(entry, str) or not entry.strip() or "\0" in entry:
        raise UsageError(f"{settings.file}: {key} is {entry!r}, not a folder, a .txt list or both.")
    text = entry.strip().replace("\\", "/")
    inner = re.sub(r"^(\.{1,2}/)+", "", text)
    # Roboflow writes `../train/images`, Darknet `data/train.txt`, both for places in the folder.
    names = (settings.root + "/" + text if settings.root else text, text, inner)
    for name in (*names, inner.removeprefix("data/")):
        path = Path(os.path.normpath(folder / name))
        if is_within(path, folder) and _is_there(path):
            return path
    is_outside = not is_within(folder / text, folder)
    if is_outside and (key != "test" or _is_there(folder / text)):
        raise UsageError(
            f"{settings.file}: {key}={entry!r} points out of {folder}. Copy the pictures into the "
            "folder, and correct the entry."
        )
    root = folder / settings.root
    if settings.root and not is_within(root, folder) and _is_there(root / text):
        raise UsageError(
            f"{settings.file}: path={settings.root!r} points out of {folder}. Pass that folder, or "
            "remove the line."
        )
    return None


def iterate_pictures(folder: Path, source: PictureSource) -> Iterator[tuple[str, Path | None]]:
    """Yield the name of each picture, and the file; `None` for one that isn't in the folder.

    Args:
        folder: The data set.
        source: The pictures of one split.
    """
    if source.listing is None or source.listing.is_dir():
        for path in find_pictures(source.listing or source.folder):
            yield path.relative_to(source.folder).as_posix(), path
        return
    with source.listing.open(encoding="utf-8-sig", errors="replace") as lines:
        for line in lines:
            text = line.strip().replace("\\", "/")
            if text:
                found = _find_listed(folder, source.listing, text)
                yield found.relative_to(folder).as_posix() if found else text, found


def _find_listed(folder: Path, listing: Path, text: str) -> Path | None:
    inner = re.sub(r"^(\.{1,2}/)+", "", text)
    places = (listing.parent / text, folder / text, folder / inner)
    for place in (*places, folder / inner.removeprefix("data/")):
        path = Path(os.path.normpath(place))
        if is_within(path, folder) and path.suffix.lower() in SUFFIXES and is_file(path):
            return path
    return None


def iterate_labels(folder: Path, source: PictureSource) -> Iterator[str]:
    """Yield the label files of a split as relative paths of the data set, by name."""
    pictures = source.listing or source.folder
    if pictures.is_file():
        return
    below = pictures.relative_to(folder).as_posix()
    labels = folder / PurePosixPath(get_label_path(f"{below}/x.jpg")).parent
    for path in find_files(labels):
        if path.suffix == ".txt" and path.name not in _LISTS_OF_NAMES:
            yield path.relative_to(folder).as_posix()
